/** Ratios as exact fractions. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  availableVcpus,
  capacityVcpus,
  exactRatio,
  exactRatioProblem,
  neededPcpus,
  poolSize,
  unusedPcpus,
} from "../../src/core/pool/exact-ratio.js";
import { ratio } from "../../src/core/units.js";
import fc from "../support/property.js";

test("decimals become the fraction that was written", () => {
  const cases: readonly [number, number, number][] = [
    [1, 1, 1],
    [1.5, 3, 2],
    [2.6, 13, 5],
    [0.1, 1, 10],
    [1.000001, 1_000_001, 1_000_000],
    [1000, 1000, 1],
  ];
  for (const [written, numerator, denominator] of cases)
    assert.deepEqual(exactRatio(ratio(written)), { numerator, denominator }, `${written}`);
});

test("what is no ratio is refused by name", () => {
  for (const wrong of [0, -1, Number.NaN, Number.POSITIVE_INFINITY, 1001, 1 / 3, 1e-7, 2.6 + 4e-16]) {
    assert.throws(() => exactRatio(ratio(wrong)), { name: "RangeError", message: new RegExp(`${wrong}`) });
    assert.notEqual(exactRatioProblem(wrong), null);
  }
  assert.equal(exactRatioProblem(2.6), null);
});

test("no pCPU is lost to rounding: 7 pCPUs at 2.6 without vCPUs are all unused, in doubles only 6", () => {
  assert.equal(Math.floor((7 * 2.6 - 0) / 2.6), 6);
  assert.equal(unusedPcpus(7, 0, 0, exactRatio(ratio(2.6))), 7);
});

test("a pool has the least pCPUs that carry its vCPUs, and one for each vCPU of its largest VM", () => {
  const decimal = fc.integer({ min: 100, max: 2000 }).map((hundredths) => hundredths / 100);
  fc.assert(
    fc.property(decimal, fc.nat(5000), fc.nat(64), (written, vcpus, largest) => {
      const exact = exactRatio(ratio(written));
      const [numerator, denominator] = [BigInt(exact.numerator), BigInt(exact.denominator)];
      const needed = neededPcpus(vcpus, exact);
      assert.ok(BigInt(needed) * numerator >= BigInt(vcpus) * denominator);
      assert.ok(needed === 0 || BigInt(needed - 1) * numerator < BigInt(vcpus) * denominator);
      assert.equal(BigInt(capacityVcpus(needed, exact)), (BigInt(needed) * numerator) / denominator);
      assert.ok(availableVcpus(needed, vcpus, exact) >= 0);
      assert.equal(poolSize(vcpus, largest, exact), Math.max(needed, largest));
      assert.equal(unusedPcpus(needed + 3, vcpus, largest, exact), Math.max(0, needed + 3 - Math.max(needed, largest)));
    }),
  );
});
