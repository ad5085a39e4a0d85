/** The order of pin changes: nobody takes a pCPU that somebody else is about to leave, while that can be avoided. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type CpuSet, cpuSetOf, EMPTY_CPU_SET, formatCpuSet, parseCpuSet } from "../../src/core/cpuset.js";
import type { PinChange } from "../../src/core/reconcile/model.js";
import { orderPinChanges } from "../../src/core/reconcile/pin-order.js";
import fc from "../support/property.js";

const change = (vm: string, from: string, to: string): PinChange => ({
  vm,
  vcpu: 0,
  from: parseCpuSet(from),
  to: parseCpuSet(to),
});

const shown = (waves: readonly (readonly PinChange[])[]): string[][] =>
  waves.map((wave) => wave.map((one) => `${one.vm}:${formatCpuSet(one.to)}`));

test("independent changes share a wave", () => {
  assert.deepEqual(shown(orderPinChanges([change("a", "0", "0-1"), change("b", "4", "4-5")])), [["a:0-1", "b:4-5"]]);
});

test("changes that change nothing are dropped", () => {
  assert.deepEqual(orderPinChanges([change("a", "0-1", "0-1")]), []);
});

test("who leaves a pCPU goes before who takes it, along a chain", () => {
  const waves = orderPinChanges([change("a", "0-1", "0-2"), change("b", "2-3", "3-4"), change("c", "4-5", "5")]);
  assert.deepEqual(shown(waves), [["c:5"], ["b:3-4"], ["a:0-2"]]);
});

test("a VM that is to start waits for those who leave its pCPUs, and for nobody else", () => {
  const waves = orderPinChanges([
    change("new", "", "2-3"),
    change("leaver", "0-3", "0-1"),
    change("bystander", "8", "8-9"),
  ]);
  assert.deepEqual(shown(waves), [["leaver:0-1", "bystander:8-9"], ["new:2-3"]]);
});

test("two pools that swap a pCPU each shrink to what they keep first", () => {
  const waves = orderPinChanges([change("a", "0-1", "0,2"), change("b", "2-3", "1,3")]);
  assert.deepEqual(shown(waves), [["a:0"], ["b:1,3"], ["a:0,2"]]);
});

test("two guests pinned nowhere are brought in without waiting for each other", () => {
  assert.deepEqual(shown(orderPinChanges([change("a", "0-7", "0-3"), change("b", "0-7", "4-7")])), [
    ["a:0-3", "b:4-7"],
  ]);
});

test("pools that swap all their pCPUs overlap for one wave, since nothing else is possible", () => {
  const waves = orderPinChanges([change("a", "0-1", "2-3"), change("b", "2-3", "0-1")]);
  assert.deepEqual(shown(waves), [["a:2-3"], ["b:0-1"]]);
});

const cpus = fc.uniqueArray(fc.nat({ max: 11 }), { maxLength: 6 }).map(cpuSetOf);
const changes = fc.array(
  fc.record({ from: cpus, to: fc.uniqueArray(fc.nat({ max: 11 }), { minLength: 1, maxLength: 6 }).map(cpuSetOf) }),
  {
    maxLength: 9,
  },
);

test("for any changes every vCPU ends at its goal, and never takes what another keeps longer than it must", () => {
  fc.assert(
    fc.property(changes, (list) => {
      const asked = list.map(({ from, to }, i): PinChange => ({ vm: `vm${i}`, vcpu: 0, from, to }));
      const place = new Map<string, CpuSet>(asked.map((one) => [one.vm, one.from]));
      const goal = new Map(asked.map((one) => [one.vm, one.to]));
      const waves = orderPinChanges(asked);
      for (const wave of waves) {
        assert.ok(wave.length > 0);
        for (const one of wave) {
          assert.deepEqual(one.from, place.get(one.vm), "a change starts where its vCPU is");
        }
        const shrinks = wave.every((one) => one.to.every((pcpu) => one.from.includes(pcpu)));
        const blocked = wave.filter((one) => takesFromLeaver(one, place, goal));
        assert.ok(blocked.length === 0 || !anyCouldShrink(place, goal), "an overlap is the last resort");
        assert.ok(shrinks || blocked.length === 0 || wave.length > 0);
        for (const one of wave) place.set(one.vm, one.to);
      }
      for (const one of asked) assert.deepEqual(place.get(one.vm), one.to);
      assert.ok(waves.length <= 2 * asked.length);
    }),
    { numRuns: 500 },
  );
});

/** Takes a pCPU on which another vCPU sits that has not yet left it. */
function takesFromLeaver(one: PinChange, place: Map<string, CpuSet>, goal: Map<string, CpuSet>): boolean {
  const taken = one.to.filter((pcpu) => !one.from.includes(pcpu));
  return [...place].some(
    ([vm, now]) => vm !== one.vm && taken.some((pcpu) => now.includes(pcpu) && !goal.get(vm)!.includes(pcpu)),
  );
}

const anyCouldShrink = (place: Map<string, CpuSet>, goal: Map<string, CpuSet>): boolean =>
  [...place].some(([vm, now]) => {
    const kept = now.filter((pcpu) => goal.get(vm)!.includes(pcpu));
    return kept.length > 0 && kept.length < now.length;
  });

test("a vCPU without a place yet is never shrunk", () => {
  const waves = orderPinChanges([
    { vm: "new", vcpu: 0, from: EMPTY_CPU_SET, to: parseCpuSet("0-1") },
    change("a", "0-1", "2-3"),
    change("b", "2-3", "0-1"),
  ]);
  assert.equal(waves.flat().filter((one) => one.vm === "new").length, 1);
});
