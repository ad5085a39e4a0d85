import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { combined } from "../../src/core/estimator/headroom/combined.js";
import { endGuesses, endOf, newEnds, observeEnd } from "../../src/core/estimator/headroom/ends.js";
import { marginsOf, remember } from "../../src/core/estimator/headroom/misses.js";
import { PROMISES, promiseOf } from "../../src/core/estimator/headroom/promise.js";
import { foundSeason } from "../../src/core/estimator/headroom/seasons.js";
import { estimate, hostWindow, traceOf } from "./traces.js";

describe("how a window ended", () => {
  test("is the mean of its last sixth, of one sample at least", () => {
    assert.equal(endOf(Float64Array.from({ length: 60 }, (_, i) => i)), 54.5);
    assert.equal(endOf(Float64Array.of(7, 3)), 3);
  });

  test("guesses the end, its trend, and how the next peak lay above it a season ago", () => {
    const ends = newEnds([2]);
    assert.deepEqual(endGuesses(ends), [null, null, null]);
    observeEnd(ends, 0, 10, 12);
    assert.deepEqual(endGuesses(ends), [10, null, null]);
    observeEnd(ends, 1, 11, 15);
    observeEnd(ends, 2, 20, 21);
    assert.deepEqual(endGuesses(ends), [20, 29, 25], "the peak after window 0 lay 5 above its end");
  });

  test("says nothing of a peak that came after a gap", () => {
    const ends = newEnds([2]);
    observeEnd(ends, 0, 10, 12);
    observeEnd(ends, 2, 20, 50);
    assert.deepEqual(endGuesses(ends), [20, 30, null]);
  });

  test("leads to estimates that lie nearer to the next peak than the last peak does, where usage moves within windows", async () => {
    const levelAt = (t: number): number => 4 + 2 * Math.sin(t / 4);
    const windows = Array.from({ length: 60 }, (_, t) => Array.from({ length: 12 }, (_, k) => levelAt(t + k / 12)));
    const { windows: run } = await estimate(traceOf(windows.map((cpu) => hostWindow(cpu))), {
      strategy: "headroom",
      promise: 2,
    });
    let [errors, moves] = [0, 0];
    for (const [i, { cpu }] of run.slice(12, -1).entries()) {
      const next = run[13 + i]!.cpu.peak;
      errors += Math.abs(next - cpu.estimate.need!);
      moves += Math.abs(next - cpu.peak);
    }
    assert.ok(errors < 0.7 * moves, `${errors} against ${moves}`);
  });
});

describe("all guesses combined", () => {
  test("stand between them, nearer to the one that erred less", () => {
    const [mild, sharp] = combined([10, 20], [1, 3]);
    assert.ok(Math.abs(mild! - 12.5) < 1e-9);
    assert.ok(sharp! > 10 && sharp! < mild!);
  });

  test("leave out what is not proven or knows nothing, and are none where nothing is left", () => {
    assert.deepEqual(combined([10, 20, null], [1, null, 1]), [10, 10]);
    assert.deepEqual(combined([10, null], [null, 1]), [null, null]);
  });

  test("are not only one that never erred for ever", () => {
    assert.ok(combined([10, 20], [0, 0]).every((guess) => guess === 15));
  });
});

describe("a season that no calendar knows", () => {
  const beat = (t: number): number => (t % 5 === 2 ? 3 : 1);
  const peaks = (of: (t: number) => number): readonly number[] => Array.from({ length: 60 }, (_, t) => of(t));

  test("is found in the peaks", () => {
    assert.equal(foundSeason(peaks(beat)), 5);
  });

  test("is found in their changes where the host has filled up first", () => {
    assert.equal(foundSeason(peaks((t) => 20 * (1 - Math.exp(-t / 3)) + beat(t))), 5);
  });

  test("is not found where there is none", () => {
    assert.equal(foundSeason(peaks((t) => t)), 0);
    assert.equal(foundSeason(peaks(() => 4)), 0);
  });
});

test("margins are the misses' own quantiles, as sorting them gives them, whatever is promised", () => {
  const misses = Array.from({ length: 120 }, (_, i) => (i * 37) % 120);
  for (const windows of PROMISES) {
    const promise = promiseOf(windows);
    const rank = Math.max(0, 120 - Math.ceil(121 * (1 - promise.passing))) + 1;
    assert.equal(marginsOf(misses, 1, promise).at(-1), 120 - rank, `promise ${windows}`);
  }
});

test("the rarer a violation is promised to be, the wider are the margins of the same misses", () => {
  const misses = Array.from({ length: 60 }, (_, i) => Math.sin(i * i));
  const widths = PROMISES.map((windows) => marginsOf(misses, 1, promiseOf(windows))[2]!);
  assert.deepEqual(
    widths,
    widths.toSorted((a, b) => a - b),
  );
});

test("misses are remembered to seven digits, the last 120 of them: they are written down at the end of every window", () => {
  const misses: number[] = [];
  for (let i = 0; i < 130; i++) remember(misses, i + 1 / 3);
  assert.equal(misses.length, 120);
  assert.deepEqual([misses[0], misses.at(-1)], [10.33333, 129.3333]);
});
