/**
 * SweetSpotVM (per vCPU, spec 1.3): vCPU i goes to the pool of `template[i]`, so that one VM uses several ratios. A pool
 * avoids free pCPUs that are nearer to another pool: they carry a penalty for each such pool. All oversubscribed pools take
 * part in sharing, also those without VMs.
 */
import { assert } from "../assert.js";
import { type Ratio, ratio } from "../units.js";
import type { Draft } from "./draft.js";
import type { DraftPool } from "./draft-pool.js";
import type { PolicySettings } from "./policy.js";
import { SeedPolicy } from "./seed-policy.js";
import type { SeedTraits } from "./seed-traits.js";

/** The template that SweetSpotVM ships with. */
export const SWEETSPOTVM_TEMPLATE: readonly Ratio[] = [ratio(1), ratio(1.5), ratio(2.6)];

/**
 * The free position of least weight: its mean distance to the pool, with the penalties (the largest mean, in doubles and in
 * the order of the seed: a pool earlier in creation order may raise the weight that a later one is compared with).
 */
function nearestWithPenalties(draft: Draft, index: number): number {
  const free = draft.freePositions();
  const { size, sums } = draft.pools[index]!;
  const weights = new Float64Array(free.length);
  let penalty = 0;
  for (let i = 0; i < free.length; i++) {
    const mean = size === 0 ? 0 : sums[free[i]!]! / size;
    weights[i] = mean;
    if (mean > penalty) penalty = mean;
  }
  for (let other = 0; other < draft.pools.length; other++) {
    if (other !== index) penalise(draft.pools[other]!, free, weights, penalty);
  }
  let best = 0;
  // Strictly lighter: ties go to the first in topology order.
  for (let i = 1; i < weights.length; i++) if (weights[i]! < weights[best]!) best = i;
  return free[best]!;
}

/** Adds the penalty where a free position is nearer to `other` than its weight so far. */
function penalise(other: DraftPool, free: Int32Array, weights: Float64Array, penalty: number): void {
  const { size, sums } = other;
  for (let i = 0; i < free.length; i++) {
    // An empty pool is at distance 0 from everything, so it penalises everything alike.
    const mean = size === 0 ? 0 : sums[free[i]!]! / size;
    if (mean < weights[i]!) weights[i]! += penalty;
  }
}

const traits: SeedTraits = {
  name: "sweetspotvm",
  perVcpu: true,
  sharing: "all-pools",
  effectiveRatio: (allocationRatio) => allocationRatio,
  grow(draft, index, count) {
    for (let i = 0; i < count; i++) draft.take(index, nearestWithPenalties(draft, index));
    return true;
  },
};

/** Without a template in `settings`, the one that SweetSpotVM ships with. */
export function sweetspotvmPolicy(settings: PolicySettings): SeedPolicy {
  const template = settings.template ?? SWEETSPOTVM_TEMPLATE;
  assert(template.length > 0, "a per-vCPU template has at least one ratio");
  return new SeedPolicy(traits, { ...settings, template });
}
