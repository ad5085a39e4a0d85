/** The strategies by name. */
import type { AssessorName, StabilityAssessor } from "./assessor.js";
import { lstmAssessor } from "./assessors/lstm.js";
import { alwaysStable, averageAssessor, neverStable, percentileAssessor, pvalueAssessor } from "./assessors/simple.js";
import { createBorg } from "./borg.js";
import { createDoa } from "./doa.js";
import type { Estimator, EstimatorSettings } from "./estimator.js";
import { createGreedy } from "./greedy.js";
import { createHeadroom } from "./headroom/headroom.js";
import { createMaxpeak } from "./maxpeak.js";
import type { StrategyName } from "./names.js";
import { createNsigma } from "./nsigma.js";
import { createPercentile } from "./percentile.js";
import { createRclike } from "./rclike.js";

const STRATEGIES: Readonly<Record<StrategyName, (settings: EstimatorSettings) => Estimator>> = {
  borg: createBorg,
  doa: createDoa,
  greedy: createGreedy,
  headroom: createHeadroom,
  maxpeak: createMaxpeak,
  nsigma: createNsigma,
  percentile: createPercentile,
  rclike: createRclike,
};

/** Strategies that ask for the peak of each VM. */
const OF_PEAKS: ReadonlySet<StrategyName> = new Set(["maxpeak", "rclike"]);

/** Strategies to which VMs are sizes alone: what each of them uses need not be read. */
const OF_SIZES: ReadonlySet<StrategyName> = new Set(["borg", "headroom"]);

export const createEstimator = (name: StrategyName, settings: EstimatorSettings): Estimator =>
  STRATEGIES[name](settings);

export const asksForPeaks = (name: StrategyName): boolean => OF_PEAKS.has(name);

export const asksForVmUsage = (name: StrategyName): boolean => !OF_SIZES.has(name);

const ASSESSORS: Readonly<Record<AssessorName, StabilityAssessor>> = {
  lstm: lstmAssessor,
  percentile: percentileAssessor,
  average: averageAssessor,
  pvalue: pvalueAssessor,
  always: alwaysStable,
  never: neverStable,
};

export const assessorOf = (name: AssessorName): StabilityAssessor => ASSESSORS[name];
