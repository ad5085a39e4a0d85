/** Generated workloads have their distributions in exact counts, come out the same for a seed, and read back as they were written. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { run } from "../../src/cli/program.js";
import { ratio, seconds } from "../../src/core/units.js";
import { COURSES, type Course } from "../../src/core/workload/course.js";
import { generateWorkload, type WorkloadVm } from "../../src/core/workload/generate.js";
import { happeningsOf } from "../../src/core/workload/happenings.js";
import { seededRandom } from "../../src/core/workload/random.js";
import { EXPERIMENT_TEMPORALITY, SCENARIOS, type Scenario } from "../../src/core/workload/scenario.js";
import { countsOf } from "../../src/core/workload/shares.js";
import { placeInTable } from "../../src/core/workload/submission.js";
import { cpuShare, memoryShare } from "../../src/core/workload/usage.js";
import { OperationalError } from "../../src/ports/errors.js";
import { driveScript, experimentCsv, workloadLines } from "../../src/trace/workload/formats.js";
import { readParquet } from "../../src/trace/workload/parquet.js";
import { parseScenario } from "../../src/trace/workload/scenario-file.js";
import { readWorkload } from "../../src/trace/workload/workload-file.js";

const folder = mkdtempSync(join(tmpdir(), "headroom-generate-"));
after(() => rmSync(folder, { recursive: true }));

const mixed: Scenario = {
  ...SCENARIOS.get("ovhcloud2023")!,
  ratios: [
    [ratio(1), 50],
    [ratio(2), 25],
    [ratio(3), 25],
  ],
};
const make = (scenario: Scenario, seed: number, initial = 500): WorkloadVm[] => [
  ...generateWorkload(scenario, EXPERIMENT_TEMPORALITY, initial, seededRandom(seed)),
];
const countBy = <K>(vms: readonly WorkloadVm[], key: (vm: WorkloadVm) => K): Map<K, number> => {
  const counts = new Map<K, number>();
  for (const vm of vms) counts.set(key(vm), (counts.get(key(vm)) ?? 0) + 1);
  return counts;
};

test("the beginning has its sizes, ratios, profiles and departures in exact counts, as the experiment has", () => {
  const first = make(mixed, 1).filter((vm) => vm.arrival === 0);
  assert.equal(first.length, 500);
  const sizes = countBy(first, (vm) => vm.vcpus);
  assert.deepEqual(
    [1, 2, 4, 8, 16].map((vcpus) => sizes.get(vcpus)),
    [50, 240, 170, 25, 15],
  );
  const memories = countBy(first, (vm) => vm.memoryMiB / 1024);
  assert.deepEqual(
    [2, 4, 7, 8, 15, 30, 60].map((gib) => memories.get(gib)),
    [50, 105, 135, 70, 100, 25, 15],
  );
  const ratios = countBy(first, (vm) => vm.ratio as number);
  assert.deepEqual(
    [1, 2, 3].map((each) => ratios.get(each)),
    [250, 125, 125],
  );
  const profiles = countBy(first, (vm) => vm.profile);
  assert.deepEqual(
    ["low_with_peak", "low", "low_mid", "intensive"].map((name) => profiles.get(name)),
    [182, 141, 106, 71],
  );
  const leaving = countBy(
    first.filter((vm) => !vm.permanent),
    (vm) => vm.profile,
  );
  assert.deepEqual(
    ["low_with_peak", "low", "low_mid", "intensive"].map((name) => leaving.get(name)),
    [109, 21, 33, 40],
  );
});

test("small CPU goes with small memory; each day adds as many VMs; who leaves lives at most a day", () => {
  const vms = make(mixed, 2);
  assert.equal(vms.length, 500 + 6 * 202);
  const first = vms.filter((vm) => vm.arrival === 0).sort((a, b) => a.index - b.index);
  for (const [at, vm] of first.entries()) {
    assert.ok(at === 0 || (first[at - 1]!.vcpus <= vm.vcpus && first[at - 1]!.memoryMiB <= vm.memoryMiB));
  }
  for (const vm of vms) {
    assert.equal(vm.arrival % 360, 0);
    const slices = (vm.departure - vm.arrival) / 360;
    if (vm.permanent) assert.equal(vm.departure, 60_480);
    else assert.ok(Number.isInteger(slices) && slices >= 1 && slices <= 24);
    assert.ok(vm.meanPercent <= vm.p95Percent && vm.p95Percent <= 100);
  }
  for (let day = 1; day < 7; day++) assert.equal(vms.filter((vm) => Math.floor(vm.arrival / 8640) === day).length, 202);
});

test("same seed, same workload; another seed, another", () => {
  assert.deepEqual(make(mixed, 3), make(mixed, 3));
  assert.notDeepEqual(make(mixed, 3), make(mixed, 4));
});

test("VMs of one moment are submitted in the order of the published simulator's table", () => {
  const ids = make(mixed, 1)
    .slice(0, 12)
    .map((vm) => vm.index);
  assert.deepEqual(ids, [330, 332, 331, 334, 333, 336, 335, 327, 326, 329, 328, 321]);
  const placeOf = placeInTable(17_000);
  assert.ok(placeOf("vm4620") < placeOf("vm4625") && placeOf("vm4625") < placeOf("vm4626"));
});

test("counts add up, and differ from their shares by less than one", () => {
  const shares = [
    ["a", 0.36],
    ["b", 0.28],
    ["c", 0.14],
    ["d", 0.21],
  ] as const;
  for (const count of [0, 1, 7, 202, 500, 9_999]) {
    const counts = countsOf(shares, count);
    assert.equal(
      counts.reduce((sum, each) => sum + each, 0),
      count,
    );
    for (const [place, each] of counts.entries()) assert.ok(Math.abs(each - (shares[place]![1] / 0.99) * count) < 1);
  }
});

test("usage has the VM's mean and 95th percentile", () => {
  const vm = make(mixed, 1)[0]!;
  const rules = { seed: 9, momentsPerDay: 24 };
  for (const [meanPercent, p95Percent, course] of [
    [20, 60, "independent"],
    [50, 55, "independent"],
    [30, 30, "independent"],
    [10, 99, "independent"],
    [20, 60, "bursts"],
    [10, 99, "bursts"],
    [20, 60, "daily"],
  ] as const) {
    const values = Array.from({ length: 20_000 }, (_, moment) =>
      cpuShare({ ...vm, meanPercent, p95Percent, periodic: false }, moment, { ...rules, course }),
    ).sort((a, b) => a - b);
    const mean = values.reduce((sum, each) => sum + each, 0) / values.length;
    assert.ok(Math.abs(mean * 100 - meanPercent) < 1, `mean ${mean} for ${meanPercent}`);
    assert.ok(Math.abs(values[19_000]! * 100 - p95Percent) < 1.5, `p95 ${values[19_000]} for ${p95Percent}`);
  }
  const periodic = { ...vm, periodic: true };
  assert.equal(cpuShare(periodic, 5, rules), cpuShare(periodic, 29, rules));
  for (let moment = 0; moment < 100; moment++) {
    for (const course of COURSES) {
      const share = memoryShare(vm, moment, { ...rules, course });
      assert.ok(share > 0.2 && share <= 0.9, `${share} in ${course}`);
    }
  }
});

/** Of a VM's shares at moments and `apart` later. */
function alike(shares: readonly number[], apart: number): number {
  const mean = shares.reduce((sum, each) => sum + each, 0) / shares.length;
  const product = (distance: number): number => {
    let sum = 0;
    for (let at = 0; at + distance < shares.length; at++) sum += (shares[at]! - mean) * (shares[at + distance]! - mean);
    return sum / (shares.length - distance);
  };
  return product(apart) / product(0);
}

test("bursts last for minutes, waking for hours; with a rhythm, VMs are busy at the same hours", () => {
  const [momentsPerDay, days] = [288, 100];
  const shares = (course: Course, index: number): number[] =>
    Array.from({ length: momentsPerDay * days }, (_, moment) =>
      cpuShare({ index, meanPercent: 40, p95Percent: 90, periodic: false }, moment, { seed: 3, momentsPerDay, course }),
    );
  const [none, bursts, daily] = COURSES.map((course) => shares(course, 7)) as [number[], number[], number[]];
  assert.ok(Math.abs(alike(none, 1)) < 0.05);
  assert.ok(alike(bursts, 1) > 0.6, "five minutes later much is as it was");
  assert.ok(alike(bursts, 12) > 0.25 && alike(bursts, 12) < alike(bursts, 1), "an hour later some is");
  assert.ok(Math.abs(alike(bursts, 288)) < 0.1, "a day later nothing is");
  assert.ok(alike(daily, 288) > 0.25, "but with a rhythm");
  const together = (course: Course): number => {
    const [one, other] = [shares(course, 7), shares(course, 8)];
    const both = one.map((share, moment) => share + other[moment]!);
    const spread = (of: readonly number[]): number => {
      const mean = of.reduce((sum, each) => sum + each, 0) / of.length;
      return of.reduce((sum, each) => sum + (each - mean) ** 2, 0) / of.length;
    };
    return spread(both) / (spread(one) + spread(other)) - 1;
  };
  assert.ok(Math.abs(together("bursts")) < 0.1);
  assert.ok(together("daily") > 0.2);
});

test("what happens is in order of time, arrivals first; each VM leaves once, after it came", () => {
  let last = 0;
  const here = new Set<string>();
  for (const { kind, at, vm } of happeningsOf(make(mixed, 5, 60))) {
    assert.ok(at >= last);
    last = at;
    if (kind === "arrive") here.add(vm.name);
    else assert.ok(here.delete(vm.name));
  }
  assert.ok(here.size > 0);
});

test("lines of JSON and the experiment's CSV read back as what was written", async () => {
  const vms = make(mixed, 6, 40);
  const lines = join(folder, "w.jsonl");
  writeFileSync(lines, [...workloadLines(vms)].join(""));
  const csv = join(folder, "w.csv");
  writeFileSync(csv, [...experimentCsv(vms)].join(""));
  const played = await readWorkload(lines);
  assert.deepEqual(
    played.map(({ id, vcpus, memoryMiB, departure }) => [id, vcpus, memoryMiB, departure]),
    vms.map((vm) => [vm.name, vm.vcpus, vm.memoryMiB, vm.permanent ? Number.POSITIVE_INFINITY : vm.departure]),
  );
  const sized = await readWorkload(csv);
  assert.deepEqual(
    sized.map(({ id, ratio: at, arrival, departure }) => [id, at, arrival, departure]),
    vms.map((vm) => [String(vm.index), vm.ratio, vm.arrival, vm.departure]),
  );
  assert.ok(sized.every((vm) => vm.ratio === 1 || vm.memoryMiB <= 8192));
});

test("Parquet reads back as what was written, over several row groups", async () => {
  const path = join(folder, "large.parquet");
  assert.equal(await run(["generate", "--vms", "20000", "--seed", "3", "--format", "parquet", "--out", path]), 0);
  const vms = make(SCENARIOS.get("ovhcloud2023")!, 3, 20_000);
  assert.ok(vms.length > 50_000);
  assert.deepEqual(await readParquet(path), vms);
  const read = await readWorkload(path);
  assert.deepEqual([read.length, read[60_000]!.id], [vms.length, vms[60_000]!.name]);
  writeFileSync(path, readFileSync(path).subarray(0, 4000));
  await assert.rejects(readWorkload(path), { code: "bad-input-file" });
});

test("arrivals and lives have the quantiles of their distributions", () => {
  const vms = make({ ...SCENARIOS.get("azure2017")!, name: "quantiles" }, 11, 20_000);
  // Who leaves lives 1 to 24 slices, evenly.
  const lives = vms.filter((vm) => !vm.permanent).map((vm) => (vm.departure - vm.arrival) / 360);
  lives.sort((a, b) => a - b);
  for (const share of [0.1, 0.25, 0.5, 0.75, 0.9]) {
    const life = lives[Math.floor(share * lives.length)]!;
    assert.ok(Math.abs(life - Math.ceil(24 * share)) <= 1, `${share} of lives: ${life}`);
  }
  // The weights of a day's slices are exponential: their ratio to the mean is -ln(1 - share).
  const perSlice = new Map<number, number>();
  for (const vm of vms) if (vm.arrival > 0) perSlice.set(vm.arrival, (perSlice.get(vm.arrival) ?? 0) + 1);
  const counts = Array.from({ length: 6 * 24 }, (_, slice) => perSlice.get(8640 + slice * 360) ?? 0);
  const mean = counts.reduce((sum, count) => sum + count, 0) / counts.length;
  counts.sort((a, b) => a - b);
  for (const share of [0.25, 0.5, 0.75]) {
    const found = counts[Math.floor(share * counts.length)]! / mean;
    assert.ok(Math.abs(found + Math.log(1 - share)) < 0.25, `${share} of slices: ${found}`);
  }
  // Means and 95th percentiles lie evenly within the profile's bounds.
  const low = vms.filter((vm) => vm.profile === "low_with_peak");
  const means = low.map((vm) => vm.meanPercent).sort((a, b) => a - b);
  for (const share of [0.05, 0.5, 0.95]) {
    const found = means[Math.floor(share * means.length)]!;
    assert.ok(Math.abs(found - (0.2 + share * 33.1)) < 1, `${share} of means: ${found}`);
  }
  assert.ok(low.every((vm) => vm.p95Percent >= 66.6 && vm.p95Percent <= 100));
});

test("a wrong line of JSON is named", async () => {
  const path = join(folder, "wrong.jsonl");
  writeFileSync(
    path,
    '{"name":"a","vcpus":1,"memoryMiB":1,"ratio":1,"arrival":0,"departure":1}\n{"name":"b","vcpus":0}\n',
  );
  await assert.rejects(readWorkload(path), /wrong\.jsonl: line 2: vcpus: /);
});

test("the script deploys and removes in order, and waits in between", () => {
  const script = [...driveScript(make(mixed, 7, 5))].join("");
  assert.match(script, /^#!\/bin\/sh\n/);
  assert.match(script, /\ndeploy vm\d+ \d+ \d+ [123]\n/);
  assert.match(script, /\npause 360\n|\npause \d+\nremove vm\d+\n/);
});

describe("scenario files", () => {
  const published = `vm_distribution:
  config_cpu:
    1: 0.1
    2: 0.47
    4: 0.33
    8: 0.05
    16: 0.03
  config_mem:
    2.0: 0.5
    15.0: 0.45
vm_usage:
  low:
    avg: { min: 0.0, max: 25.9 }
    per: { min: 0.0, max: 31.2 }
    freq: 1
    rate: { arrival: 0.15, departure: 0.15, periodicity: 0.004 }
vm_premium:
  oc-1.0: 0.5
  oc-2.6: 0.5
vm_workloads:
  workloads: {}
`;

  test("are read in the form of the earlier system, rounded shares and all", () => {
    const parts = parseScenario("s.yml", published);
    assert.deepEqual(parts.memoryGiB, [
      [2, 0.5],
      [15, 0.45],
    ]);
    assert.deepEqual(parts.vcpus?.at(-1), [16, 0.03]);
    assert.deepEqual(parts.ratios, [
      [1, 0.5],
      [2.6, 0.5],
    ]);
    assert.deepEqual(parts.profiles, [
      {
        name: "low",
        share: 1,
        mean: { least: 0, most: 25.9 },
        p95: { least: 0, most: 31.2 },
        arrival: 0.15,
        departure: 0.15,
        periodic: 0.004,
      },
    ]);
  });

  const cases: readonly (readonly [text: string, expected: RegExp])[] = [
    ["a: [", /s\.yml: is no YAML/],
    ["other: 1", /the file: has none of vm_distribution, vm_usage and vm_premium/],
    ["vm_premium: {oc-1.0: 0.4}", /vm_premium: shares add up to 0\.400, expected 1/],
    ["vm_premium: {oc-0.5: 1}", /vm_premium\.oc-0\.5: expected a number from 1/],
    ["vm_premium: {oc-1: lots}", /vm_premium\.oc-1: expected a share from 0 to 1/],
    ["vm_distribution: {config_cpu: {1: 1}}", /vm_distribution\.config_mem: expected /],
    ["vm_usage: {low: {avg: {min: 9, max: 1}}}", /vm_usage\.low\.avg/],
  ];
  for (const [text, expected] of cases) {
    test(text, () => {
      assert.throws(
        () => parseScenario("s.yml", text),
        (error) => error instanceof OperationalError && expected.test(error.message),
      );
    });
  }
});

describe("headroom generate", () => {
  const generate = async (args: readonly string[]): Promise<{ code: number; err: string }> => {
    const written: string[] = [];
    const code = await run(["generate", ...args], { write: (text) => written.push(text) });
    return { code, err: written.join("") };
  };

  test("writes every format, the same for the same seed", async () => {
    for (const format of ["csv", "jsonl", "script", "monitoring", "estimator"]) {
      const out = [join(folder, "a"), join(folder, "b")];
      for (const path of out) {
        const args = ["--vms", "6", "--temporality", "60,240,2", "--format", format, "--seed", "4", "--out", path];
        assert.deepEqual(await generate(args), { code: 0, err: "" });
      }
      assert.equal(readFileSync(out[0]!, "utf8"), readFileSync(out[1]!, "utf8"));
      assert.ok(readFileSync(out[0]!).length > 100);
    }
    assert.equal(seconds(60), 60);
  });

  test("says what is wrong with its arguments", async () => {
    const wrong = async (args: readonly string[], code: number, message: RegExp): Promise<void> => {
      const answer = await generate(args);
      assert.match(answer.err, message);
      assert.equal(answer.code, code);
    };
    await wrong(
      ["--scenario", "nowhere.yml"],
      1,
      /--scenario nowhere\.yml: neither a built-in \(azure2017, chameleon2020, ovhcloud2023\)/,
    );
    await wrong(["--ratios", "1:50"], 2, /"1:50" is not RATIO=SHARE/);
    await wrong(["--ratios", "0.5=1"], 2, /--ratios 0\.5: expected a ratio of at least 1/);
    await wrong(["--temporality", "7,100,1"], 2, /a day of whole slices/);
    await wrong(["--vms", "0"], 2, /--vms 0: expected a whole number from 1/);
    await wrong(["--seed", "-1"], 2, /--seed -1: expected a whole number/);
    await wrong(["--out", join(folder, "no", "such", "w.csv")], 1, /--out .*: cannot be written: ENOENT/);
  });
});
