/**
 * By how much a guess is passed, and so what must be added to it that it seldom will be. Misses are looked at over memories of
 * several lengths, and for each in two ways: as a Gaussian prediction interval (with a prior, and Student's t while there
 * are few), which is steady where misses are, and as their own quantile, counted as conformal prediction does (Vovk, Gammerman
 * and Shafer, 2005), which knows heavy tails.
 */
import { brief } from "./brief.js";
import type { PromiseSettings } from "./promise.js";

/** Misses that each memory holds, ascending. A host that came to rest must not pay for its unrest for long. */
const MEMORIES = [6, 24, 120] as const;
const LONGEST = 120;
/** Margins that `marginsOf` gives. */
export const MARGINS = 2 * MEMORIES.length;

/** How many misses the prior stands for. */
const PRIOR_WEIGHT = 3;
/** With fewer misses their largest says nothing of the tail. */
const FEW = 8;

/** Student's t, by its expansion in 1 / freedom (Cornish and Fisher, 1937). */
function studentT(z: number, freedom: number): number {
  const square = z * z;
  const first = (square + 1) / 4;
  const second = ((5 * square + 16) * square + 3) / 96;
  const third = (((3 * square + 19) * square + 17) * square - 15) / 384;
  return z * (1 + (first + (second + third / freedom) / freedom) / freedom);
}

interface Moments {
  readonly count: number;
  /** About `origin`, which keeps them small. */
  readonly origin: number;
  readonly sum: number;
  readonly squares: number;
}

function intervalOf({ count, origin, sum, squares }: Moments, prior: number, z: number): number {
  const mean = count === 0 ? 0 : sum / count;
  const spread = Math.max(0, squares - sum * mean) + PRIOR_WEIGHT * prior * prior;
  const freedom = Math.max(0, count - 1) + PRIOR_WEIGHT;
  return origin + mean + studentT(z, freedom) * Math.sqrt(spread / freedom) * Math.sqrt(1 + 1 / (count + 1));
}

/** Up to this rank, keeping the largest while they are looked at costs less than sorting. */
const LOW_RANK = 16;
/** The largest misses seen so far, the smallest of them first. */
const top = new Float64Array(LOW_RANK);
const toSort = new Float64Array(LONGEST);

/** The miss of rank `rank` from above; 1 is the largest. */
function fromAbove(misses: readonly number[], from: number, rank: number): number {
  if (rank > LOW_RANK) {
    const sorted = toSort.subarray(0, misses.length - from);
    for (let i = from; i < misses.length; i++) sorted[i - from] = misses[i]!;
    return sorted.sort()[sorted.length - rank]!;
  }
  top.fill(Number.NEGATIVE_INFINITY, 0, rank);
  for (let i = from; i < misses.length; i++) {
    const miss = misses[i]!;
    if (miss <= top[0]!) continue;
    let at = 1;
    for (; at < rank && top[at]! < miss; at++) top[at - 1] = top[at]!;
    top[at - 1] = miss;
  }
  return top[0]!;
}

function quantileOf(misses: readonly number[], from: number, interval: number, most: number): number {
  const count = misses.length - from;
  if (count === 0) return interval;
  const passing = count < FEW ? 0 : Math.max(0, count - Math.ceil((count + 1) * (1 - most)));
  const quantile = fromAbove(misses, from, passing + 1);
  return count < FEW ? Math.max(interval, quantile) : quantile;
}

/** `misses`: the newest last. `prior`: the deviation that misses are thought to have before any was seen. */
export function marginsOf(misses: readonly number[], prior: number, promise: PromiseSettings): readonly number[] {
  const margins: number[] = [];
  const origin = misses.at(-1) ?? 0;
  let [sum, squares, i] = [0, 0, misses.length];
  // Each memory holds the shorter ones: one way back through the misses serves all.
  for (const memory of MEMORIES) {
    const from = Math.max(0, misses.length - memory);
    while (i > from) {
      i -= 1;
      const off = misses[i]! - origin;
      sum += off;
      squares += off * off;
    }
    const interval = intervalOf({ count: misses.length - from, origin, sum, squares }, prior, promise.z);
    margins.push(interval, quantileOf(misses, from, interval, promise.passing));
  }
  return margins;
}

/** `miss`: truth less guess. */
export function remember(misses: number[], miss: number): void {
  misses.push(brief(miss));
  if (misses.length > LONGEST) misses.shift();
}
