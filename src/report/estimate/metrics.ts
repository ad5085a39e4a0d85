/**
 * How well a strategy predicted a host (spec 5.4): every estimate against the true peak of the window after it, which is what
 * the oracle says. Windows before warm-up, and those whose peak or estimate is not known, are left out, for all alike.
 */
import type { Resource } from "../../core/estimator/resource.js";
import type { WindowOutcome } from "./run.js";

export interface Metrics {
  /** Windows that were compared. */
  readonly windows: number;
  readonly meanAbsoluteError: number;
  /** Sum of absolute errors. */
  readonly misprediction: number;
  /** Where the estimate was below the truth. */
  readonly violation: {
    readonly count: number;
    readonly sum: number;
    /** Windows in a row. */
    readonly longest: number;
    readonly worst: number;
  };
  /** Mean of booked - estimate. */
  readonly savings: number;
  /** Mean of booked / estimate. */
  readonly bookedPerEstimate: number;
}

/** One compared window. */
export interface Judged {
  readonly occurrence: number;
  readonly estimate: number;
  readonly truth: number;
  readonly booked: number;
}

/** Of one resource, a value for each window; NaN: not known, or withheld. */
export interface Course {
  readonly warm: readonly boolean[];
  readonly need: readonly number[];
  readonly booked: readonly number[];
  readonly peak: readonly number[];
}

/** What was said at the end of each window, and what the next one brought. `oracle`: the truth itself is the estimate. */
export function judgeCourse({ warm, need, booked, peak }: Course, oracle = false): readonly Judged[] {
  return need.slice(0, -1).flatMap((estimate, occurrence) => {
    const truth = peak[occurrence + 1]!;
    if (!warm[occurrence] || Number.isNaN(estimate) || !Number.isFinite(truth)) return [];
    return [{ occurrence, estimate: oracle ? truth : estimate, truth, booked: booked[occurrence]! }];
  });
}

export const judge = (windows: readonly WindowOutcome[], resource: Resource, oracle = false): readonly Judged[] =>
  judgeCourse(
    {
      warm: windows.map(({ warm }) => warm),
      need: windows.map((window) => window[resource].estimate.need ?? Number.NaN),
      booked: windows.map((window) => window[resource].booked),
      peak: windows.map((window) => window[resource].peak),
    },
    oracle,
  );

const mean = (values: readonly number[]): number =>
  values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;

export function metricsOf(judged: readonly Judged[]): Metrics {
  let [misprediction, count, sum, longest, row, worst] = [0, 0, 0, 0, 0, 0];
  for (const { estimate, truth } of judged) {
    const below = truth - estimate;
    misprediction += Math.abs(below);
    row = below > 0 ? row + 1 : 0;
    longest = Math.max(longest, row);
    if (below <= 0) continue;
    count += 1;
    sum += below;
    worst = Math.max(worst, below);
  }
  const ratios = judged.filter(({ estimate }) => estimate > 0).map(({ booked, estimate }) => booked / estimate);
  return {
    windows: judged.length,
    meanAbsoluteError: judged.length === 0 ? 0 : misprediction / judged.length,
    misprediction,
    violation: { count, sum, longest, worst },
    savings: mean(judged.map(({ booked, estimate }) => booked - estimate)),
    bookedPerEstimate: mean(ratios),
  };
}
