/**
 * How the memory coordinator behaves. The defaults are the course's frame (spec 4.2), with shares of a guest's size beside
 * the fixed amounts, so that one frame fits a guest of 512 MiB and one of 64 GiB; docs/decisions/0012 argues them.
 */
import { type MiB, type Milliseconds, mib, milliseconds, type Seconds, seconds } from "../units.js";

export interface BalloonSettings {
  /** Between two looks. */
  readonly interval: Milliseconds;
  /** Guests report their memory this often. */
  readonly statsPeriod: Seconds;
  /** A guest keeps at least this much unused, and at least this share of what it uses. */
  readonly floorMiB: MiB;
  readonly floorShare: number;
  /** The host keeps at least this much available. */
  readonly hostReserveMiB: MiB;
  /** Most that all guests may have together; null: what the host has. */
  readonly limitMiB: MiB | null;
  /** No guest gets less than this, or than its own minimum. */
  readonly minimumMiB: MiB;
  readonly minimums: ReadonlyMap<string, MiB>;
  /** One step changes a guest by at most this, or this share of its maximum where that is more. */
  readonly stepMiB: MiB;
  readonly stepShare: number;
  /** The steps of a guest that swaps or is about to, and of all while the host is below its reserve, are so many times as large. */
  readonly urgency: number;
  /** Smaller changes are not made: this, or this share of what the guest has. */
  readonly deadBandMiB: MiB;
  readonly deadBandShare: number;
  /** Weights under scarcity; guests that are not named have 1. */
  readonly shares: ReadonlyMap<string, number>;
  /** 0: an idle page counts like a used one when memory is short; towards 1: it hardly counts (Waldspurger 2002, 5.1). */
  readonly idleTax: number;
}

export const DEFAULT_BALLOON_SETTINGS: BalloonSettings = {
  interval: milliseconds(12_000),
  statsPeriod: seconds(4),
  floorMiB: mib(100),
  // A guest that uses 10 GiB may well want 500 MiB more between two looks; up to 2000 MiB in use the course's 100 MiB count.
  floorShare: 0.05,
  hostReserveMiB: mib(200),
  limitMiB: null,
  minimumMiB: mib(200),
  minimums: new Map(),
  stepMiB: mib(100),
  // Up to 2500 MiB the course's 100 MiB count; a guest of 64 GiB moves 2.6 GiB a step, which its balloon does in seconds.
  stepShare: 0.04,
  urgency: 2,
  deadBandMiB: mib(10),
  deadBandShare: 0.01,
  shares: new Map(),
  idleTax: 0.75,
};

/** Readings that a guest's figures are remembered for: what it used within them is not taken from it. */
export const CALM_READINGS = 3;
/** Readings without a move after which a guest is left alone, and for how many. */
export const PATIENCE_READINGS = 3;
export const REST_READINGS = 10;
/** A guest's report counts for so many periods (spec 4.2). */
export const STALE_PERIODS = 3;
/** Growth is forecast over this many intervals: the balloon moves during one, and the next decision comes after another. */
export const FORECAST_INTERVALS = 2;
/** The last part of its floor that nothing takes from a guest: without it the guest's kernel kills. */
export const CUSHION_SHARE = 0.25;
/**
 * What a QEMU holds beside its guest's memory, 30 to 60 MiB were seen: until a guest's process holds so much more than it has, it may
 * still grow. It is learned from each guest, downwards, but not below the least: pages that the host swapped or merged are no longer the
 * process's, and look as if QEMU needed less.
 */
export const EMULATOR_MIB = 64;
export const LEAST_EMULATOR_MIB = 32;
