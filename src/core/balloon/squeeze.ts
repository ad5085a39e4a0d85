/**
 * Whether a VM is squeezed, from the history of its memory (spec 4.2 and 6.4, ScroogeVM's vmballooning): its balloon goes down to
 * what it used at the 90th percentile and right back to its full size, so that the host gets the pages that the guest once
 * touched and does not use, and the guest keeps its configuration.
 *
 * The history counts in units of 1000 KiB and the balloon in KiB. The earlier system multiplied the one by 1024 and the
 * smallest size by 1000; here both are MiB, which leaves a guest 2.4 % more than it used.
 */
import { percentileOf } from "../estimator/statistics.js";
import { type MiB, type Milliseconds, mib } from "../units.js";

export interface SqueezeSettings {
  /** Squeezed only when the host gets more than this. */
  readonly gainMiB: MiB;
  readonly leastMiB: MiB;
  /** From one squeeze to the next. */
  readonly grace: Milliseconds;
}

export interface MemoryHistory {
  /** In the scope, in any order; null: none. */
  readonly used: readonly number[] | null;
  /** The latest; null: none. */
  readonly residentMiB: number | null;
}

export type Squeeze =
  | { readonly kind: "squeeze"; readonly targetMiB: MiB; readonly usedMiB: number; readonly gainMiB: number }
  | { readonly kind: "no-data" | "grace" }
  | { readonly kind: "small-gain"; readonly usedMiB: number; readonly gainMiB: number };

const PERCENT = 90;

/** `last`: when it was squeezed before; null: never. Both times of the same clock. */
export function squeezeOf(
  { used, residentMiB }: MemoryHistory,
  last: Milliseconds | null,
  now: Milliseconds,
  { gainMiB, leastMiB, grace }: SqueezeSettings,
): Squeeze {
  if (used === null || used.length === 0 || residentMiB === null) return { kind: "no-data" };
  const usedMiB = percentileOf(Float64Array.from(used).sort(), PERCENT);
  const gain = residentMiB - usedMiB;
  if (!(gain > gainMiB)) return { kind: "small-gain", usedMiB, gainMiB: gain };
  if (last !== null && now - last < grace) return { kind: "grace" };
  return { kind: "squeeze", targetMiB: mib(Math.max(usedMiB, leastMiB)), usedMiB, gainMiB: gain };
}
