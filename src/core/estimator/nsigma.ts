/**
 * `nsigma`: mean and N standard deviations of what the host used in the same slice of the last windows, the Gaussian bound of
 * Bashir et al., "Take it to the Limit" (EuroSys 2021). The seed takes 5 whatever it is asked for, and so does its faithful form.
 */
import { type Estimator, type EstimatorSettings, FORGETFUL, justLevel } from "./estimator.js";
import type { SliceHistory } from "./history.js";

const SEED_SIGMAS = 5;

/** Mean and `sigmas` deviations of all that `history` holds. */
export function gaussianBound(history: SliceHistory, sigmas: number, faithful: boolean): number {
  const { mean, deviation } = faithful ? history.exactMoments() : history.moments();
  return mean + sigmas * deviation;
}

export const sigmasOf = ({ faithful, sigmas }: EstimatorSettings): number => (faithful ? SEED_SIGMAS : sigmas);

export const createNsigma = (settings: EstimatorSettings): Estimator => ({
  ...FORGETFUL,
  restsOn: "usage",
  update: (_usage, history) => justLevel(gaussianBound(history, sigmasOf(settings), settings.faithful)),
  predict: ({ level }) => ({ need: level, arithmetic: "numpy" }),
});
