/** Fake guests want what their profile says: repeatable, within a vCPU, with the mean and 95th percentile of their class. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { memoryShare } from "../../src/core/workload/usage.js";
import {
  type CpuProfile,
  cpuDemand,
  dealtProfile,
  type MemoryProfile,
  memoryInUseMiB,
  noise,
  seedOf,
  USAGE_CLASSES,
  type UsageClass,
} from "../../src/drivers/fake/usage-profile.js";
import fc from "../support/property.js";

const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;

const at = (profile: CpuProfile, timeMs: number, bootMs = 0, vcpu = 0): number =>
  cpuDemand(profile, 7)(vcpu, timeMs, bootMs);

const anyProfile: fc.Arbitrary<CpuProfile> = fc.oneof(
  fc.constant<CpuProfile>({ kind: "idle" }),
  fc.record({ kind: fc.constant("constant" as const), fraction: fc.float({ noNaN: true, min: -2, max: 2 }) }),
  fc.record({
    kind: fc.constant("sine" as const),
    mean: fc.double({ noNaN: true, min: 0, max: 1 }),
    amplitude: fc.double({ noNaN: true, min: 0, max: 2 }),
  }),
  fc.record({
    kind: fc.constant("bursts" as const),
    low: fc.constant(0.1),
    high: fc.constant(1.5),
    everySeconds: fc.integer({ min: 1, max: 900 }),
    lastSeconds: fc.integer({ min: 1, max: 900 }),
  }),
  fc.constantFrom(...USAGE_CLASSES).map((kind): CpuProfile => ({ kind })),
);

test("demand lies between nothing and one vCPU, and is the same whenever it is asked for", () => {
  fc.assert(
    fc.property(anyProfile, fc.integer(), fc.nat(255), fc.nat(30 * DAY_MS), (profile, seed, vcpu, timeMs) => {
      const wanted = cpuDemand(profile, seed)(vcpu, timeMs, 0);
      assert.ok(wanted >= 0 && wanted <= 1, `wanted ${wanted}`);
      assert.equal(cpuDemand(profile, seed)(vcpu, timeMs, 0), wanted);
    }),
    { numRuns: 1000 },
  );
});

/** Bounds of spec 7.1. */
const BOUNDS: Record<UsageClass, { mean: [number, number]; p95: [number, number] }> = {
  low: { mean: [0, 0.259], p95: [0, 0.312] },
  "low-mid": { mean: [0.001, 0.519], p95: [0.26, 0.702] },
  "low-with-peak": { mean: [0.002, 0.333], p95: [0.666, 1] },
  intensive: { mean: [0.293, 1], p95: [0.521, 1] },
};

for (const kind of USAGE_CLASSES) {
  test(`VMs of class ${kind} have a mean and a 95th percentile within the class's bounds`, () => {
    const { mean, p95 } = BOUNDS[kind];
    for (let seed = 1; seed <= 40; seed++) {
      const demand = cpuDemand({ kind }, seedOf(seed, "vm"));
      // A week in steps of the two minutes for which a level holds.
      const values = Float64Array.from({ length: 5040 }, (_, i) => demand(0, i * 2 * MINUTE_MS, 0)).sort();
      const average = values.reduce((sum, value) => sum + value, 0) / values.length;
      const high = values[Math.floor(0.95 * values.length)]!;
      // 5,040 draws: the sampling error of the mean is about half a percent, that of the percentile two.
      assert.ok(average >= mean[0] - 0.01 && average <= mean[1] + 0.01, `seed ${seed}: mean ${average}`);
      assert.ok(high >= p95[0] - 0.03 && high <= p95[1] + 0.03, `seed ${seed}: 95th percentile ${high}`);
    }
  });
}

test("classes are dealt in the shares of the traces", () => {
  const counts = new Map<string, number>();
  for (let i = 0; i < 10_000; i++) {
    const { kind } = dealtProfile(seedOf(3, `vm-${i}`)).cpu;
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  for (const [kind, share] of [
    ["low", 0.28],
    ["low-mid", 0.21],
    ["low-with-peak", 0.36],
    ["intensive", 0.15],
  ] as const) {
    const found = (counts.get(kind) ?? 0) / 10_000;
    assert.ok(Math.abs(found - share) < 0.02, `${kind}: ${found} instead of ${share}`);
  }
});

test("a step takes effect at its time since boot", () => {
  const profile: CpuProfile = {
    kind: "steps",
    steps: [
      { afterSeconds: 10, fraction: 0.5 },
      { afterSeconds: 20, fraction: 1 },
    ],
  };
  assert.deepEqual(
    [0, 9_999, 10_000, 19_999, 20_000].map((ms) => at(profile, 5_000_000 + ms, 5_000_000)),
    [0, 0, 0.5, 0.5, 1],
  );
});

test("a series repeats from its start", () => {
  const profile: CpuProfile = { kind: "series", stepSeconds: 60, fractions: [0.1, 0.2, 0.3] };
  assert.deepEqual(
    [0, 1, 2, 3, 4].map((minute) => at(profile, minute * MINUTE_MS)),
    [0.1, 0.2, 0.3, 0.1, 0.2],
  );
});

test("a sine has its period and its mean", () => {
  const profile: CpuProfile = { kind: "sine", mean: 0.5, amplitude: 0.4 };
  assert.equal(at(profile, 0), 0.5);
  assert.ok(Math.abs(at(profile, DAY_MS / 4) - 0.9) < 1e-12);
  assert.ok(Math.abs(at(profile, DAY_MS + 12345) - at(profile, 12345)) < 1e-9);
});

test("bursts last as long as they should, once in every window", () => {
  const profile: CpuProfile = { kind: "bursts", low: 0, high: 1, everySeconds: 100, lastSeconds: 20 };
  for (let window = 0; window < 20; window++) {
    const busy = Array.from({ length: 100 }, (_, s) => at(profile, (window * 100 + s) * 1000)).filter((v) => v === 1);
    assert.ok(busy.length >= 19 && busy.length <= 21, `window ${window}: ${busy.length} s of burst`);
  }
});

test("memory follows its profile and stays below its limit", () => {
  const grow = { kind: "grow", fromFraction: 0.25, mibPerSecond: 8, limitFraction: 0.5 } as const;
  assert.deepEqual(
    [0, 10, 100].map((s) => memoryInUseMiB(grow, 1024, 5000 + s * 1000, 5000)),
    [256, 336, 512],
  );
  assert.equal(memoryInUseMiB({ kind: "constant", fraction: 0.5 }, 1000, 0, 0), 500);
  assert.equal(memoryInUseMiB({ kind: "sine", mean: 0.5, amplitude: 0.25, periodSeconds: 4 }, 1000, 1000, 0), 750);
});

test("noise is even, and neighbours have nothing in common", () => {
  const values = Array.from({ length: 20_000 }, (_, i) => noise(42, i, 0));
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const product =
    values.slice(1).reduce((sum, value, i) => sum + (value - 0.5) * (values[i]! - 0.5), 0) / values.length;
  assert.ok(Math.abs(mean - 0.5) < 0.01 && Math.abs(product) < 0.005, `mean ${mean}, covariance ${product}`);
});

test("drawn memory goes in straight lines from draw to draw, whenever it is asked for", () => {
  const rules = {
    index: 3,
    seed: 5,
    momentsPerDay: 144,
    course: "daily" as const,
    momentSeconds: 600,
    originMs: 1_000,
  };
  const profile: MemoryProfile = { kind: "drawn", ...rules, everyMoments: 6 };
  const at = (moments: number): number => memoryInUseMiB(profile, 1000, 1_000 + moments * 600_000, 0);
  const forwards = Array.from({ length: 40 }, (_, place) => at(place));
  const backwards = Array.from({ length: 40 }, (_, place) => at(39 - place)).reverse();
  assert.deepEqual(backwards, forwards);
  for (const moment of [0, 6, 30]) assert.equal(forwards[moment], 1000 * memoryShare(rules, moment, rules));
  assert.ok(Math.abs(forwards[9]! - (forwards[6]! + forwards[12]!) / 2) < 1e-9);
  assert.ok(new Set(forwards).size > 30);
});
