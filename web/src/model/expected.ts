/** What a cluster's hosts are expected to need, in sum. */
import type { ClusterEstimateAnswer } from "../../../src/http/scheduler/schemas/estimates.js";

export type Estimate = ClusterEstimateAnswer;

export interface Expected {
  /** Hosts with an estimate that holds. */
  readonly hosts: number;
  readonly pcpus: number;
  readonly memoryMiB: number;
}

/** Of hosts whose estimate holds; a withheld resource counts with what is booked. Null: there is no such host. */
export function expectedOf(estimates: readonly Estimate[]): Expected | null {
  const holding = estimates.filter(({ stale }) => !stale);
  if (holding.length === 0) return null;
  const sum = (resource: "cpu" | "memory"): number =>
    holding.reduce((total, estimate) => total + (estimate[resource].need ?? estimate[resource].booked), 0);
  return { hosts: holding.length, pcpus: sum("cpu"), memoryMiB: sum("memory") };
}
