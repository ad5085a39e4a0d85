import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { WindowsOfPromise } from "../../src/core/estimator/headroom/promise.js";
import type { StrategyName } from "../../src/core/estimator/names.js";
import { RESOURCES, type Resource } from "../../src/core/estimator/resource.js";
import { judge, metricsOf } from "../../src/report/estimate/metrics.js";
import { EstimateVisitor } from "../../src/report/estimate/run.js";
import { DEVELOPMENT, HELD_OUT, tell } from "./families.js";
import { fanOut } from "./golden.js";
import { OPTIONS } from "./traces.js";

const COMPARED = ["headroom", "bold", "careful", "greedy", "maxpeak", "percentile"] as const;
/** `headroom` with other promises than its default. */
const PROMISED: Readonly<Record<string, WindowsOfPromise>> = { bold: 10, careful: 200 };
const strategyOf = (name: (typeof COMPARED)[number]): StrategyName =>
  name === "bold" || name === "careful" ? "headroom" : name;
/** Far from the seeds of development, and one is enough for a test: docs/estimators.md has more. */
const SEED = 104_729;

/** Means over families: misprediction and violations' sum in shares of the host a window, violations' count in shares of windows. */
interface Means {
  misprediction: number;
  count: number;
  sum: number;
}

function meansOf(resource: Resource): Readonly<Record<(typeof COMPARED)[number], Means>> {
  const zero = (): Means => ({ misprediction: 0, count: 0, sum: 0 });
  const means = {
    headroom: zero(),
    bold: zero(),
    careful: zero(),
    greedy: zero(),
    maxpeak: zero(),
    percentile: zero(),
  };
  for (const runs of heldOut) {
    for (const strategy of COMPARED) {
      const { windows } = runs.get(strategy)!;
      const { misprediction, violation, windows: count } = metricsOf(judge(windows, resource));
      const share = 1 / (count * HELD_OUT.length);
      means[strategy].misprediction += (share * misprediction) / windows[0]![resource].capacity;
      means[strategy].count += share * violation.count;
      means[strategy].sum += (share * violation.sum) / windows[0]![resource].capacity;
    }
  }
  return means;
}

const heldOut = HELD_OUT.map((family) => {
  const options = { ...OPTIONS, tracePath: "", caution: true };
  const visitors = COMPARED.map((name) => {
    const promise = PROMISED[name];
    const promised = promise === undefined ? {} : { promise };
    return new EstimateVisitor({ ...options, ...promised, strategy: strategyOf(name) }, null);
  });
  tell(family, SEED, fanOut(visitors));
  return new Map(COMPARED.map((strategy, i) => [strategy, visitors[i]!.finish()]));
});

test("the families held out are none of those that it was developed on", () => {
  const known = new Set(DEVELOPMENT.map(({ name }) => name));
  assert.deepEqual(
    HELD_OUT.filter(({ name }) => known.has(name)),
    [],
  );
});

describe("on families that it was not developed on, headroom", () => {
  for (const resource of RESOURCES) {
    const { headroom, bold, careful, greedy, maxpeak, percentile } = meansOf(resource);
    const said = JSON.stringify({ headroom, bold, careful, greedy, maxpeak, percentile });

    test(`mispredicts ${resource} less than greedy, and is passed a quarter as often`, () => {
      assert.ok(headroom.misprediction < greedy.misprediction, said);
      assert.ok(headroom.count < greedy.count / 4 && headroom.sum < greedy.sum / 2, said);
    });

    test(`mispredicts ${resource} far less than maxpeak`, () => {
      assert.ok(headroom.misprediction < 0.6 * maxpeak.misprediction, said);
    });

    test(`is passed in ${resource} by a tenth of the windows that pass percentile's`, () => {
      assert.ok(headroom.count < percentile.count / 8 && headroom.sum < percentile.sum / 8, said);
    });

    test(`with a promise of one window in ten it is nearer to ${resource} than greedy and percentile, and passed less`, () => {
      for (const other of [greedy, percentile]) {
        assert.ok(bold.misprediction < other.misprediction, said);
        assert.ok(bold.count < other.count && bold.sum < other.sum, said);
      }
    });

    test(`the more is promised the less ${resource} is passed, and the wider the estimate`, () => {
      assert.ok(careful.count < headroom.count && headroom.count < bold.count, said);
      assert.ok(careful.misprediction > headroom.misprediction, said);
      assert.ok(careful.misprediction < maxpeak.misprediction && careful.sum < maxpeak.sum, said);
    });

    test(`keeps about its promise for ${resource}`, () => {
      assert.ok(headroom.count < 0.055, said);
    });
  }
});
