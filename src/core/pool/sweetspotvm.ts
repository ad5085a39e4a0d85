/**
 * SweetSpotVM (per vCPU, spec 1.3): vCPU i goes to the pool of `template[i]`, so that one VM uses several ratios. A pool
 * avoids free pCPUs that are nearer to another pool: they carry a penalty for each such pool. All oversubscribed pools take
 * part in sharing, also those without VMs.
 */
import { assert } from "../assert.js";
import { type Ratio, ratio } from "../units.js";
import { type Draft, FREE } from "./draft.js";
import type { PolicySettings } from "./policy.js";
import { lightestFree } from "./ranking.js";
import { SeedPolicy } from "./seed-policy.js";
import type { SeedTraits } from "./seed-traits.js";

/** The template that SweetSpotVM ships with. */
export const SWEETSPOTVM_TEMPLATE: readonly Ratio[] = [ratio(1), ratio(1.5), ratio(2.6)];

/**
 * Mean distance of each free position to the pool, with the penalties (the largest mean, in doubles and in the order of the
 * seed: a pool earlier in creation order may raise the weight that a later one is compared with).
 */
function penalisedMeans(draft: Draft, index: number): Float64Array {
  const { owner, pools } = draft;
  const { size, sums } = pools[index]!;
  const weights = new Float64Array(owner.length);
  let penalty = 0;
  for (let position = 0; position < weights.length; position++) {
    if (owner[position] !== FREE) continue;
    const mean = size === 0 ? 0 : sums[position]! / size;
    weights[position] = mean;
    if (mean > penalty) penalty = mean;
  }
  for (let other = 0; other < pools.length; other++) {
    if (other === index) continue;
    const { size: otherSize, sums: otherSums } = pools[other]!;
    for (let position = 0; position < weights.length; position++) {
      // An empty pool is at distance 0 from everything, so it penalises everything alike.
      const mean = otherSize === 0 ? 0 : otherSums[position]! / otherSize;
      if (mean < weights[position]!) weights[position]! += penalty;
    }
  }
  return weights;
}

const traits: SeedTraits = {
  name: "sweetspotvm",
  perVcpu: true,
  sharing: "all-pools",
  effectiveRatio: (allocationRatio) => allocationRatio,
  grow(draft, index, count) {
    for (let i = 0; i < count; i++) draft.take(index, lightestFree(draft, penalisedMeans(draft, index)));
    return true;
  },
};

/** Without a template in `settings`, the one that SweetSpotVM ships with. */
export function sweetspotvmPolicy(settings: PolicySettings): SeedPolicy {
  const template = settings.template ?? SWEETSPOTVM_TEMPLATE;
  assert(template.length > 0, "a per-vCPU template has at least one ratio");
  return new SeedPolicy(traits, { ...settings, template });
}
