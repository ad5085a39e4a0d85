/** `headroom simulate`: its files, what it says of bad arguments, sweeps and trade-offs. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { simulateCommand } from "../../src/cli/commands/simulate.js";
import { run } from "../../src/cli/program.js";
import { sweepCases, sweepCsv, sweepText } from "../../src/cli/simulation/sweep.js";
import { tradeOffCases, tradeOffPoints, tradeOffReport, tradeOffText } from "../../src/cli/simulation/trade-off.js";
import { mib, seconds } from "../../src/core/units.js";
import { dealtUsage } from "../../src/core/workload/dealt-usage.js";
import { SCENARIOS } from "../../src/core/workload/scenario.js";
import { writeReport } from "../../src/report/write-report.js";
import { runCase, type SimulationCase } from "../../src/simulator/case.js";

const folder = mkdtempSync(join(tmpdir(), "headroom-simulate-"));
after(() => rmSync(folder, { recursive: true }));

const SMALL = ["--vms", "12", "--temporality", "60,600,2", "--host", "16x65536", "--step", "10", "--tick", "30"];

async function simulate(args: readonly string[]): Promise<string> {
  let out = "";
  const terminal = { stdout: { write: (text: string) => (out += text) }, stderr: { write: () => undefined } };
  await simulateCommand(terminal).parseAsync([...args], { from: "user" });
  return out;
}

test("writes the same files for the same arguments, and tells the summary", async () => {
  const files = ["metrics.jsonl", "metrics.csv", "events.jsonl", "summary.json"];
  const once = async (name: string): Promise<readonly string[]> => {
    const out = join(folder, name);
    const text = await simulate([...SMALL, "--hosts", "3", "--scenario", "azure2017", "--sample", "60", "--out", out]);
    assert.match(text, /16 of 16 VMs placed/);
    return files.map((file) => readFileSync(join(out, file), "utf8"));
  };
  const [one, two] = [await once("one"), await once("two")];
  assert.deepEqual(one, two);
  const [jsonl = "", csv = ""] = one;
  assert.equal(csv.split("\n").length, jsonl.split("\n").length + 1, "a header and a line for each sample");
  const last = JSON.parse(jsonl.trim().split("\n").at(-1)!) as { at: number; hosts: number };
  assert.equal(last.hosts, 3);
});

test("plays an inventory that says nothing of usage or time, pools following it or not", async () => {
  const path = join(folder, "inventory.csv");
  writeFileSync(path, "name,vcpus,memory_gib,ratio,avg_pct,p95_pct\nweb,4,8,2,10,50\ndb,8,16,1,20,90\n");
  const summary = JSON.parse(
    await simulate(["--workload", path, "--hosts", "least", "--host", "16x65536", "--dynamic", "1.5", "--json"]),
  ) as { hosts: number; placed: number };
  assert.deepEqual([summary.hosts, summary.placed], [1, 2]);
});

describe("says what is wrong with its arguments", () => {
  const cases: readonly (readonly [readonly string[], RegExp])[] = [
    [[], /--hosts/],
    [["--hosts", "0"], /--hosts 0: expected a whole number/],
    [["--hosts", "2", "--faults", "fire@1+1"], /--faults: "fire@1\+1" is no fault/],
    [["--hosts", "2", "--correlation", "2"], /--correlation 2: expected a share/],
    [["--hosts", "2", "--dynamic", "9"], /--dynamic 9: expected a factor from 1 to 8/],
    [["--hosts", "2", "--reserve", "101", "--dynamic", "1"], /--reserve 101: expected/],
    [["--hosts", "2", "--vms", "10", "--host", "1x1024"], /no number of hosts takes it/],
    [["--hosts", "2", "--vms", "10", "--sweep", "--trade-off", "1"], /one of them at a time/],
  ];
  for (const [args, expected] of cases)
    test(args.join(" ") || "nothing", async () => {
      const said: string[] = [];
      assert.notEqual(await run(["simulate", ...args], { write: (text) => said.push(text) }), 0);
      assert.match(said.join(""), expected);
    });
});

const BASE: Omit<SimulationCase, "name"> = {
  workload: {
    kind: "generated",
    scenario: SCENARIOS.get("azure2017")!,
    temporality: { slice: seconds(60), day: seconds(600), days: 2 },
    initial: 16,
  },
  plan: {
    shape: { pcpus: 16, memoryMiB: mib(65_536) },
    placement: "headroom",
    seed: 4,
    step: seconds(10),
    tick: seconds(30),
    sample: seconds(60),
    day: seconds(600),
    faults: "",
    correlation: 0,
    course: "independent" as const,
    dynamic: null,
    ratioFactor: 1,
  },
  hosts: null,
};

test("a sweep has a row for every mix, policy and seed, and means over the seeds", async () => {
  const cases = sweepCases(BASE, [[50, 50]], [1, 2], ["headroom", "pack"]);
  const results = [];
  for (const one of cases) results.push(await runCase(one));
  assert.equal(sweepCsv(cases, results).trim().split("\n").length, 5);
  assert.match(sweepText(cases, results), /50\/50 +│ pack +│ +2 /);
});

test("a trade-off begins with what was sold; fewer hosts with raised ratios; a figure and a page of it", async () => {
  const half = sweepCases(BASE, [[0, 0, 100]], [4], ["headroom"])[0]!;
  const cases = tradeOffCases(half, { reservePercent: 0, learning: seconds(60) }, [1, 3]);
  const results = [];
  for (const one of cases) results.push(await runCase(one));
  const points = tradeOffPoints(
    cases.map(({ choice }) => choice),
    results,
  );
  assert.deepEqual(
    points.map(({ pools, factor }) => `${pools} ${factor}`),
    ["static 1", "dynamic 1", "dynamic 3", "static 3"],
  );
  assert.ok(points[0]!.kept);
  assert.ok(points[3]!.hosts <= points[0]!.hosts);
  assert.match(tradeOffText(points), /dynamic/);
  const files = await writeReport(tradeOffReport(points, "a test"), join(folder, "trade-off"));
  assert.equal(files.length, 4);
});

test("dealt usage keeps the bounds of the profiles", () => {
  for (let place = 0; place < 500; place++) {
    const { meanPercent, p95Percent } = dealtUsage(place, 1);
    assert.ok(meanPercent >= 0 && meanPercent <= p95Percent && p95Percent <= 100);
  }
});
