/** What a run of one strategy over a trace is asked for. Plain data: it travels to worker threads. */
import type { StrategyChoice } from "../../core/estimator/make.js";

export interface EstimateOptions extends StrategyChoice {
  /** Plain, gzip or Zstandard. */
  readonly tracePath: string;
}
