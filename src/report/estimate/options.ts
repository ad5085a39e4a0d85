/** What a run of one strategy over a trace is asked for. Plain data: it travels to worker threads. */
import type { StrategyChoice } from "../../core/estimator/make.js";

export interface EstimateOptions extends StrategyChoice {
  /** Plain, gzip or Zstandard. */
  readonly tracePath: string;
  /** Every list of the trace is read, also those that no decision needs: what is wrong in one is told. */
  readonly check?: boolean;
}
