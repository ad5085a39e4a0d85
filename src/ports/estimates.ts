/**
 * What is estimated of a host, as it leaves the estimator: to files, the API, schedulers, OpenStack, webhooks. Sinks are told of
 * every estimate; each minds its own failures, and none holds the estimator up.
 */
import type { ResourceEstimate } from "../core/estimator/online/host-estimator.js";
import type { Milliseconds } from "../core/units.js";

/** CPU in pCPUs, memory in MiB. */
export interface HostEstimate {
  /** As the sample store knows the host. */
  readonly host: string;
  /** End of the window that was looked at, and start of the horizon. */
  readonly at: Milliseconds;
  readonly horizonSeconds: number;
  /** From then on it is stale: another should have come. */
  readonly validUntil: Milliseconds;
  readonly strategy: string;
  readonly vms: number;
  readonly cpu: ResourceEstimate;
  readonly memory: ResourceEstimate;
}

/** Where estimates go. */
export interface EstimateSink {
  /** For logs and metrics. */
  readonly name: string;
  /**
   * Tells of the newest estimate of each host; again, where an earlier attempt failed. Throws `OperationalError`: retryable
   * ones are tried again, with what is newest by then.
   */
  deliver(estimates: readonly HostEstimate[], signal: AbortSignal): Promise<void>;
  /** Whether it has lost what it was told, or was not able to take it. Throws `OperationalError` where it does not answer. */
  isLacking?(signal: AbortSignal): Promise<boolean>;
  close?(): Promise<void>;
}

export interface StoredEstimatorState {
  readonly host: string;
  readonly text: string;
}

/** What the estimator remembers of each host, through crashes: a host's text is as it was written, or as it was before. */
export interface EstimatorStates {
  load(): Promise<readonly StoredEstimatorState[]>;
  /** Throws `state-not-written`. */
  save(host: string, text: string): Promise<void>;
  forget(host: string): Promise<void>;
  close(): Promise<void>;
}
