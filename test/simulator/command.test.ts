/** `headroom simulate`: its files, what it says of bad arguments, sweeps and trade-offs. */
import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import type { Worker } from "node:worker_threads";
import { simulateCommand } from "../../src/cli/commands/simulate.js";
import { run } from "../../src/cli/program.js";
import { KeptRuns } from "../../src/cli/simulation/kept-runs.js";
import { runCases } from "../../src/cli/simulation/many.js";
import { sweepCases, sweepCsv, sweepPoints, sweepText } from "../../src/cli/simulation/sweep.js";
import { sweepReport } from "../../src/cli/simulation/sweep-report.js";
import { tradeOffCases, tradeOffPoints, tradeOffRuns, tradeOffText } from "../../src/cli/simulation/trade-off.js";
import { tradeOffReport } from "../../src/cli/simulation/trade-off-report.js";
import type { ThreadQuestion } from "../../src/cli/sizing/threads.js";
import { mib, seconds } from "../../src/core/units.js";
import { dealtUsage } from "../../src/core/workload/dealt-usage.js";
import { SCENARIOS } from "../../src/core/workload/scenario.js";
import { writeReport } from "../../src/report/write-report.js";
import { runCase, type SimulationCase } from "../../src/simulator/case.js";
import type { Summary } from "../../src/simulator/simulate.js";

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
    [["--hosts", "2", "--memory-ratio", "0.5"], /--memory-ratio 0.5: expected a factor from 1 to 8/],
    [["--hosts", "2", "--reserve", "101", "--dynamic", "1"], /--reserve 101: expected/],
    [["--hosts", "2", "--vms", "10", "--host", "1x1024"], /no number of hosts takes it/],
    [["--hosts", "2", "--vms", "10", "--sweep", "--trade-off", "1"], /one of them at a time/],
    [["--hosts", "2", "--scenario", "azure2017,ovhcloud2023"], /several at a time are for --trade-off/],
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
  const points = sweepPoints(cases, results);
  assert.match(sweepText(points), /50\/50 +│ pack +│ +2 /);
  const [hosts, steal] = sweepReport(points, "a test").figures;
  const counts = results.slice(0, 2).map((one) => one.hosts);
  assert.deepEqual(hosts!.numbers.rows[0]!.slice(0, 4), ["50/50", "headroom", 2, (counts[0]! + counts[1]!) / 2]);
  const worst = Math.max(...Object.values(points[0]!.steal).map(({ mean }) => mean));
  assert.equal(steal!.numbers.rows[0]![3], Number(worst.toFixed(4)));
});

const RULES = {
  dynamic: { reservePercent: 0, learning: seconds(60) },
  factors: [1, 3],
  memoryRatio: 1,
  scenarios: [],
  mixes: [[0, 0, 100]],
  seeds: [4],
};

test("runs that are done are kept, also when another one fails, and are not made again", async () => {
  const cases = sweepCases(BASE, [[50, 50]], [1, 2, 3], ["headroom"]);
  const made: string[] = [];
  const out = join(folder, "kept");
  /** Threads in name: they answer with what the name tells, and one fails once. */
  const start = (failing: string) => () => {
    const thread = new EventEmitter();
    const postMessage = (question: ThreadQuestion<null, SimulationCase>): void => {
      if (!("piece" in question)) return;
      const { place, piece } = question;
      made.push(piece.name);
      const answer = { hosts: piece.plan.seed, summary: {} };
      const said = piece.name === failing ? { place, problem: `${piece.name}: broken` } : { place, answer };
      setImmediate(() => thread.emit("message", said));
    };
    return Object.assign(thread, { postMessage, terminate: async () => 0 }) as unknown as Worker;
  };
  const go = (failing: string, version: string, signal = new AbortController().signal) =>
    runCases(cases, {
      threads: 1,
      kept: new KeptRuns(out, version),
      onDone: () => undefined,
      signal,
      start: start(failing),
    });
  await assert.rejects(go(cases[2]!.name, "1"), /50\/50, headroom, seed 3: broken/);
  appendFileSync(join(out, "runs.jsonl"), '{"key":"cut o');
  made.length = 0;
  await assert.rejects(go("", "1", AbortSignal.abort()), /interrupted: 2 of 3 simulations are in .*runs\.jsonl/);
  assert.deepEqual(
    (await go("", "1")).map(({ hosts }) => hosts),
    [1, 2, 3],
  );
  assert.deepEqual(new Set(made), new Set([cases[2]!.name]));
  made.length = 0;
  await go("", "1");
  assert.deepEqual(made, []);
  await go("", "2");
  assert.equal(made.length, 3, "another version makes its own");
});

test("a trade-off begins with what was sold; fewer hosts with raised ratios; a figure and a page of it", async () => {
  const cases = tradeOffCases(BASE, RULES);
  const results = [];
  for (const one of cases) results.push(await runCase(one));
  const runs = tradeOffRuns(cases, results);
  const points = tradeOffPoints(runs);
  assert.deepEqual(
    points.map(({ pools, factor }) => `${pools} ${factor}`),
    ["static 1", "dynamic 1", "dynamic 3", "static 3"],
  );
  const [asSold, , , raised] = points;
  assert.deepEqual([asSold!.kept, asSold!.hostsPercent.mean], [1, 100]);
  assert.ok(raised!.hosts.mean <= asSold!.hosts.mean);
  assert.match(tradeOffText(points), /azure2017 +│ 0\/0\/100 +│ dynamic/);
  const files = await writeReport(tradeOffReport(points, "a test"), join(folder, "trade-off"));
  assert.equal(files.length, 4);
});

test("a trade-off of datasets, mixes and seeds holds each run against the same VMs as they were sold, and has means over them", () => {
  const scenarios = ["azure2017", "ovhcloud2023"].map((name) => SCENARIOS.get(name)!);
  const mixes = [
    [50, 50],
    [0, 100],
  ];
  const cases = tradeOffCases(BASE, { ...RULES, factors: [1, 2], memoryRatio: 1.5, scenarios, mixes, seeds: [1, 2] });
  assert.equal(cases.length, 2 * 2 * 2 * 6);
  const felt = (p99Percent: number) => ({ meanPercent: 0, p99Percent, mostPercent: p99Percent, unmetPercent: 0 });
  const results = cases.map(({ choice, plan, sold }) => {
    const asSold = (sold.dataset === "azure2017" ? 10 : 20) * plan.seed;
    const isRaised = choice.pools === "static" && choice.factor > 1;
    const steal = { 1: felt(0), 2: felt(isRaised && plan.seed === 2 ? 30 : 1) };
    const swappingPercent = plan.seed === 2 ? 4 : 0;
    const memory = { swappingPercent, mostMissedPercent: 9, shortPercent: 0, mostHeldPercent: 80 };
    const summary = { steal, ...(choice.pools === "coordinated" ? { memory } : {}) } as unknown as Summary;
    return { hosts: isRaised ? asSold / 2 : asSold, summary };
  });
  const points = tradeOffPoints(tradeOffRuns(cases, results));
  assert.equal(points.length, 2 * (2 + 1) * 6, "both mixes of a dataset, and those together");
  const raised = points.filter(({ pools, factor }) => pools === "static" && factor === 2);
  for (const { hostsPercent, kept, runs, worstP99, steal } of raised) {
    assert.deepEqual(hostsPercent, { mean: 50, within: 0 });
    assert.deepEqual([kept, worstP99.mean, steal["2"]!.most], [runs / 2, 15.5, 30]);
  }
  for (const { pools, kept, runs, memory } of points.filter((point) => !raised.includes(point)))
    if (pools === "coordinated") assert.deepEqual([kept, memory?.swapping.mean, memory?.mostMissed], [runs / 2, 2, 9]);
    else assert.deepEqual([kept, memory], [runs, null]);
  const [first] = raised;
  assert.equal(first!.hosts.mean, 7.5);
  assert.ok(first!.hosts.within > 7.5, "two runs say little");
});

test("dealt usage keeps the bounds of the profiles", () => {
  for (let place = 0; place < 500; place++) {
    const { meanPercent, p95Percent } = dealtUsage(place, 1);
    assert.ok(meanPercent >= 0 && meanPercent <= p95Percent && p95Percent <= 100);
  }
});
