/**
 * `percentile`: the p-th percentile of what the host used in the same slice of the last windows. Simple, and sound where load
 * repeats; by its nature too low for the rest of the time: one sample in ten passes a p90.
 */
import { type Estimator, type EstimatorSettings, FORGETFUL, justLevel } from "./estimator.js";

export const createPercentile = ({ percentile }: EstimatorSettings): Estimator => ({
  ...FORGETFUL,
  restsOn: "usage",
  update: (_usage, history) => justLevel(history.percentile(percentile)),
  predict: ({ level }) => ({ need: level, arithmetic: "numpy" }),
});
