import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { assessByLstm, lstmAssessor } from "../../src/core/estimator/assessors/lstm.js";
import { gradient, PARAMETERS, predict } from "../../src/core/estimator/lstm.js";
import { readEstimatorTrace } from "../../src/trace/estimator-reader.js";
import fc from "../support/property.js";
import { skipWithoutShared } from "../support/shared.js";
import { goldenTraces, readGoldenJson, tracePath } from "./golden.js";

const weight = fc.double({ min: -2, max: 2, noNaN: true });
const weights = fc
  .array(weight, { minLength: PARAMETERS, maxLength: PARAMETERS })
  .map((list) => Float64Array.from(list));
const share = fc.double({ min: 0, max: 1, noNaN: true });

const lossOf = (parameters: Float64Array, x: number, target: number): number => (predict(parameters, x) - target) ** 2;

test("the gradient is that of finite differences", () => {
  const step = 1e-5;
  fc.assert(
    fc.property(weights, share, share, (parameters, x, target) => {
      const slopes = new Float64Array(PARAMETERS);
      gradient(parameters, x, target, slopes);
      for (let i = 0; i < PARAMETERS; i++) {
        const moved = (by: number): number =>
          lossOf(
            Float64Array.from(parameters, (w, j) => (j === i ? w + by : w)),
            x,
            target,
          );
        const measured = (moved(step) - moved(-step)) / (2 * step);
        const off = Math.abs(slopes[i]! - measured);
        assert.ok(off <= 1e-6 * Math.max(1, Math.abs(measured)), `parameter ${i}: ${slopes[i]}, measured ${measured}`);
      }
    }),
    { numRuns: 50 },
  );
});

test("the same windows get the same answer, whatever was assessed before", () => {
  const old = Float64Array.from({ length: 200 }, (_, i) => 20 + 5 * Math.sin(i / 9));
  const fresh = Float64Array.from({ length: 60 }, (_, i) => 21 + 5 * Math.sin(i / 7));
  const first = assessByLstm(old, fresh, 64)!;
  assessByLstm(fresh, old, 100);
  assert.deepEqual(assessByLstm(old, fresh, 64), first);
});

test("a host that goes on as before is stable, one whose usage starts to jump is not", () => {
  const calm = (i: number): number => 20 + 2 * Math.sin(i / 20);
  const old = Float64Array.from({ length: 1440 }, (_, i) => calm(i));
  const same = Float64Array.from({ length: 360 }, (_, i) => calm(i + 1440));
  const wild = Float64Array.from({ length: 360 }, (_, i) => (i % 2 === 0 ? 5 : 60));
  assert.equal(lstmAssessor.isStable(old, same, 64), true);
  assert.equal(lstmAssessor.isStable(old, wild, 64), false);
});

test("windows too short to make a pair of are not called stable", () => {
  const two = Float64Array.from([1, 2]);
  assert.equal(lstmAssessor.isStable(two, Float64Array.from([1, 2, 3]), 64), false);
  assert.equal(lstmAssessor.isStable(Float64Array.from([1, 2, 3]), two, 64), false);
});

interface Case {
  readonly trace: string;
  readonly history_occurrences: readonly number[];
  readonly new_occurrence: number;
  readonly max_config: number;
  readonly initial_weights: {
    readonly kernel: readonly number[];
    readonly bias: readonly number[];
    readonly dense: readonly number[];
    readonly dense_bias: number;
  };
  readonly trained_params_Wi_Wc_Wo_bi_bc_bo_V_d: readonly number[];
  readonly train_rmse: number;
  readonly projection_rmse: number;
  readonly stable: boolean;
}

async function windowsOf(trace: string): Promise<readonly Float64Array[]> {
  const windows: Float64Array[] = [];
  const visitor = {
    start: () => undefined,
    host: (_occurrence: number, record: { readonly cpuUsage: Float64Array } | null) => {
      windows.push(record!.cpuUsage.slice());
    },
    vm: () => undefined,
    vmWindow: () => undefined,
  };
  await readEstimatorTrace(tracePath(trace), visitor);
  return windows;
}

/** Keras keeps the gates in the order input, forget, cell, output. */
function initialOf({ kernel, bias, dense, dense_bias }: Case["initial_weights"]): Float64Array {
  const without = (gates: readonly number[]): readonly number[] => [...gates.slice(0, 4), ...gates.slice(8)];
  return Float64Array.from([...without(kernel), ...without(bias), ...dense, dense_bias]);
}

const near = (ours: number, reference: number): boolean => Math.abs(ours - reference) <= 1e-9 * Math.abs(reference);

describe("the network learns what the reference learns", { skip: skipWithoutShared }, () => {
  const { cases } = skipWithoutShared
    ? { cases: [] }
    : (readGoldenJson("lstm-reference", "cases.json") as { cases: Case[] });
  for (const trace of new Set(cases.map((each) => each.trace))) {
    const missing = goldenTraces.includes(trace) ? false : "its trace is not among the reference data";
    test(trace, { skip: missing }, async () => {
      const windows = await windowsOf(trace);
      for (const each of cases.filter((one) => one.trace === trace)) {
        const old = Float64Array.from(each.history_occurrences.flatMap((i) => [...windows[i]!]));
        const initial = initialOf(each.initial_weights);
        const ours = assessByLstm(old, windows[each.new_occurrence]!, each.max_config, initial)!;
        for (const [i, value] of each.trained_params_Wi_Wc_Wo_bi_bc_bo_V_d.entries())
          assert.ok(near(ours.trained[i]!, value), `window ${each.new_occurrence}, parameter ${i}`);
        assert.ok(near(ours.oldError, each.train_rmse) && near(ours.freshError, each.projection_rmse));
        assert.equal(ours.isStable, each.stable);
      }
    });
  }
});
