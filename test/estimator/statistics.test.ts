import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Histories, SliceHistory } from "../../src/core/estimator/history.js";
import { roundThousandth, seedTiers } from "../../src/core/estimator/seed-rounding.js";
import {
  aggregated,
  concatenated,
  deviationOf,
  meanOf,
  percentileOf,
  percentileOfAll,
  sorted,
} from "../../src/core/estimator/statistics.js";
import { tTestPValue } from "../../src/core/estimator/student-t.js";
import fc from "../support/property.js";

/** Never -0, which equals 0 but is told from it: which of the two comes first in a tie is left open. */
const value = fc.double({ min: -1e6, max: 1e6, noNaN: true }).map((number) => number + 0);
const list = fc.array(value, { maxLength: 300 }).map((values) => Float64Array.from(values));
const lists = fc.array(list, { minLength: 1, maxLength: 5 });

test("sorting puts numbers in order, be they negative or not", () => {
  const positive = fc.array(fc.double({ min: 0 }), { maxLength: 50 });
  fc.assert(
    fc.property(fc.oneof(positive, fc.array(fc.double(), { maxLength: 50 })), (values) => {
      const expected = Float64Array.from(values).sort();
      assert.deepEqual(sorted(Float64Array.from(values)), expected);
      // In the middle of larger memory, too.
      const spare = new Float64Array(values.length + 2).subarray(1, 1 + values.length);
      assert.deepEqual(sorted(Float64Array.from(values), spare), expected);
    }),
  );
});

test("a percentile of several windows is that of all their samples", () => {
  fc.assert(
    fc.property(lists, fc.integer({ min: 0, max: 100 }), (windows, percent) => {
      const whole = sorted(concatenated(windows));
      assert.equal(
        percentileOfAll(
          windows.map((each) => sorted(each)),
          percent,
        ),
        percentileOf(whole, percent),
      );
      if (whole.length === 0) return;
      const rank = ((whole.length - 1) * percent) / 100;
      const found = percentileOf(whole, percent);
      assert.ok(found >= whole[Math.floor(rank)]! - 1e-9 && found <= whole[Math.ceil(rank)]! + 1e-9);
    }),
  );
});

test("moments of windows merge to those of all their samples", () => {
  fc.assert(
    fc.property(lists, (windows) => {
      const history = new SliceHistory(windows.length);
      for (const window of windows) history.push(window);
      const all = concatenated(windows);
      const { mean, deviation, count } = history.moments();
      assert.equal(count, all.length);
      if (count === 0) return;
      assert.ok(Math.abs(mean - meanOf(all)) <= 1e-6);
      assert.ok(Math.abs(deviation - deviationOf(all)) <= 1e-5);
    }),
  );
});

test("a history forgets all but the last windows, and survives a restart", () => {
  const histories = new Histories(2);
  for (const sample of [1, 2, 3]) histories.of(5).push(Float64Array.of(sample));
  assert.deepEqual([...histories.of(5).all()], [2, 3]);
  const restored = new Histories(2);
  restored.restore(JSON.parse(JSON.stringify(histories.snapshot())));
  assert.deepEqual([...restored.of(5).all()], [2, 3]);
  assert.equal(restored.of(5).percentile(100), 3);
});

test("chunks are averaged or summed, and the last one dropped unless it is whole or alone", () => {
  const values = Float64Array.of(1, 2, 3, 4, 5);
  assert.deepEqual([...aggregated(values, 2)], [1.5, 3.5]);
  assert.deepEqual([...aggregated(values, 2, "sum")], [3, 7]);
  assert.deepEqual([...aggregated(values, 5)], [3]);
  assert.deepEqual([...aggregated(values, 9)], [3]);
  assert.equal(aggregated(values, 1), values);
});

describe("estimates round as the seed's", () => {
  test("halves go to the even tenth", () => {
    assert.equal(seedTiers("cpu", 0.25, 10, "decimal").tier0, 0.2);
    assert.equal(seedTiers("cpu", 0.75, 10, "decimal").tier0, 0.8);
    assert.equal(seedTiers("cpu", 0.25, 10, "numpy").tier0, 0.2);
  });

  test("numpy rounds the scaled value, Python the true one", () => {
    // 0.35 is a little less than it looks; times ten it is 3.5.
    assert.equal(seedTiers("cpu", 0.35, 10, "numpy").tier0, 0.4);
    assert.equal(seedTiers("cpu", 0.35, 10, "decimal").tier0, 0.3);
  });

  test("memory is cut to whole MB, and nothing free is less than nothing", () => {
    assert.deepEqual(seedTiers("memory", 100.9, 50.5, "numpy"), { tier0: 100, tier1: 0, tier2: 0 });
  });

  test("thousandths", () => {
    assert.equal(roundThousandth(0.0625), 0.062);
    assert.equal(roundThousandth(0.1875), 0.188);
    assert.equal(roundThousandth(1.0005), 1);
    assert.equal(roundThousandth(0.12345), 0.123);
  });
});

describe("the t-test", () => {
  // scipy.stats.ttest_ind_from_stats
  for (const [one, other, p] of [
    [{ mean: 10, deviation: 2, count: 20 }, { mean: 11, deviation: 2.5, count: 15 }, 0.19747546488468506],
    [{ mean: 3, deviation: 1, count: 1440 }, { mean: 3.1, deviation: 1.2, count: 360 }, 0.10389357974294264],
  ] as const) {
    test(`means ${one.mean} and ${other.mean}`, () => {
      assert.ok(Math.abs(tTestPValue(one, other) - p) < 1e-12, `${tTestPValue(one, other)}`);
    });
  }

  test("is not defined between constant samples of one value", () => {
    const constant = { mean: 3, deviation: 0, count: 10 };
    assert.ok(Number.isNaN(tTestPValue(constant, constant)));
  });
});
