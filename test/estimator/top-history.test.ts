/** Peaks of VMs from their largest samples alone: to the last bit what all samples give. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { SliceHistory } from "../../src/core/estimator/history.js";
import { largestOf, TopHistory } from "../../src/core/estimator/top-history.js";
import fc from "../support/property.js";

/** No usage is -0, which equals 0 but is told from it: which of the two comes first in a tie is left open. */
const samples = (least: number, most: number) =>
  fc
    .array(fc.double({ min: -8, max: 8, noNaN: true }), { minLength: least, maxLength: most })
    .map((values) => Float64Array.from(values, (value) => value + 0));
const percents = fc.constantFrom(0, 10, 50, 51, 90, 95, 99, 99.9, 100);

test("the largest of a list are the end of the sorted list", () => {
  fc.assert(
    fc.property(samples(0, 200), fc.integer({ min: 0, max: 100 }), (values, most) => {
      assert.deepEqual(
        largestOf(values, most),
        values
          .slice()
          .sort()
          .slice(Math.max(0, values.length - most)),
      );
    }),
  );
});

test("a percentile of windows of about equal length is that of all their samples", () => {
  fc.assert(
    fc.property(fc.array(samples(40, 80), { minLength: 1, maxLength: 7 }), percents, (windows, percent) => {
      const [top, all] = [new TopHistory(4, percent), new SliceHistory(4)];
      for (const window of windows) {
        top.push(window);
        all.push(window);
        assert.equal(top.percentile(), all.percentile(percent));
        assert.equal(top.count, all.count);
      }
      const again = new TopHistory(4, percent);
      again.restore(JSON.parse(JSON.stringify(top.snapshot())));
      assert.equal(again.percentile(), top.percentile());
    }),
  );
});

test("however windows differ in length, no percentile is too low", () => {
  fc.assert(
    fc.property(fc.array(samples(1, 300), { minLength: 1, maxLength: 4 }), percents, (windows, percent) => {
      const [top, all] = [new TopHistory(4, percent), new SliceHistory(4)];
      for (const window of windows) for (const history of [top, all]) history.push(window);
      assert.ok(top.percentile() >= all.percentile(percent));
    }),
  );
});
