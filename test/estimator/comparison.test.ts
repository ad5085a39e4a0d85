import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { comparisonTables } from "../../src/cli/comparison-table.js";
import { sourceThread } from "../../src/cli/sizing/threads.js";
import { STRATEGY_NAMES, type StrategyName } from "../../src/core/estimator/names.js";
import { OperationalError } from "../../src/ports/errors.js";
import { compareToFiles } from "../../src/report/estimate/compare-to-files.js";
import type { Comparison, StrategyReport } from "../../src/report/estimate/comparison.js";
import { judge, metricsOf } from "../../src/report/estimate/metrics.js";
import { notebookSums } from "../../src/report/estimate/notebook.js";
import { comparisonReport } from "../../src/report/estimate/report.js";
import { estimate, hostWindow, OPTIONS, traceOf, vmWindow, withFile } from "./traces.js";

const startThread = sourceThread(new URL("../../src/report/estimate/worker.ts", import.meta.url));

const WAVE = Array.from({ length: 12 }, (_, t) => hostWindow([3 + (t % 3), 2, 1], [100 + 10 * t, 90]));
const WAVE_TRACE = JSON.stringify(traceOf(WAVE, { a: WAVE.map((_, t) => vmWindow(60 * t, [1, 2])) }));

describe("metrics", () => {
  test("hold each estimate against the peak of the window after it", () => {
    const judged = [
      { occurrence: 0, estimate: 5, truth: 4, booked: 10 },
      { occurrence: 1, estimate: 3, truth: 4, booked: 10 },
      { occurrence: 2, estimate: 2, truth: 4, booked: 10 },
      { occurrence: 3, estimate: 4, truth: 4, booked: 10 },
    ];
    assert.deepEqual(metricsOf(judged), {
      windows: 4,
      meanAbsoluteError: 1,
      misprediction: 4,
      violation: { count: 2, sum: 3, longest: 2, worst: 2 },
      savings: 6.5,
      bookedPerEstimate: (2 + 10 / 3 + 5 + 2.5) / 4,
    });
  });

  test("leave out warm-up, the last window and what was withheld; the oracle is never wrong", async () => {
    const { windows } = await estimate(traceOf([...WAVE.slice(0, 6), {}, ...WAVE.slice(7)]));
    // Of twelve: the first (history of two), the one before the gap, the gap, and the last.
    assert.deepEqual(
      judge(windows, "cpu").map(({ occurrence }) => occurrence),
      [1, 2, 3, 4, 7, 8, 9, 10],
    );
    assert.equal(metricsOf(judge(windows, "cpu", true)).misprediction, 0);
  });

  test("count as the notebook does: bookings correct a prediction, or usage where bookings fell", () => {
    const windows = [
      { capacity: 10, booked: 4, p99: 2, free: 7 },
      { capacity: 10, booked: 6, p99: 3, free: 4 },
      { capacity: 10, booked: 5, p99: 1, free: 2 },
    ];
    // Predicted 7 - 2 = 5, true 7, said 4: one less; then 4 - (1 - 3) = 6, true 9, said 2: four less.
    assert.deepEqual(notebookSums(windows, 29), { misprediction: 5, violation: 0, decreases: 5 });
  });
});

/** The numbers behind the figures add up to the metrics, and each figure says something. */
function reportHolds(comparison: Comparison): void {
  const { figures } = comparisonReport(comparison);
  const sumOf = (figure: string, strategy: StrategyName): number => {
    const { columns, rows } = figures.find(({ name }) => name === figure)!.numbers;
    return rows.reduce((sum, row) => sum + Number(row[columns.indexOf(strategy)]), 0);
  };
  for (const [strategy, { cpu }] of Object.entries(comparison.strategies) as [StrategyName, StrategyReport][]) {
    const close = (a: number, b: number) => assert.ok(Math.abs(a - b) < 1e-9, `${strategy}: ${a} and ${b}`);
    close(sumOf("cpu-misprediction", strategy), cpu.misprediction);
    close(sumOf("cpu-violations", strategy), cpu.violation.sum);
  }
  const usage = figures.find(({ name }) => name === "cpu-usage")!.numbers;
  assert.deepEqual(
    usage.rows.map((row) => row[usage.columns.indexOf("peak usage")]),
    comparison.host.cpu.peak,
  );
  assert.ok(figures.every(({ says }) => says.length > 0));
}

test("a comparison runs every strategy in threads, and leaves its data and its figures", async () => {
  await withFile(WAVE_TRACE, async (tracePath, folder) => {
    const out = join(folder, "out");
    const shares: number[] = [];
    const { comparison, files } = await compareToFiles(
      { ...OPTIONS, tracePath },
      out,
      (share) => shares.push(share),
      startThread,
    );
    assert.equal(shares.at(-1), 1);
    assert.deepEqual(Object.keys(comparison.strategies), [...STRATEGY_NAMES]);
    const alone = await estimate(JSON.parse(WAVE_TRACE) as object, { strategy: "maxpeak" });
    assert.deepEqual(
      comparison.strategies.maxpeak!.series.cpu.estimate,
      alone.windows.map(({ cpu }) => cpu.estimate.need),
    );
    const written = JSON.parse(readFileSync(join(out, "comparison.json"), "utf8")) as Comparison;
    assert.deepEqual(written, comparison);
    assert.deepEqual(readdirSync(out).sort(), files.map((path) => path.slice(out.length + 1)).sort());
    for (const path of files.filter((file) => file.endsWith(".png")))
      assert.deepEqual(
        [...readFileSync(path).subarray(1, 4)],
        [..."PNG"].map((letter) => letter.charCodeAt(0)),
        path,
      );
    for (const path of files.filter((file) => file.endsWith(".svg"))) {
      const svg = readFileSync(path, "utf8");
      assert.match(svg, /\((?:cores|GB|% of the host|hours)\)/, `${path} names its units`);
      assert.doesNotMatch(svg, /NaN|undefined/, path);
    }
    assert.match(comparisonTables(comparison), /headroom[\s\S]*oracle/);
    reportHolds(comparison);
  });
});

test("a comparison of a broken trace says what is wrong, and leaves no folder", async () => {
  await withFile('{"config": {}', async (tracePath, folder) => {
    const out = join(folder, "out");
    await assert.rejects(
      compareToFiles({ ...OPTIONS, tracePath }, out, () => undefined, startThread),
      (error) => error instanceof OperationalError && /the file ends in the middle/.test(error.message),
    );
    assert.equal(existsSync(out), false);
  });
});
