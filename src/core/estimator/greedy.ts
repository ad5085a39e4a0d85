/**
 * `greedy`, ScroogeVM's own: mean and k standard deviations of what the host used, where k creeps down while an assessor calls
 * the host stable and jumps up when it is not and usage rises (Jacquet et al., "ScroogeVM: Boosting Cloud Resource
 * Utilization with Dynamic Oversubscription"). The rise is measured against the previous window's own mean, rounded up to tenths.
 */
import { type Estimator, type EstimatorSettings, FORGETFUL, justLevel } from "./estimator.js";
import { SliceMemory } from "./slice-memory.js";
import { meanOf } from "./statistics.js";

const [FEWEST, START, MOST] = [2, 3.5, 5];
const STEP_DOWN = 0.1;
const STEP_UP = 0.2;
/** Grid that the previous mean is rounded up to. */
const GRID = 0.1;

interface Before {
  readonly deviations: number;
  /** Mean of that window alone. */
  readonly mean: number;
}

function nextDeviations(before: Before | undefined, mean: number, stable: boolean): number {
  let next = before?.deviations ?? START;
  if (stable) next -= STEP_DOWN;
  else if (before !== undefined && mean - GRID * Math.ceil(before.mean / GRID) > 0) next += STEP_UP;
  return Math.min(MOST, Math.max(FEWEST, next));
}

export function createGreedy({ faithful, assessor }: EstimatorSettings): Estimator {
  const memory = new SliceMemory<Before>();
  return {
    ...FORGETFUL,
    assessor,
    restsOn: "usage",
    update({ slice, aggregated, stable }, history) {
      const { mean, deviation } = faithful ? history.exactMoments() : history.moments();
      const deviations = nextDeviations(memory.of(slice), mean, stable);
      memory.set(slice, { deviations, mean: meanOf(aggregated) });
      return { ...justLevel(mean + deviations * deviation), deviations };
    },
    predict: ({ level }) => ({ need: level, arithmetic: "numpy" }),
    snapshot: () => memory.snapshot(),
    restore: (state) => memory.restore(state),
  };
}
