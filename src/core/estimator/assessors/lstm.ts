/**
 * ScroogeVM's stability assessor: a small LSTM learns the old windows, and the host is stable when it predicts the new window
 * about as well as those it learned from (root mean square errors within 1 % of the capacity). What the seed leaves to the
 * luck of Keras is fixed here: initial weights (Glorot-uniform, forget bias 1) from one seed, samples in order of time.
 */
import type { StabilityAssessor } from "../assessor.js";
import { PARAMETERS, rootMeanSquareError, train, UNITS } from "../lstm.js";
import { roundHalfEven, roundThousandth } from "../seed-rounding.js";

const EPOCHS = 3;
/** Of the capacity. */
const THRESHOLD = 0.01;
/** The seed makes pairs of neighbours, and drops the last one. */
const DROPPED = 2;

/** Any seed would do; this one gives each gate weights of both signs. */
const SEED = 2;

/** SplitMix32 (Steele, Lea and Flood, 2014): good enough for 20 weights, and the same everywhere. From 0 to 1. */
function splitMix(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x9e3779b9) >>> 0;
    let z = state;
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return ((z ^ (z >>> 15)) >>> 0) / 4294967296;
  };
}

/** Glorot and Bengio (2010): uniform within sqrt(6 / (fan in + fan out)). Biases of the gates that count start at 0. */
function initialWeights(): Float64Array {
  const next = splitMix(SEED);
  const weights = new Float64Array(PARAMETERS);
  const gateLimit = Math.sqrt(6 / (1 + 4 * UNITS));
  const denseLimit = Math.sqrt(6 / (UNITS + 1));
  for (let i = 0; i < 3 * UNITS; i++) weights[i] = (2 * next() - 1) * gateLimit;
  for (let i = 6 * UNITS; i < 7 * UNITS; i++) weights[i] = (2 * next() - 1) * denseLimit;
  return weights;
}

const INITIAL = initialWeights();

export interface LstmAssessment {
  readonly trained: Float64Array;
  /** Root mean square errors, in the resource's unit. */
  readonly oldError: number;
  readonly freshError: number;
  readonly isStable: boolean;
}

const scaled = (values: Float64Array, capacity: number): Float64Array =>
  values.map((value) => roundThousandth(value / capacity));

/** `initial`: 29 weights, see lstm.ts. Null where there are too few samples to make a pair of each. */
export function assessByLstm(
  old: Float64Array,
  fresh: Float64Array,
  capacity: number,
  initial: Float64Array = INITIAL,
): LstmAssessment | null {
  const [before, now] = [scaled(old, capacity), scaled(fresh, capacity)];
  const [pairs, freshPairs] = [before.length - DROPPED, now.length - DROPPED];
  if (pairs < 1 || freshPairs < 1) return null;
  const trained = initial.slice();
  train(trained, before, pairs, EPOCHS);
  // The seed rounds what it compares to tenths of a core, or of an MB.
  const inUnit = (value: number): number => roundHalfEven(value * capacity * 10) / 10;
  const oldError = rootMeanSquareError(trained, before, pairs, inUnit);
  const freshError = rootMeanSquareError(trained, now, freshPairs, inUnit);
  return { trained, oldError, freshError, isStable: Math.abs(oldError - freshError) < THRESHOLD * capacity };
}

export const lstmAssessor: StabilityAssessor = {
  isStable: (old, fresh, capacity) => assessByLstm(old, fresh, capacity)?.isStable ?? false,
};
