/**
 * One look at a host and its VMs, as probes make it and collectors read it back from an exposition: counters as they stand,
 * in the units of metrics.ts. Rates are made of two of them (rates.ts). Absent values are absent, never zero.
 */
import type { Milliseconds } from "../units.js";

/** By key of READING_METRICS; finite. */
export type Values = Readonly<Record<string, number>>;

export interface SubjectReading {
  readonly values: Values;
  /** Performance counters by event: counts since the probe began. */
  readonly perfTotals: Values;
  /** The same: counts over the probe's last interval, which is all that the flat form carries. */
  readonly perfRecent: Values;
}

export interface DomainReading extends SubjectReading {
  /** Null in the flat form. */
  readonly uuid: string | null;
}

export interface Reading {
  /** Milliseconds since the epoch, by the probe's clock. */
  readonly at: Milliseconds;
  readonly host: SubjectReading;
  /** Running VMs, by name. */
  readonly domains: ReadonlyMap<string, DomainReading>;
}

export const EMPTY_VALUES: Values = {};
