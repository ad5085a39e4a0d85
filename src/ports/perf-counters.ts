/** Performance counters of the machine: what a probe asks of whatever reads them. Counts by event (core/telemetry/linux/perf-lines). */
import type { Values } from "../core/telemetry/reading.js";

export interface PerfCounts {
  /** Since the counting began. */
  readonly totals: Values;
  /** Over the last whole interval. */
  readonly recent: Values;
}

export interface PerfCounters {
  /** Counts these VMs' cgroups from now on, by VM; calls with the same cgroups change nothing. */
  follow(cgroups: ReadonlyMap<string, string>): void;
  host(): PerfCounts;
  /** Empty for a VM that is not followed. */
  vm(name: string): PerfCounts;
  /** Ends the counting. Idempotent. */
  close(): Promise<void>;
}
