/**
 * SlackVM (per VM, spec 1.3): one pool per allocation ratio; a pool grows by the nearest free pCPU, one at a time; pools below
 * the critical size share, those without VMs left out.
 */
import type { PolicySettings } from "./policy.js";
import { growByNearest } from "./ranking.js";
import { SeedPolicy } from "./seed-policy.js";
import type { SeedTraits } from "./seed-traits.js";

const traits: SeedTraits = {
  name: "slackvm",
  perVcpu: false,
  sharing: "pools-with-vms",
  effectiveRatio: (ratio) => ratio,
  grow(draft, index, count) {
    growByNearest(draft, index, count);
    return true;
  },
};

/** Throws nothing; a template in `settings` is not SlackVM's and is ignored. */
export const slackvmPolicy = (settings: PolicySettings): SeedPolicy =>
  new SeedPolicy(traits, { ...settings, template: null });
