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
  /** For so long after its start a guest is taken to boot. */
  readonly bootTime: Milliseconds;
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
  /** vCPUs of VMs that boot: what is measured of the pool leaves them out. */
  readonly bootingVcpus: number;
  /** Null: not measured. What its other vCPUs used, and what they wanted besides: together, its demand. */
  readonly usagePcpus: number | null;
  readonly waitPcpus: number | null;
}

/** What is expected of a pool in the next window, for each of its vCPUs: VMs come and go. */
export interface Forecast {
  readonly peak: number;
  readonly deviation: number;
}

/**
 * Why the ratio that a pool asks for moved. Down: its guests waited, they wanted more than it holds, they were expected to, or nothing allows more than
 * was sold any longer (newcomers, no forecast, settings). Up: it was calm for a window.
 */
export const MOVE_REASONS = ["waiting", "demand", "expected", "as-sold", "calm"] as const;
export type MoveReason = (typeof MOVE_REASONS)[number];

export interface RatioMove {
  readonly at: Milliseconds;
  readonly from: Ratio;
  readonly to: Ratio;
  readonly reason: MoveReason;
}

/** What a decision remembers of a pool. Plain. */
export interface PoolMemory {
  /** The last move that is known; absent: none since the process began. */
  readonly moved?: RatioMove;
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

/** Full use of a pool shows as a little less, since vCPUs come and go within a sample of some seconds. */
export const REACHED = 0.9;

/**
 * Whether guests that boot may be why the others wait: those would not fit beside all that these can take. What the others wait for
 * says nothing then; what they use still does.
 */
export const bootsMayDelay = ({ bootingVcpus, usagePcpus, pcpus }: PoolReading): boolean =>
  bootingVcpus > 0 && (usagePcpus ?? 0) + bootingVcpus > REACHED * pcpus;

const waitOf = (reading: PoolReading): number | null => (bootsMayDelay(reading) ? null : reading.waitPcpus);

export function demandOf(reading: PoolReading): number | null {
  return reading.usagePcpus === null ? null : reading.usagePcpus + (waitOf(reading) ?? 0);
}

/** Part of the time for which its vCPUs want to run that they wait; null: not known. */
export function waitingShare(reading: PoolReading): number | null {
  const [demand, wait] = [demandOf(reading), waitOf(reading)];
  return demand === null || wait === null ? null : demand === 0 ? 0 : wait / demand;
}

/**
 * Less waiting than a fiftieth of a pCPU is the noise of the counters (steps of 10 ms): no guest feels it, however large a
 * part of a nearly idle pool's demand it is.
 */
const LEAST_WAIT_PCPUS = 0.02;

export const suffers = (reading: PoolReading, { mostWaiting }: DynamicSettings): boolean =>
  (waitingShare(reading) ?? 0) > mostWaiting &&
  (waitOf(reading) ?? 0) > LEAST_WAIT_PCPUS * (reading.vcpus - reading.bootingVcpus);
