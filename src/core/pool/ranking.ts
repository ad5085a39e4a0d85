/**
 * Which free pCPU a pool takes (spec 1.3: growing, creating). All ties go to the pCPU that comes first in topology order, so
 * every search walks the positions upwards and moves only on a strict improvement.
 */
import { assert } from "../assert.js";
import { type Draft, FREE } from "./draft.js";

/** The free position of least weight. */
export function lightestFree(draft: Draft, weights: Int32Array): number {
  const { owner } = draft;
  let best = -1;
  let bestWeight = Number.POSITIVE_INFINITY;
  for (let position = 0; position < owner.length; position++) {
    if (owner[position] === FREE && weights[position]! < bestWeight) {
      best = position;
      bestWeight = weights[position]!;
    }
  }
  assert(best >= 0, "a free pCPU is asked for only while there is one");
  return best;
}

/** The free position with the largest mean distance to all pCPUs that pools hold; the first one on an empty host. */
export function farthestFree(draft: Draft): number {
  const { owner, pools } = draft;
  let best = -1;
  let bestSum = -1;
  for (let position = 0; position < owner.length; position++) {
    if (owner[position] !== FREE) continue;
    let sum = 0;
    for (let index = 0; index < pools.length; index++) sum += pools[index]!.sums[position]!;
    if (sum > bestSum) {
      best = position;
      bestSum = sum;
    }
  }
  assert(best >= 0, "a free pCPU is asked for only while there is one");
  return best;
}

/** The free positions by ascending weight, ranked once; `eligible` may leave some out. */
export function rankFree(
  draft: Draft,
  weightOf: (position: number) => number,
  eligible: (position: number) => boolean = () => true,
): number[] {
  const ranked: number[] = [];
  for (let position = 0; position < draft.owner.length; position++)
    if (draft.owner[position] === FREE && eligible(position)) ranked.push(position);
  // Array sorting is stable: ties stay in topology order.
  return ranked.sort((a, b) => weightOf(a) - weightOf(b));
}

/** A pool grows by the nearest free pCPU, one at a time, the distances taken anew after each. */
export function growByNearest(draft: Draft, index: number, count: number): void {
  // One divisor for all candidates: distance sums order them as their means do.
  for (let i = 0; i < count; i++) draft.take(index, lightestFree(draft, draft.pools[index]!.sums));
}

/** A new pool takes the free pCPU farthest from all others, then those nearest to it, ranked once. */
export function fillNewPool(draft: Draft, index: number, count: number): void {
  const first = farthestFree(draft);
  draft.take(index, first);
  if (count === 1) return;
  const nearest = rankFree(draft, (position) => draft.ground.distance(first, position));
  for (let i = 0; i < count - 1; i++) draft.take(index, nearest[i]!);
}
