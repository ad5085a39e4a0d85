/**
 * Shares dealt in exact counts: of `count` things each value gets what its share says, the remainders by largest fraction
 * (Hare and Niemeyer), so that a workload has its distribution and not a sample of it.
 */
import { assert } from "../assert.js";

/** A value and its share; shares need not add up to exactly one. */
export type Shares<T> = readonly (readonly [value: T, share: number])[];

/** How many of each; they add up to `count`. Equal remainders: the earlier value first. */
export function countsOf<T>(shares: Shares<T>, count: number): number[] {
  const total = shares.reduce((sum, [, share]) => sum + share, 0);
  assert(total > 0, "some share is above zero");
  const exact = shares.map(([, share]) => (share / total) * count);
  const counts = exact.map(Math.floor);
  const missing = count - counts.reduce((sum, each) => sum + each, 0);
  const byRemainder = exact
    .map((wanted, place) => ({ place, remainder: wanted - Math.floor(wanted) }))
    .sort((a, b) => b.remainder - a.remainder || a.place - b.place);
  for (const { place } of byRemainder.slice(0, missing)) counts[place]!++;
  return counts;
}

/** Every value as often as its share says, in the order of `shares`. */
export const dealt = <T>(shares: Shares<T>, count: number): T[] =>
  countsOf(shares, count).flatMap((times, place) => new Array<T>(times).fill(shares[place]![0]));
