/**
 * `maxpeak`: the larger of `nsigma` and `rclike`, as Bashir et al., "Take it to the Limit" (EuroSys 2021) combine their
 * predictors: each guards where the other is weak.
 */
import { type Estimator, type EstimatorSettings, FORGETFUL, justLevel } from "./estimator.js";
import { gaussianBound, sigmasOf } from "./nsigma.js";

export const createMaxpeak = (settings: EstimatorSettings): Estimator => ({
  ...FORGETFUL,
  restsOn: "peaks",
  update: (_usage, history) => justLevel(gaussianBound(history, sigmasOf(settings), settings.faithful)),
  predict({ level }, { peaks, arithmetic, unseen }) {
    const usage = level + unseen;
    return peaks > usage ? { need: peaks, arithmetic } : { need: usage, arithmetic: "numpy" };
  },
});
