import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { RESOURCES, type Resource } from "../../src/core/estimator/resource.js";
import { judge, metricsOf } from "../../src/report/estimate/metrics.js";
import type { EstimateOptions } from "../../src/report/estimate/options.js";
import { type EstimateRun, EstimateVisitor } from "../../src/report/estimate/run.js";
import { DEVELOPMENT, type Family, tell } from "./families.js";
import { fanOut } from "./golden.js";
import { HELD_OUT, HELD_OUT_LATER } from "./held-out.js";
import { OPTIONS } from "./traces.js";

/** `headroom` with its default, and with the promises to compare it with those who are passed often and those who seldom are. */
const COMPARED = {
  headroom: { strategy: "headroom" },
  bold: { strategy: "headroom", promise: 10 },
  careful: { strategy: "headroom", promise: 200 },
  greedy: { strategy: "greedy" },
  maxpeak: { strategy: "maxpeak" },
  percentile: { strategy: "percentile" },
} as const satisfies Record<string, Partial<EstimateOptions>>;
type Compared = keyof typeof COMPARED;
const NAMES = Object.keys(COMPARED) as Compared[];
/** Far from the seeds of development, and one is enough for a test: test/bench/accuracy.bench.ts has more. */
const SEED = 104_729;

/** Means over families: misprediction and violations' sum in shares of the host a window, violations' count in shares of windows. */
interface Means {
  misprediction: number;
  count: number;
  sum: number;
}

type Runs = Readonly<Record<Compared, EstimateRun>>;

const byName = <T>(of: (name: Compared) => T): Readonly<Record<Compared, T>> =>
  Object.fromEntries(NAMES.map((name) => [name, of(name)])) as Record<Compared, T>;

function runsOf(family: Family): Runs {
  const options = { ...OPTIONS, tracePath: "", caution: true };
  const visitors = byName((name) => new EstimateVisitor({ ...options, ...COMPARED[name] }, null));
  tell(family, SEED, fanOut(Object.values(visitors)));
  return byName((name) => visitors[name].finish());
}

function meansOf(families: readonly Runs[], resource: Resource): Readonly<Record<Compared, Means>> {
  return byName((name) => {
    const means: Means = { misprediction: 0, count: 0, sum: 0 };
    for (const runs of families) {
      const { windows } = runs[name];
      const { misprediction, violation, windows: count } = metricsOf(judge(windows, resource));
      const { capacity } = windows[0]![resource];
      const share = 1 / (count * families.length);
      means.misprediction += (share * misprediction) / capacity;
      means.count += share * violation.count;
      means.sum += (share * violation.sum) / capacity;
    }
    return means;
  });
}

const isAhead = (one: Means, other: Means): boolean =>
  one.misprediction < other.misprediction && one.count < other.count && one.sum < other.sum;

const LISTS = { first: HELD_OUT, later: HELD_OUT_LATER } as const;

test("the families held out are none of those that it was developed on", () => {
  const known = new Set(DEVELOPMENT.map(({ name }) => name));
  for (const families of Object.values(LISTS))
    assert.deepEqual(
      families.filter(({ name }) => known.has(name)),
      [],
    );
});

const measured = Object.entries(LISTS).map(([list, families]) => [list, families.map(runsOf)] as const);

for (const [list, runs] of measured) {
  describe(`on the families held out ${list}, headroom`, () => {
    for (const resource of RESOURCES) {
      const means = meansOf(runs, resource);
      const { headroom, bold, careful, greedy, maxpeak, percentile } = means;
      const said = JSON.stringify(means);

      test(`mispredicts ${resource} less than greedy, and is passed a quarter as often`, () => {
        assert.ok(headroom.misprediction < greedy.misprediction, said);
        assert.ok(headroom.count < greedy.count / 4 && headroom.sum < greedy.sum / 2, said);
      });

      test(`mispredicts ${resource} far less than maxpeak, with less missing`, () => {
        assert.ok(headroom.misprediction < 0.7 * maxpeak.misprediction && headroom.sum < maxpeak.sum, said);
      });

      test(`is passed in ${resource} by an eighth of the windows that pass percentile's`, () => {
        assert.ok(headroom.count < percentile.count / 8 && headroom.sum < percentile.sum / 8, said);
      });

      test(`with a promise of one window in ten it is nearer to ${resource} than greedy and percentile, and passed less`, () => {
        for (const other of [greedy, percentile]) assert.ok(isAhead(bold, other), said);
      });

      test(`with a promise of one window in 200 it is passed in ${resource} by fewer windows than maxpeak, and by less`, () => {
        assert.ok(careful.count < maxpeak.count && careful.sum < maxpeak.sum, said);
      });

      test(`the more is promised the less ${resource} is passed, and the wider the estimate`, () => {
        assert.ok(careful.count < headroom.count && headroom.count < bold.count, said);
        assert.ok(careful.misprediction > headroom.misprediction && headroom.misprediction > bold.misprediction, said);
      });

      test(`keeps about its promises for ${resource}`, () => {
        assert.ok(bold.count < 0.12 && headroom.count < 0.045 && careful.count < 0.0125, said);
      });
    }
  });
}

for (const resource of RESOURCES) {
  const all = measured.flatMap(([, runs]) => runs);
  test(`on all of them together it is nearer to ${resource} than maxpeak with a promise of one window in 200, and passed less`, () => {
    const { careful, maxpeak } = meansOf(all, resource);
    assert.ok(isAhead(careful, maxpeak), JSON.stringify({ careful, maxpeak }));
  });
}
