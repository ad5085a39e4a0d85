/**
 * Numbers that look random and are not: a stream from a seed, and values that can be computed in any order from what they are
 * about. Both give the same on every machine, so that a seed stands for a workload.
 */

/** Even numbers in [0, 1). */
export type Random = () => number;

/** From a seed (Mulberry32, Tommy Ettinger, public domain). */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** The number in [0, 1) that belongs to three whole numbers (the finaliser of MurmurHash3, Austin Appleby, public domain). */
export function drawFor(seed: number, subject: number, moment: number): number {
  let mixed = (seed ^ Math.imul(subject + 0x9e3779b9, 0x85ebca6b) ^ Math.imul(moment + 0x7f4a7c15, 0xc2b2ae35)) >>> 0;
  for (let round = 0; round < 2; round++) {
    mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
    mixed = (mixed ^ (mixed >>> 16)) >>> 0;
  }
  return mixed / 4_294_967_296;
}

/** In place (Fisher and Yates). */
export function shuffle<T>(items: T[], random: Random): T[] {
  for (let last = items.length - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1));
    [items[last], items[other]] = [items[other]!, items[last]!];
  }
  return items;
}

/** A whole number from `least` to `most`. */
export const wholeBetween = (random: Random, least: number, most: number): number =>
  least + Math.floor(random() * (most - least + 1));
