/** The loop of a replay (spec 3): who comes and goes when, and the oddities that recorded states depend on. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { mib, ratio } from "../../src/core/units.js";
import { type DecisionLine, replayed, STEP, type TracedVm, traceText } from "./traces.js";

const GIB_IN_KIB = 1024 * 1024;

const vm = (
  name: string,
  vcpus: number,
  allocationRatio: number,
  first: number,
  last: number,
  rest: Partial<TracedVm> = {},
): TracedVm => ({
  name,
  vcpus,
  memory: GIB_IN_KIB,
  ratio: allocationRatio,
  first,
  last,
  ...rest,
});

/** `+a -b !c`: deployed, removed, refused. */
const actions = (line: DecisionLine): string =>
  line.actions.map((one) => `${one.accepted ? (one.op === "deploy" ? "+" : "-") : "!"}${one.vm}`).join(" ");

const timeline = (lines: readonly DecisionLine[]): [number, string][] => lines.map((line) => [line.t, actions(line)]);

describe("arrivals and departures", () => {
  it("the first timestamp has a line, also when nothing happens at it; quiet ones have none", async () => {
    const { lines } = await replayed(traceText([vm("a", 1, 1, 30, 60)], 120));
    assert.deepEqual(timeline(lines), [
      [0, ""],
      [30, "+a"],
      [75, "-a"],
    ]);
  });

  it("a VM is removed at the timestamp after its last record, and never when that is the last one", async () => {
    const { lines } = await replayed(traceText([vm("a", 1, 1, 0, 45), vm("b", 1, 1, 15, 60)], 60));
    assert.deepEqual(timeline(lines), [
      [0, "+a"],
      [15, "+b"],
      [60, "-a"],
    ]);
  });

  it("departures free nothing for arrivals of the same timestamp", async () => {
    const { lines } = await replayed(traceText([vm("a", 8, 1, 0, 15), vm("b", 8, 1, 30, 60)], 60));
    assert.deepEqual(timeline(lines), [
      [0, "+a"],
      [30, "!b -a"],
    ]);
    assert.equal(lines[1]!.actions[0]!.reason, "Not enough space on res cpu");
  });

  it("VMs arrive in the order of their first appearance in the file", async () => {
    const { lines } = await replayed(traceText([vm("b", 1, 2, 0, 60), vm("a", 1, 1, 0, 60), vm("c", 1, 2, 0, 60)], 60));
    assert.equal(actions(lines[0]!), "+b +c +a", "by pool, as the records stand");
  });

  it("of name, ratio and sizes the last record holds, also for the deploy at the first", async () => {
    const text = traceText([vm("a", 2, 1, 0, 30)], 45)
      .replaceAll(
        "30\tvm\tcpu\t0.5\t2\tsubset-1.0\tuuid-a\ta\t1.0",
        "30\tvm\tcpu\t0.5\t4\tsubset-1.0\tuuid-a\tlater\t1.0",
      )
      .replaceAll(
        "30\tvm\tmem\t0.1\t1048576\tsubset-1\tuuid-a\ta",
        "30\tvm\tmem\t0.1\t2097152\tsubset-1\tuuid-a\tlater",
      );
    const { lines } = await replayed(text);
    assert.deepEqual(lines[0]!.pools[0]!.vms, ["later"]);
    assert.equal(lines[0]!.pools[0]!.allocated, 4);
    assert.equal(lines[0]!.memory.allocatedMiB, 2048);
  });

  it("a VM without a cpu or without a mem record is never deployed, and that is said", async () => {
    const lines = traceText([vm("a", 1, 1, 0, 30), vm("b", 1, 1, 0, 30)], 45).split("\n");
    const text = lines.filter((line) => !line.includes("\tmem\t") || !line.includes("uuid-b")).join("\n");
    const { summary, lines: decided } = await replayed(text);
    assert.deepEqual(timeline(decided), [
      [0, "+a"],
      [45, "-a"],
    ]);
    assert.deepEqual(summary.trace.incompleteVms, ["b"]);
  });

  it("VMs of the same name are told apart by their uuid", async () => {
    const twins = [vm("a", 1, 1, 0, 60, { uuid: "one" }), vm("a", 2, 1, 0, 60, { uuid: "two" })];
    const { lines } = await replayed(traceText(twins, 60));
    assert.deepEqual(lines[0]!.pools[0]!.vms, ["a", "a"]);
    assert.equal(lines[0]!.pools[0]!.allocated, 3);
    assert.equal(Object.keys(lines[0]!.pins).length, 2);
  });
});

describe("oddities of the seeds", () => {
  it("VMs seen only at the first timestamp are removed at it, and again at the next", async () => {
    const { lines } = await replayed(traceText([vm("a", 1, 1, 0, 0), vm("b", 1, 1, 0, 60)], 60));
    assert.deepEqual(timeline(lines), [
      [0, "+a +b -a"],
      [15, "-a"],
    ]);
    const absent = "Warning: trying to remove a non present consumer a";
    assert.deepEqual(lines[1]!.warnings, [absent, absent], "from cpu and from memory");
  });

  it("headroom removes such a VM once, when it has gone", async () => {
    const trace = traceText([vm("a", 1, 1, 0, 0), vm("b", 1, 1, 0, 60)], 60);
    const { lines } = await replayed(trace, { policy: "headroom", memoryUnit: "KiB" });
    assert.deepEqual(timeline(lines), [
      [0, "+a +b"],
      [15, "-a"],
    ]);
  });

  it("a VM without a record is dropped; the one after it is looked at a timestamp later", async () => {
    const gaps = { gaps: [30, 45, 60] };
    const vms = [vm("a", 1, 1, 0, 90), vm("b", 1, 1, 0, 90, gaps), vm("c", 1, 1, 0, 90, gaps), vm("d", 1, 1, 0, 90)];
    const { lines, summary } = await replayed(traceText(vms, 120));
    assert.deepEqual(
      lines.map((line) => [line.t, line.pools[0]!.vms.join(" ")]),
      [
        [0, "a b c d"],
        [30, "a c d"],
        [45, "a d"],
        [105, ""],
      ],
    );
    const left = "Warning: a VM left without passing by scheduler";
    assert.deepEqual(lines[1]!.warnings, [`${left} b`, `${left} b`], "from cpu and from memory");
    assert.deepEqual(lines[2]!.warnings, [`${left} c`, `${left} c`]);
    assert.equal(lines[2]!.memory.allocatedMiB, 2048);
    assert.equal(summary.dropped, 4);
  });

  it("a dropped VM does not come back with its records, and is removed once more in vain", async () => {
    const { lines } = await replayed(traceText([vm("a", 1, 1, 0, 90, { gaps: [30] }), vm("b", 1, 1, 0, 120)], 120));
    assert.deepEqual(timeline(lines), [
      [0, "+a +b"],
      [30, ""],
      [105, "-a"],
    ]);
    assert.deepEqual(lines[2]!.warnings.length, 2);
    assert.deepEqual(lines[2]!.pools[0]!.vms, ["b"]);
  });

  it("the pools that dropped someone shrink", async () => {
    const { lines } = await replayed(traceText([vm("a", 2, 1, 0, 90), vm("b", 3, 1, 0, 90, { gaps: [15] })], 90));
    assert.equal(lines[0]!.pools[0]!.pcpus.length, 5);
    assert.equal(lines[1]!.pools[0]!.pcpus.length, 2);
  });

  it("per vCPU, walks differ from pool to pool, and a pin outlives the pool that a VM was dropped from", async () => {
    const template = [1, 2];
    const gaps = { gaps: [30] };
    // In pool 1.0 the walk passes over c (it follows b), in pool 2.0 it does not: b has one vCPU only.
    const vms = [vm("a", 2, 1, 0, 90), vm("b", 1, 1, 0, 90, gaps), vm("c", 2, 1, 0, 90, gaps)];
    const options = { policy: "sweetspotvm" as const, template: template.map((value) => ratio(value)) };
    const { lines } = await replayed(traceText(vms, 60, template), options);
    assert.deepEqual(
      lines[1]!.pools.map((pool) => pool.vms),
      [["a", "c"], ["a"]],
    );
    assert.equal((lines[1]!.pins.c as string[])[1], (lines[0]!.pins.c as string[])[1], "its last pin");
  });

  it("memory sizes are taken for KiB, under headroom for MB", async () => {
    const trace = traceText([vm("a", 1, 1, 0, 30, { memory: 1792 }), vm("b", 1, 1, 0, 30, { memory: 768 })], 30);
    assert.equal((await replayed(trace)).lines[0]!.memory.allocatedMiB, 1);
    assert.equal((await replayed(trace, { policy: "headroom" })).lines[0]!.memory.allocatedMiB, 2560);
    assert.equal((await replayed(trace, { policy: "headroom", memoryUnit: "KiB" })).lines[0]!.memory.allocatedMiB, 1);
  });
});

describe("refusals", () => {
  const memoryHog = vm("hog", 1, 1, 0, 90, { memory: 30 * GIB_IN_KIB });

  it("memory: nothing is allocated, but the pool that was made for the VM stays, empty", async () => {
    const late = vm("late", 2, 3, 15, 60, { memory: 5 * GIB_IN_KIB });
    const { lines, summary } = await replayed(traceText([memoryHog, late, vm("next", 1, 3, 30, 90)], 90));
    assert.deepEqual(timeline(lines), [
      [0, "+hog"],
      [15, "!late"],
      [30, "+next"],
      [75, "-late"],
    ]);
    assert.equal(lines[1]!.actions[0]!.reason, "Not enough space on res mem");
    assert.deepEqual(lines[1]!.pools[1], { ratio: 3, pcpus: [], allocated: 0, vms: [] });
    assert.deepEqual(lines[2]!.pools[1]!.pcpus, [1], "it starts again on the first free pCPU");
    assert.deepEqual(summary.refusals, { "no-memory-capacity": 1 });
  });

  it("the departure of a refused VM is an action that finds nobody", async () => {
    const { lines } = await replayed(traceText([vm("a", 8, 1, 0, 90), vm("b", 1, 1, 15, 30)], 90));
    assert.deepEqual(timeline(lines), [
      [0, "+a"],
      [15, "!b"],
      [45, "-b"],
    ]);
    assert.equal(lines[2]!.warnings.length, 2);
  });

  it("without a pool of its ratio, the removal of a refused VM fails", async () => {
    const { lines } = await replayed(traceText([vm("a", 8, 1, 0, 90), vm("b", 1, 2, 15, 30)], 90));
    assert.deepEqual(timeline(lines), [
      [0, "+a"],
      [15, "!b"],
      [45, "!b"],
    ]);
    assert.equal(lines[2]!.actions[0]!.reason, "unable to remove it from all subsets");
  });

  it("headroom says why in words, and forgets the refused", async () => {
    const trace = traceText([vm("a", 8, 1, 0, 90), vm("b", 1, 2, 15, 30)], 90);
    const { lines } = await replayed(trace, { policy: "headroom", memoryUnit: "KiB" });
    assert.deepEqual(timeline(lines), [
      [0, "+a"],
      [15, "!b"],
    ]);
    assert.match(lines[1]!.actions[0]!.reason ?? "", /"b"/);
  });
});

it("candidates: each line tells their progress", async () => {
  const candidates = [{ name: "x", vcpus: 1, memoryMiB: mib(4096), ratio: ratio(1) }];
  const { lines } = await replayed(traceText([vm("a", 1, 1, 15, 30)], 30), { candidates });
  assert.deepEqual(
    (lines[0] as unknown as { progress: number[] }).progress,
    [0],
    "4 GiB per pCPU is the laptop's own ratio",
  );
});

it("a summary counts what the lines tell", async () => {
  const vms = [vm("a", 2, 2, 0, 30), vm("b", 2, 2, 15, 60), vm("c", 8, 1, 30, 60)];
  const { summary, lines } = await replayed(traceText(vms, 75));
  assert.equal(summary.decisions, lines.length);
  assert.deepEqual(
    [summary.deployed, summary.refused, summary.removed, summary.dropped, summary.peak.vms, summary.peak.pcpus],
    [2, 1, 2, 0, 2, 2],
    "the removal of c fails: it has no pool",
  );
  assert.deepEqual(summary.peak.pools, { "2.0": { pcpus: 2, vcpus: 4, vms: 2 } });
  assert.deepEqual([summary.trace.timestamps, summary.trace.first, summary.trace.last], [75 / STEP + 1, 0, 75]);
});
