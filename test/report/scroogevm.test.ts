/** The report of ScroogeVM's comparison sets what was published beside what this trace gives. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { STRATEGY_NAMES } from "../../src/core/estimator/names.js";
import { comparisonOf, type JudgedRun, judgedRun } from "../../src/report/estimate/comparison.js";
import { PUBLISHED_SUMS, scroogevmReport } from "../../src/report/estimate/reproduction.js";
import { drawFigure } from "../../src/report/figure.js";
import { estimate, hostWindow, OPTIONS, traceOf, vmWindow } from "../estimator/traces.js";

test("ours stand beside the published sums, and every other figure is there as well", async () => {
  const trace = traceOf(
    Array.from({ length: 8 }, (_, t) => hostWindow([3 + (t % 3), 2, 1])),
    { a: Array.from({ length: 8 }, (_, t) => vmWindow(60 * t, [1, 2])) },
  );
  const runs: JudgedRun[] = [];
  for (const strategy of STRATEGY_NAMES)
    runs.push(judgedRun(strategy, await estimate(trace, { strategy, faithful: true }), () => 0));
  const comparison = comparisonOf({ ...OPTIONS, tracePath: "t" }, runs);
  const { figures, intro } = scroogevmReport(comparison);
  const [first, ...others] = figures;
  assert.equal(first?.name, "published");
  assert.ok(others.some(({ name }) => name === "cpu-misprediction"));
  const { rows } = first.numbers;
  assert.equal(rows.length, PUBLISHED_SUMS.length + STRATEGY_NAMES.length);
  assert.deepEqual(
    rows.filter(([strategy, what]) => strategy === "greedy" && what !== "this trace"),
    [
      ["greedy", "published, increasing load", 3.7, 0],
      ["greedy", "published, decreasing load", 4.2, 0],
    ],
  );
  const ours = comparison.strategies.greedy!.notebook.hosts;
  assert.deepEqual(
    rows.find(([strategy, what]) => strategy === "greedy" && what === "this trace"),
    ["greedy", "this trace", ours.misprediction, ours.violation],
  );
  assert.ok(intro.some((text) => text.includes("8 windows, the published sums are of 30")));
  assert.match(drawFigure(first.spec).svg, /Misprediction beside what was published/);
});
