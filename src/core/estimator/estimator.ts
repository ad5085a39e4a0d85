/**
 * What every strategy has in common: create, update, predict. `update` takes in what the host used in a window and costs that
 * window's samples; `predict` says what the host will need, once it is known what its VMs come to. They are apart because
 * traces tell of the host first and of its VMs later; predictions are asked for in the order of windows. One estimator serves
 * one resource of one host. What they share beyond that (warm-up, caution, missing samples) is the frame's (frame.ts).
 */
import type { StabilityAssessor } from "./assessor.js";
import type { WindowsOfPromise } from "./headroom/promise.js";
import type { SliceHistory } from "./history.js";
import type { Resource } from "./resource.js";
import type { Arithmetic } from "./seed-rounding.js";

/** What a host used of one resource in one window. */
export interface HostUsage {
  readonly occurrence: number;
  /** Position in the day, from 0. */
  readonly slice: number;
  readonly capacity: number;
  /** In order of time, at least one, finite. */
  readonly samples: Float64Array;
  /** The same, averaged in chunks where that was asked for. */
  readonly aggregated: Float64Array;
  /** Largest of the aggregated samples. */
  readonly peak: number;
  /** Whether usage is as it was; true where the strategy does not ask. */
  readonly stable: boolean;
}

/** What an estimator makes of a window before it knows the VMs. */
export interface Level {
  /** What the host's own usage asks for; NaN where the strategy does not look at it. */
  readonly level: number;
  /** The number of deviations that `greedy` adds; null for the others. */
  readonly deviations: number | null;
  /** Where usage stood when the window ended; NaN where the strategy does not ask. */
  readonly end: number;
}

/** What is known of a window besides what its VMs come to. */
export interface WindowSignal extends Level {
  readonly occurrence: number;
  readonly slice: number;
  readonly capacity: number;
  readonly peak: number;
}

/** What the VMs of a window come to, for one resource. */
export interface VmTotals {
  /** Sizes of those that are there. */
  readonly booked: number;
  /** Sum of each VM's own peak (rclike.ts). */
  readonly peaks: number;
  readonly arithmetic: Arithmetic;
  /** Sizes of those of little history. */
  readonly fresh: number;
  /** The part of that which the host's usage has not seen of them yet. */
  readonly unseen: number;
  /** VMs that are there. */
  readonly count: number;
}

export interface Prediction {
  /** Cores or MB; may pass the capacity. */
  readonly need: number;
  readonly arithmetic: Arithmetic;
}

export interface Estimator {
  /** Decides whether usage is stable, before `update`; null where the strategy does not care. */
  readonly assessor: StabilityAssessor | null;
  /** What its need rests on: usage that new VMs are still missing from, sizes and peaks in which they stand in full, or its own idea. */
  readonly restsOn: "usage" | "booked" | "peaks" | "prior";
  /** `history` holds the present window too. */
  update(usage: HostUsage, history: SliceHistory): Level;
  /** Called for the windows in order, without those that have no samples. */
  predict(signal: WindowSignal, totals: VmTotals): Prediction;
  /** What it remembers beyond the history, as JSON; null: nothing. */
  snapshot(): unknown;
  /** Takes up what `snapshot` gave. */
  restore(state: unknown): void;
}

export interface EstimatorSettings {
  readonly resource: Resource;
  /** Windows of the same slice that are looked back on, without the present one. */
  readonly history: number;
  /** Slices of the trace's day. */
  readonly slices: number;
  /** Windows of a real day; null where a day is not a whole number of them. */
  readonly dayWindows: number | null;
  /** Decide exactly as the seed. */
  readonly faithful: boolean;
  /** Of `percentile`; 0 to 100. */
  readonly percentile: number;
  /** Of `nsigma` and `maxpeak`. */
  readonly sigmas: number;
  /** Of `headroom`; absent: its default. */
  readonly promise?: WindowsOfPromise;
  readonly assessor: StabilityAssessor;
}

/** For estimators that remember nothing of their own. */
export const FORGETFUL = { assessor: null, snapshot: () => null, restore: () => undefined } as const;

export const justLevel = (level: number): Level => ({ level, deviations: null, end: Number.NaN });
