/**
 * Pools that follow their usage: what is measured of them, what is expected, and how far the operator lets them go. An oversubscribed
 * pool's *effective ratio* moves between 1 and its ratio (or beyond, where allowed) and decides how many pCPUs its VMs hold;
 * an elastic pool's *active* pCPUs are those that its vCPUs are pinned to. Pools of ratio 1.0 take no part, ever.
 */
import type { Milliseconds, Ratio } from "../units.js";

export interface DynamicSettings {
  /** Effective ratios move. */
  readonly ratios: boolean;
  /** Largest effective ratio, as a multiple of the pool's ratio; 1: VMs never share more than they were sold. */
  readonly maximumFactor: number;
  /** Part that is added to the expected peak. */
  readonly margin: number;
  /** Guests suffer above this part of the time for which they want to run. */
  readonly mostWaiting: number;
  /** No ratio rises while the host's own processes wait for CPUs for more of the time than this (pressure stall information). */
  readonly mostPressure: number;
  /** Whether pCPUs that a pool does not need rest, and whether others may run there meanwhile. */
  readonly elastic: "off" | "idle" | "lend";
  /** Deviations of its usage that a pool keeps active beyond the expected peak. */
  readonly leeway: number;
  /** A window of learning: peaks are expected of the next one. */
  readonly window: Milliseconds;
  /** Windows that are looked back on for how usage spreads. */
  readonly history: number;
}

/** One pool at one moment. */
export interface PoolReading {
  readonly ratio: Ratio;
  /** Its own pCPUs, and those that its vCPUs may run on. */
  readonly pcpus: number;
  readonly runsOn: number;
  readonly vcpus: number;
  /** Most vCPUs of one VM. */
  readonly largestVm: number;
  /** vCPUs of VMs that were not there for a whole window yet. */
  readonly freshVcpus: number;
  /** Null: not measured. What its vCPUs used, and what they wanted besides: together, its demand. */
  readonly usagePcpus: number | null;
  readonly waitPcpus: number | null;
}

/** What is expected of a pool in the next window, for each of its vCPUs: VMs come and go. */
export interface Forecast {
  readonly peak: number;
  readonly deviation: number;
}

/** What a decision remembers of a pool. Plain. */
export interface PoolMemory {
  /** Effective ratio that is asked for; the pool has it where the host has the room. */
  readonly wantedRatio: Ratio;
  /** When the ratio moved last, or guests suffered: it may rise a whole window after. */
  readonly stirredAt: Milliseconds;
  /** pCPUs that the pool keeps active; null: all. */
  readonly active: number | null;
  /** When the active part was short, or first looked at: nothing rests until a whole window has passed. */
  readonly shortAt: Milliseconds;
  /** It runs on what others let rest. */
  readonly borrows: boolean;
}

export const demandOf = ({ usagePcpus, waitPcpus }: PoolReading): number | null =>
  usagePcpus === null ? null : usagePcpus + (waitPcpus ?? 0);

/** Part of the time for which its vCPUs want to run that they wait; null: not measured. */
export function waitingShare(reading: PoolReading): number | null {
  const demand = demandOf(reading);
  return demand === null || reading.waitPcpus === null ? null : demand === 0 ? 0 : reading.waitPcpus / demand;
}

/**
 * Less waiting than a fiftieth of a pCPU is the noise of the counters (steps of 10 ms): no guest feels it, however large a
 * part of a nearly idle pool's demand it is.
 */
const LEAST_WAIT_PCPUS = 0.02;

export const suffers = (reading: PoolReading, { mostWaiting }: DynamicSettings): boolean =>
  (waitingShare(reading) ?? 0) > mostWaiting && (reading.waitPcpus ?? 0) > LEAST_WAIT_PCPUS * reading.vcpus;
