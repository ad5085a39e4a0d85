/** The strategies' names, apart from the strategies: help and options need no more. */
export const STRATEGY_NAMES = [
  "borg",
  "doa",
  "greedy",
  "headroom",
  "maxpeak",
  "nsigma",
  "percentile",
  "rclike",
] as const;
export type StrategyName = (typeof STRATEGY_NAMES)[number];
