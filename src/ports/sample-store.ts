/**
 * History of what hosts and VMs used: what collectors write, and estimators, reports and people read. Three drivers implement
 * it (drivers/stores/samples: an embedded folder, Prometheus-compatible servers, InfluxDB), and one conformance suite
 * holds them to it. What each metric means stands in core/telemetry/sample-metrics.ts.
 *
 * Failures are thrown as `OperationalError`:
 * - `store-unreachable`: the store was not asked, or did not answer. A write may be repeated: the same sample counts once.
 * - `store-locked`: another process uses the embedded store.
 * - `store-failed`: it refused for a reason that a repetition does not mend (no space, no permission, a bad token).
 * - `state-corrupt`: what was stored cannot be read.
 */
import type { Milliseconds } from "../core/units.js";

/** Whom a sample is about: a host as a whole, or one VM on it. Names have no line ends. */
export interface SampleSource {
  /** As the collector knows the host: its name, or the address that it is scraped at. */
  readonly host: string;
  /** Null: the host itself. */
  readonly vm: string | null;
}

/** The readings of one source at one time. Absent metrics are absent, never zero; values are finite. */
export interface Sample extends SampleSource {
  /** Whole milliseconds since the epoch, of the reading and not of the scrape. */
  readonly at: Milliseconds;
  /** By name (core/telemetry/metric-name.ts says which there may be). A sample without values is not kept. */
  readonly values: Readonly<Record<string, number>>;
}

export interface SampleQuery {
  readonly host: string;
  /** `host`: the host's own samples; `vms`: those of all its VMs; a list: of these VMs. */
  readonly of: "host" | "vms" | readonly string[];
  /** Which values; empty: all that there are. Samples that have none of them are left out. */
  readonly metrics: readonly string[];
  /** Inclusive. */
  readonly from: Milliseconds;
  /** Exclusive. */
  readonly to: Milliseconds;
}

/** Of hosts and all their VMs. */
export interface HostsQuery {
  readonly hosts: readonly string[];
  readonly metrics: readonly string[];
  readonly from: Milliseconds;
  readonly to: Milliseconds;
}

/** A source that has samples in a range. */
export interface SourceSpan extends SampleSource {
  readonly first: Milliseconds;
  readonly last: Milliseconds;
}

export interface SampleStoreStatus {
  readonly kind: "embedded" | "prometheus" | "influxdb";
  readonly where: string;
  readonly reachable: boolean;
  /** Why it is not; null when it is. */
  readonly problem: string | null;
  /** Taken by `write` and not yet safe. */
  readonly unflushed: number;
}

export interface SampleStore {
  /**
   * Takes samples in any order; a sample of a source and time that is there already replaces it, as a whole in the embedded
   * store, value by value in InfluxDB. Prometheus-compatible servers replace nothing: the same value again counts once, and
   * of different ones the server decides. Safe at the latest a second later, or after `flush`. Throws `Bug` on a sample that
   * is none, and then takes nothing.
   */
  write(samples: readonly Sample[]): Promise<void>;
  /** Resolves when everything taken so far would survive a crash of this process. */
  flush(): Promise<void>;
  /** Hosts and VMs with samples in the range, by host and name; of one host where it is given. */
  sources(range: {
    readonly from: Milliseconds;
    readonly to: Milliseconds;
    readonly host?: string;
  }): Promise<readonly SourceSpan[]>;
  /** Ascending by time, then the host before its VMs, then by name; streamed. */
  read(query: SampleQuery): AsyncIterable<Sample>;
  /** As `read` of all sources of these hosts at once, where one question costs less than many; absent: it does not. */
  readHosts?(query: HostsQuery): AsyncIterable<Sample>;
  /** Of how many hosts it is best asked for an hour at once; absent: nobody has measured it. */
  readonly hostsTogether?: number;
  /**
   * Names of hosts that have samples of their own in the range, or up to a millisecond before it, in any order, where that costs less than all
   * sources; absent: it does not.
   */
  hosts?(range: { readonly from: Milliseconds; readonly to: Milliseconds }): Promise<readonly string[]>;
  status(): SampleStoreStatus;
  /** Flushes and closes. Idempotent. */
  close(): Promise<void>;
}
