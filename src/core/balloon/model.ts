/**
 * What the memory coordinator reads and writes (spec 4.2): readings of guests and host, what is remembered of each guest
 * between two readings, and the plan. Plain values; who reads the hypervisor and who applies the plan stand outside.
 */
import type { MiB, Milliseconds, Seconds } from "../units.js";

/** One guest as the hypervisor shows it. The figures that only its balloon driver knows are null while it says nothing. */
export interface GuestMemory {
  readonly name: string;
  readonly uuid: string;
  /** Balloon size now. */
  readonly currentMiB: MiB;
  /** The most it may get: what it was sold, or its definition's maximum. */
  readonly maximumMiB: MiB;
  /** The guest's MemFree, MemTotal and MemAvailable. */
  readonly unusedMiB: MiB | null;
  readonly availableMiB: MiB | null;
  readonly usableMiB: MiB | null;
  /** Counts up. */
  readonly swapInMiB: MiB | null;
  /** Seconds since the epoch of the report that these figures are from. */
  readonly lastUpdate: Seconds | null;
  /** What the host holds for it. */
  readonly rssMiB: MiB | null;
}

export interface HostMemory {
  readonly totalMiB: MiB;
  /** Free, or freed without swapping (MemAvailable). */
  readonly availableMiB: MiB;
}

export interface BalloonReading {
  /** Wall time; tells how old a guest's first report is. */
  readonly wallTime: Milliseconds;
  /** Monotonic time; everything else counts with this. */
  readonly at: Milliseconds;
  /** Running guests. */
  readonly guests: readonly GuestMemory[];
  /** Null where it cannot be read. */
  readonly host: HostMemory | null;
}

/** A guest's figures at one report. `used` counts its page cache, `held` only what cannot be given up without swapping. */
export interface UseSample {
  readonly at: Milliseconds;
  readonly usedMiB: number;
  readonly heldMiB: number;
}

/** What is remembered of one guest. */
export interface GuestTrack {
  readonly uuid: string;
  /** Latest last. */
  readonly samples: readonly UseSample[];
  /** Balloon size less the guest's MemTotal: what its kernel took at boot. Measured while both stand still. */
  readonly overheadMiB: number;
  /** What its QEMU holds beside its memory, at most: the process holds what the guest uses, so the rest is QEMU's or was touched. */
  readonly emulatorMiB: number;
  readonly currentMiB: number;
  /** MemTotal at the last report; null: it was not told. */
  readonly availableMiB: number | null;
  readonly rssMiB: number | null;
  readonly lastUpdate: number | null;
  /** When `lastUpdate` was last seen to change. */
  readonly reportedAt: Milliseconds;
  readonly swapInMiB: number | null;
  /** Asked of it and not reached yet; null: nothing. */
  readonly targetMiB: number | null;
  /** Readings in a row without a move towards the target. */
  readonly unmoved: number;
  /** Readings for which it is left alone, since it did not do what it was asked. */
  readonly restReadings: number;
}

/** By name. */
export type BalloonMemory = ReadonlyMap<string, GuestTrack>;

export const NOTHING_REMEMBERED: BalloonMemory = new Map();

/** Why a guest gets what it gets. */
export const BALLOON_REASONS = [
  /** Frozen: nothing is asked of it. */
  "no-driver",
  "stale",
  "absurd",
  "not-following",
  /** Its report is older than what was last asked of it, or it still moves. */
  "waiting",
  /** It has what it wants, within the dead band. */
  "content",
  "grows",
  /** It wants more, and the host has not got it. */
  "host-full",
  "at-maximum",
  /** It has memory that it does not use. */
  "idle",
  /** Others need it more. */
  "taxed",
  /** The host is below its reserve. */
  "pressure",
] as const;
export type BalloonReason = (typeof BALLOON_REASONS)[number];

/** Reasons of guests that are left as they are because nothing can be known or asked of them. */
export const FROZEN_REASONS: ReadonlySet<BalloonReason> = new Set(["no-driver", "stale", "absurd", "not-following"]);

export interface GuestPlan {
  readonly name: string;
  readonly uuid: string;
  readonly currentMiB: MiB;
  readonly maximumMiB: MiB;
  /** It is never made smaller than this. */
  readonly minimumMiB: MiB;
  /** Its size at its last report, which decisions count from, and what of it was used and unused; null: not known. */
  readonly sizeMiB: MiB | null;
  readonly usedMiB: MiB | null;
  readonly unusedMiB: MiB | null;
  /** What it should have in the end; null: not known. */
  readonly goalMiB: MiB | null;
  /** What is to be asked of it now; null: nothing. */
  readonly targetMiB: MiB | null;
  /** It swaps in, or has less unused than its floor. */
  readonly distressed: boolean;
  readonly reason: BalloonReason;
  /** The reason as a sentence with the numbers that decided. */
  readonly why: string;
}

export interface HostPlan {
  readonly totalMiB: MiB | null;
  readonly availableMiB: MiB | null;
  readonly reserveMiB: MiB;
  /** What guests may still be given; below 0: what they have too much. */
  readonly budgetMiB: MiB;
  /** The host is below its reserve. */
  readonly pressure: boolean;
}

export interface BalloonPlan {
  /** By name. */
  readonly guests: readonly GuestPlan[];
  readonly host: HostPlan;
}
