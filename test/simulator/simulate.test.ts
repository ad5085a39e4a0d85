/** Simulations: the same run from the same options, what tenants feel, refusals, and the fewest hosts. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { cpuSetOf } from "../../src/core/cpuset.js";
import { mib, seconds } from "../../src/core/units.js";
import { seededRandom } from "../../src/core/workload/random.js";
import { fewestHosts } from "../../src/simulator/case.js";
import { FaultFormatError, parseFaults } from "../../src/simulator/fault.js";
import { leastHosts } from "../../src/simulator/least.js";
import { optionsOf } from "../../src/simulator/plan.js";
import { StealMeter } from "../../src/simulator/steal.js";
import { withUsage } from "../../src/simulator/workload.js";
import { smallRun } from "./small.js";

test("the same seed gives the same run, byte for byte, faults and all; another seed another one", async () => {
  const one = await smallRun({ seed: 5, faults: "random=10" });
  const again = await smallRun({ seed: 5, faults: "random=10" });
  assert.equal(again.digest, one.digest);
  const other = { seed: 6, faults: "random=10" };
  const { digest } = await smallRun(other);
  assert.notEqual(digest, one.digest);
  const learnt = await smallRun({ ...other, placement: "learnt" });
  assert.notEqual(learnt.digest, digest, "prices make a difference");
  assert.equal((await smallRun({ ...other, placement: "learnt" })).digest, learnt.digest);
});

test("VMs sold at 1:1 miss nothing; common peaks are felt by those that share", async () => {
  const [own, common] = [await smallRun({ seed: 3 }), await smallRun({ seed: 3, correlation: 1 })];
  for (const { summary } of [own, common]) assert.equal(summary.steal["1"]?.mostPercent, 0);
  assert.ok(common.summary.steal["3"]!.p99Percent > own.summary.steal["3"]!.p99Percent);
});

test("a cluster that is too small refuses, and says whom first", async () => {
  const { summary, kinds } = await smallRun({ seed: 2, hosts: 2 });
  assert.ok(summary.refused > 0 && kinds.has("refused"));
  assert.equal(summary.placed + summary.refused, summary.vms);
  assert.notEqual(summary.firstRefusal, null);
});

test("live moves make room for VMs that would be refused", async () => {
  const run = { seed: 2, hosts: 3 };
  const [without, moving] = [await smallRun(run), await smallRun({ ...run, migrations: 1 })];
  assert.equal(without.summary.migrations, 0);
  assert.ok(moving.summary.migrations > 0);
  assert.ok(moving.summary.refused < without.summary.refused);
});

test("the fewest hosts are found from below and from above, and one less refuses", async () => {
  const whole = Number.POSITIVE_INFINITY;
  const vm = (place: number) => ({
    id: String(place),
    vcpus: 8,
    memoryMiB: mib(1024),
    ratio: 1 as never,
    arrival: seconds(0),
    departure: seconds(whole),
  });
  const vms = withUsage([0, 1, 2, 3, 4].map(vm), 1);
  const shape = { pcpus: 16, memoryMiB: mib(65_536) };
  const times = { step: seconds(10), tick: seconds(10), sample: seconds(60), day: seconds(600) };
  const plan = {
    shape,
    placement: "headroom" as const,
    seed: 1,
    ...times,
    faults: "",
    correlation: 0,
    course: "independent" as const,
    dynamic: null,
    ratioFactor: 1,
  };
  for (const guess of [1, 3, 7]) {
    const { hosts, summary } = await leastHosts(guess, (count) => optionsOf({ ...plan, hosts: count }, vms));
    assert.equal(hosts, 3);
    assert.equal(summary.refused, 0);
  }
  const dynamic = { factor: 2, reservePercent: 50, learning: seconds(60) };
  for (const one of [plan, { ...plan, dynamic }, { ...plan, memoryRatio: 2 }])
    assert.equal((await fewestHosts(one, vms)).hosts, 3, "long ticks first find no other number");
});

describe("faults as somebody writes them", () => {
  const ground = () => ({ hosts: 4, end: seconds(1000), random: seededRandom(1) });
  test("are read in order of time, a host drawn where none is named", () => {
    const faults = parseFaults("cut-off@50+5:3, scheduler-down@10+20", ground());
    assert.deepEqual(faults, [
      { kind: "scheduler-down", at: 10, lasts: 20, host: null },
      { kind: "cut-off", at: 50, lasts: 5, host: 3 },
    ]);
    assert.equal(parseFaults("random=9", ground()).length, 9);
  });
  for (const text of ["nothing", "host-down@5", "fire@5+5", "cut-off@5+5:4", "random=x"])
    test(`"${text}" is none`, () => assert.throws(() => parseFaults(text, ground()), FaultFormatError));
});

test("steal is counted by VM and by time: a tenth of the time at half of one vCPU of two", () => {
  const meter = new StealMeter([2], () => 2);
  const runner = {
    vcpu: 0,
    pcpus: cpuSetOf([0, 1]),
    demand: () => 1,
    bootMs: 0,
    counters: { timeNs: [], delayNs: [] } as never,
  };
  const both = [
    { ...runner, guest: "a" },
    { ...runner, guest: "a", vcpu: 1 },
  ];
  meter.observe(both, Float64Array.of(1, 1), Float64Array.of(1, 1), 900);
  meter.observe(both, Float64Array.of(1, 1), Float64Array.of(1, 0.5), 100);
  assert.deepEqual(meter.total()["2"], { meanPercent: 2.5, p99Percent: 25, mostPercent: 25, unmetPercent: 2.5 });
  assert.equal(meter.takeWindow().usedMs, 1950);
  assert.equal(meter.takeWindow().steal["2"], null);
});
