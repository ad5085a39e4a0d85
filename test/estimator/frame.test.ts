import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { alwaysStable } from "../../src/core/estimator/assessors/simple.js";
import { EstimatorFrame } from "../../src/core/estimator/frame.js";
import { STRATEGY_NAMES } from "../../src/core/estimator/names.js";
import { createEstimator } from "../../src/core/estimator/registry.js";
import { estimate, hostWindow, traceOf, vmWindow } from "./traces.js";

const steady = (windows: number, level: number): object[] =>
  Array.from({ length: windows }, () => hostWindow([level, level]));
/** Usage of a VM that is there from window `from` on; the last two windows of a history of one make it known. */
const vmFrom = (windows: number, from: number, cpu: number): object[] =>
  Array.from({ length: windows }, (_, i) => (i < from ? {} : vmWindow(60 * i, [cpu, cpu])));

describe("caution is the frame's, for every strategy", () => {
  for (const strategy of STRATEGY_NAMES) {
    test(`${strategy}: a host of too little history needs what is booked`, async () => {
      const trace = traceOf(steady(1, 1), { a: vmFrom(1, 0, 1) });
      const { windows } = await estimate(trace, { strategy, caution: true });
      assert.equal(windows[0]!.cpu.estimate.need, 4);
      assert.equal(windows[0]!.cpu.estimate.instead, "warming up");
    });
  }

  test("a new VM counts with its full size until it is known", async () => {
    const trace = traceOf(steady(5, 1), { a: vmFrom(5, 0, 1), b: vmFrom(5, 3, 0) });
    const { windows } = await estimate(trace, { strategy: "nsigma", caution: true });
    assert.deepEqual(
      windows.map(({ cpu }) => cpu.estimate.need),
      [4, 1, 1, 5, 1],
    );
  });

  test("may be switched off", async () => {
    const { windows } = await estimate(traceOf(steady(2, 1), { a: vmFrom(2, 0, 1) }), { caution: false });
    assert.deepEqual(
      windows.map(({ cpu }) => cpu.estimate.need),
      [1, 1],
    );
  });
});

describe("our own rules of when a VM is there", () => {
  const sized = { strategy: "borg", caution: false } as const;
  const bookedOf = async (windows: readonly unknown[]): Promise<readonly number[]> =>
    (await estimate(traceOf(steady(windows.length, 1), { a: windows }), sized)).windows.map(({ cpu }) => cpu.booked);

  test("one that idles has not ended", async () => {
    assert.deepEqual(await bookedOf(vmFrom(3, 0, 0)), [4, 4, 4]);
  });

  test("one whose record repeats has left, and may come back", async () => {
    const last = vmWindow(0, [1, 2]);
    assert.deepEqual(await bookedOf([last, last, last, vmWindow(180, [1, 2])]), [4, 0, 0, 4]);
  });

  test("one that is gone counts nothing", async () => {
    const { windows } = await estimate(traceOf(steady(3, 1), { a: [vmWindow(0, [1, 1]), vmWindow(60, [1, 1]), {}] }), {
      strategy: "rclike",
      caution: false,
    });
    assert.deepEqual(
      windows.map(({ cpu }) => cpu.estimate.need),
      [4, 1, 0],
    );
  });

  test("one without memory samples counts with its size", async () => {
    const mute = [0, 60, 120].map((time) => ({ ...vmWindow(time, [1, 1]), mem_usage: undefined }));
    const { windows } = await estimate(traceOf(steady(3, 1), { a: mute }), { strategy: "rclike", caution: false });
    assert.deepEqual(
      windows.map(({ memory }) => memory.estimate.need),
      [100, 100, 100],
    );
  });
});

test("nsigma takes the deviations it is asked for; the seed's form always takes five", async () => {
  const trace = traceOf([hostWindow([0, 2]), hostWindow([0, 2])]);
  const needs = async (sigmas: number, faithful: boolean): Promise<readonly (number | null)[]> =>
    (await estimate(trace, { strategy: "nsigma", sigmas, faithful })).windows.map(({ cpu }) => cpu.estimate.need);
  assert.deepEqual(await needs(2, false), [3, 3]);
  assert.deepEqual(await needs(2, true), [6, 6]);
});

test("rclike takes cores for cores; the seed's form takes them for a share of the VM", async () => {
  const trace = traceOf(steady(2, 1), { a: [vmWindow(0, [0.5, 0.5]), vmWindow(60, [0.5, 0.6])] });
  const last = async (faithful: boolean): Promise<number | null> =>
    (await estimate(trace, { strategy: "rclike", faithful })).windows[1]!.cpu.estimate.need;
  assert.equal(await last(false), 0.597);
  assert.equal(await last(true), 4 * 0.597);
});

describe("the faithful form keeps the seed's errors", () => {
  test("a VM that idles twice has ended for ever", async () => {
    const windows = [0, 0, 0, 1].map((cpu, i) => vmWindow(60 * i, [cpu, cpu]));
    const run = await estimate(traceOf(steady(4, 1), { a: windows }), { strategy: "rclike", faithful: true });
    assert.deepEqual(
      run.windows.map(({ cpu }) => [cpu.booked, cpu.estimate.need]),
      [
        [4, 4],
        [0, 0],
        [0, 0],
        [4, 0],
      ],
    );
  });

  test("a VM that is gone counts on", async () => {
    const run = await estimate(traceOf(steady(3, 1), { a: [vmWindow(0, [1, 2]), {}, {}] }), {
      strategy: "rclike",
      faithful: true,
    });
    assert.deepEqual(
      run.windows.map(({ cpu }) => [cpu.booked, cpu.estimate.need]),
      [
        [4, 4],
        [0, 4],
        [0, 4],
      ],
    );
  });
});

test("a frame goes on after a restart as if there had been none", () => {
  const settings = {
    resource: "cpu",
    history: 2,
    slices: 2,
    dayWindows: 24,
    faithful: false,
    percentile: 90,
    sigmas: 5,
    assessor: alwaysStable,
    aggregation: 1,
    caution: true,
  } as const;
  const totals = { booked: 8, peaks: 5, arithmetic: "decimal", fresh: 0, unseen: 0, count: 2 } as const;
  for (const strategy of STRATEGY_NAMES) {
    const make = (): EstimatorFrame => new EstimatorFrame("cpu", createEstimator(strategy, settings), settings);
    const step = (frame: EstimatorFrame, i: number): unknown => {
      const samples = Float64Array.from({ length: 20 }, (_, j) => 3 + Math.sin(i * 20 + j));
      const window = { occurrence: i, slice: i % 2, capacity: 10, samples, ownSamples: null, missing: 0 };
      return frame.predict(frame.update(window), totals);
    };
    const through = make();
    const before = make();
    for (let i = 0; i < 7; i++) step(through, i);
    for (let i = 0; i < 7; i++) step(before, i);
    const after = make();
    after.restore(JSON.parse(JSON.stringify(before.snapshot())));
    for (let i = 7; i < 15; i++) assert.deepEqual(step(after, i), step(through, i), strategy);
  }
});
