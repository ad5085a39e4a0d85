/**
 * By how much a guess is passed, and so what must be added to it that it seldom will be. Misses are looked at over memories of
 * several lengths, and for each in two ways: as a Gaussian prediction interval (with a prior, and Student's t while there
 * are few), which is steady where misses are, and as their own quantile, counted as conformal prediction does (Vovk, Gammerman
 * and Shafer, 2005), which knows heavy tails.
 */
import { MOST_PASSING, type PromiseSettings } from "./promise.js";

/** Misses that each memory holds. A host that came to rest must not pay for its unrest for long. */
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
  const [z3, z5, z7] = [z ** 3, z ** 5, z ** 7];
  return (
    z +
    (z3 + z) / (4 * freedom) +
    (5 * z5 + 16 * z3 + 3 * z) / (96 * freedom ** 2) +
    (3 * z7 + 19 * z5 + 17 * z3 - 15 * z) / (384 * freedom ** 3)
  );
}

/** Of the misses from `from` on. */
function intervalOf(misses: readonly number[], from: number, prior: number, z: number): number {
  const count = misses.length - from;
  let sum = 0;
  for (let i = from; i < misses.length; i++) sum += misses[i]!;
  const mean = count === 0 ? 0 : sum / count;
  let squares = PRIOR_WEIGHT * prior * prior;
  for (let i = from; i < misses.length; i++) squares += (misses[i]! - mean) ** 2;
  const freedom = Math.max(0, count - 1) + PRIOR_WEIGHT;
  return mean + studentT(z, freedom) * Math.sqrt(squares / freedom) * Math.sqrt(1 + 1 / (count + 1));
}

/** The largest misses seen so far, the smallest of them first; holds as many as the longest memory lets pass. */
const top = new Float64Array(1 + Math.ceil(LONGEST * MOST_PASSING));

/** The miss of rank `rank` from above; 1 is the largest. One pass: ranks are low. */
function fromAbove(misses: readonly number[], from: number, rank: number): number {
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
  return MEMORIES.flatMap((memory) => {
    const from = Math.max(0, misses.length - memory);
    const interval = intervalOf(misses, from, prior, promise.z);
    return [interval, quantileOf(misses, from, interval, promise.passing)];
  });
}

/** `miss`: truth less guess. */
export function remember(misses: number[], miss: number): void {
  misses.push(miss);
  if (misses.length > LONGEST) misses.shift();
}
