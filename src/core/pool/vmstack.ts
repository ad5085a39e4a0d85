/**
 * VMStack (per VM, spec 1.3), the guarantee form: a pool is not oversubscribed at all while it has fewer VMs than the critical
 * size (a VM being decided on counts), and pools never share. A pool grows by the nearest free pCPUs, ranked once, of those
 * nearer than `TOO_FAR` to each of its pCPUs. Leaves out VMStack's global scheduler (first host that fits).
 */
import type { PolicySettings } from "./policy.js";
import { rankFree } from "./ranking.js";
import { SeedPolicy } from "./seed-policy.js";
import type { SeedTraits } from "./seed-traits.js";

/** Distance at which a pCPU is no longer eligible (spec 1.3): no shared cache, on hosts with up to four cache indexes. */
const TOO_FAR = 50;

const traits: SeedTraits = {
  name: "vmstack",
  perVcpu: false,
  sharing: "never",
  effectiveRatio: (ratio, vmCount, criticalSize) => (vmCount < criticalSize ? 1 : ratio),
  grow(draft, index, count) {
    if (count === 0) return true;
    const { positions, size, sums } = draft.pools[index]!;
    const near = (position: number): boolean => {
      for (let i = 0; i < size; i++) if (draft.ground.distance(positions[i]!, position) >= TOO_FAR) return false;
      return true;
    };
    const ranked = rankFree(draft, (position) => sums[position]!, near);
    if (ranked.length < count) return false;
    for (let i = 0; i < count; i++) draft.take(index, ranked[i]!);
    return true;
  },
};

/** A template in `settings` is not VMStack's and is ignored. */
export const vmstackPolicy = (settings: PolicySettings): SeedPolicy =>
  new SeedPolicy(traits, { ...settings, template: null });
