/** What a run of one strategy over a trace is asked for. Plain data: it travels to worker threads. */
import type { AssessorName } from "../../core/estimator/assessor.js";
import type { StrategyName } from "../../core/estimator/names.js";

export interface EstimateOptions {
  /** Plain, gzip or Zstandard. */
  readonly tracePath: string;
  readonly strategy: StrategyName;
  /** Decide exactly as the seed. */
  readonly faithful: boolean;
  /** Hosts and VMs of too little history count in full; never where faithful. */
  readonly caution: boolean;
  readonly assessor: AssessorName;
  /** Null: what each strategy takes by itself. */
  readonly cpuPercentile: number | null;
  readonly memoryPercentile: number | null;
  readonly sigmas: number;
  /** Samples averaged in the statistics of one window; 1: none. */
  readonly aggregation: number;
}

/** Of `percentile`, as the seed. */
export const DEFAULT_PERCENTILE = 90;
/** Of each VM's own peak in `rclike` and `maxpeak`. */
export const DEFAULT_VM_PERCENTILES = { cpu: 99, memory: 100 } as const;
/** Deviations of `nsigma` and `maxpeak`. */
export const DEFAULT_SIGMAS = 5;
