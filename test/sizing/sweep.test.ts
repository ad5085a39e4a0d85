/** A sweep sizes what it says it sizes, the same whatever the number of threads, and says how sure its means are. */
import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { Worker } from "node:worker_threads";
import { parseMixes, parseSeeds, sweepCommand } from "../../src/cli/commands/sweep.js";
import { UsageError } from "../../src/cli/exit.js";
import { run } from "../../src/cli/program.js";
import { runSweep } from "../../src/cli/sizing/run-sweep.js";
import { sweepCsv, sweepText } from "../../src/cli/sizing/sweep-text.js";
import { inThreads } from "../../src/cli/sizing/threads.js";
import { confidenceOfMean } from "../../src/core/estimator/student-t.js";
import { type DedicatedSize, sizeWorkload } from "../../src/core/sizing/size.js";
import {
  casesOf,
  EXPERIMENT_MIXES,
  mixName,
  type SweepPlan,
  type SweepRow,
  summariesOf,
} from "../../src/core/sizing/sweep.js";
import { EXPERIMENT_TEMPORALITY, SCENARIOS } from "../../src/core/workload/scenario.js";
import { highsSolver } from "../../src/drivers/highs/solver.js";
import { experiment, HOST } from "./worlds.js";

const solver = highsSolver();
after(() => solver.close());

const PLAN: SweepPlan = {
  scenarios: [SCENARIOS.get("ovhcloud2023")!, SCENARIOS.get("azure2017")!],
  mixes: [
    [50, 0, 50],
    [0, 25, 75],
  ],
  vms: [40, 80],
  seeds: [1, 2],
  temporality: EXPERIMENT_TEMPORALITY,
  shape: HOST,
  policies: ["dedicated", "first-fit", "headroom"],
  migrations: 1,
};

test("the experiment has fifteen mixes in steps of a quarter", () => {
  assert.equal(EXPERIMENT_MIXES.length, 15);
  assert.ok(EXPERIMENT_MIXES.every((mix) => mix.reduce((sum, share) => sum + share) === 100));
  assert.equal(new Set(EXPERIMENT_MIXES.map(mixName)).size, 15);
});

test("rows come in the order of the plan, whichever thread sized them, equal to sizing a workload by itself", async () => {
  const shares: number[] = [];
  const rows = await runSweep(PLAN, 2, (share) => shares.push(share));
  assert.deepEqual(
    rows.map(({ scenario, mix, vms, seed }) => [scenario, mix, vms, seed]),
    casesOf(PLAN).map(({ scenario, mix, vms, seed }) => [scenario.name, mixName(mix), vms, seed]),
  );
  assert.equal(rows.length, 16);
  assert.ok(shares.every((share, place) => share > (shares[place - 1] ?? 0)) && shares.at(-1) === 1);
  const row = rows.find((each) => each.scenario === "azure2017" && each.mix === "50/0/50" && each.vms === 80)!;
  const report = await sizeWorkload({
    vms: experiment("azure2017", [50, 0, 50], 1, 80),
    shape: HOST,
    policies: PLAN.policies,
    migrations: 1,
    solve: solver.solve,
  });
  assert.deepEqual(row.hosts, {
    dedicated: (report.policies.get("dedicated") as DedicatedSize).hosts,
    "first-fit": report.policies.get("first-fit")!.hosts,
    headroom: report.policies.get("headroom")!.hosts,
  });
  assert.equal(row.bound, Math.max(report.lowerBound.volume, report.lowerBound.configurationLp));
  assert.ok(Math.max(row.peakPcpus, row.peakMemory) <= row.bound);
});

test("a thread that fails ends the sweep with its reason", async () => {
  const failing = () => new Worker("throw new Error('no such machine')", { eval: true });
  await assert.rejects(
    inThreads(failing, 1, {}, [1, 2], () => undefined),
    /no such machine/,
  );
});

describe("figures", () => {
  const row = (seed: number, hosts: number): SweepRow => ({
    scenario: "s",
    mix: "50/50",
    vms: 10,
    seed,
    bound: 10,
    peakPcpus: 9.5,
    peakMemory: 2,
    hosts: { "first-fit": hosts },
    moves: null,
  });
  const rows = [row(1, 11), row(2, 12), row(3, 13)];

  test("means have the confidence that Student's distribution gives", () => {
    // 3 values, deviation 1: t(2) = 4.3027 times 1 / sqrt(3).
    assert.ok(Math.abs(confidenceOfMean([11, 12, 13]) - 2.48414) < 1e-4);
    // 20 values: t(19) = 2.0930.
    const twenty = Array.from({ length: 20 }, (_, place) => place);
    assert.ok(Math.abs(confidenceOfMean(twenty) - (2.09302 * Math.sqrt(35)) / Math.sqrt(20)) < 1e-3);
    assert.equal(confidenceOfMean([5]), 0);
    const [summary, ...more] = summariesOf(rows, ["first-fit"]);
    assert.equal(more.length, 0);
    assert.deepEqual(summary?.bound, { mean: 10, within: 0 });
    assert.equal(summary?.policies["first-fit"]?.hosts.mean, 12);
    assert.equal(summary.policies["first-fit"]?.overBound.mean.toFixed(6), "1.200000");
  });

  test("as CSV and as a table", () => {
    assert.equal(
      sweepCsv(rows.slice(0, 1), ["first-fit"]),
      "scenario,mix,vms,seed,bound,first-fit,moves,peak_pcpus,peak_memory\ns,50/50,10,1,10,11,,9.500,2.000\n",
    );
    const text = sweepText(rows, ["first-fit"], 1.25);
    assert.match(text, /s +│ 50\/50 │ 10 +│ 3 +│ 10.0 +│ 12.0 ±2.5/);
    assert.match(text, /s, hosts over the bound: first-fit 1.2000 ±0.2484\n3 workloads, 1 policies, in 1.3 s/);
  });
});

describe("the command line", () => {
  test("reads seeds and mixes", () => {
    assert.deepEqual(parseSeeds("1-3,7"), [1, 2, 3, 7]);
    assert.deepEqual(parseMixes("100/0,25/75"), [
      [100, 0],
      [25, 75],
    ]);
    assert.equal(parseMixes("experiment"), EXPERIMENT_MIXES);
  });

  test("names what is wrong, and sizes nothing", async () => {
    for (const text of ["3-1", "x", "1-2-3", "1-1000000"]) assert.throws(() => parseSeeds(text), UsageError, text);
    for (const text of ["50/25", "a/b", "", "200/-100"]) assert.throws(() => parseMixes(text), UsageError, text);
    let errors = "";
    const stderr = {
      write: (text: string) => {
        errors += text;
      },
    };
    assert.equal(await run(["sweep", "--vms", "0"], stderr), 2);
    assert.match(errors, /--vms 0: expected a whole number from 1/);
    assert.equal(await run(["sweep", "--scenario", "nowhere"], stderr), 1);
    assert.match(errors, /--scenario nowhere: neither a built-in/);
  });

  test("has a help that says what is swept", () => {
    const help = sweepCommand().helpInformation();
    assert.match(help, /mixes, scenarios, numbers of VMs and seeds/);
    assert.match(help, /--policy <list>.*\(default:\s+dedicated,first-fit,headroom\)/, "as one writes it");
  });
});
