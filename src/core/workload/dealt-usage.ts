/** Usage of VMs whose file says nothing of it: dealt in the shares of Azure's profiles of 2017, from a seed and the VM's place. */
import { drawFor } from "./random.js";
import { AZURE_PROFILES } from "./scenario.js";
import type { VmUsage } from "./usage.js";

/** Tells these draws from those of moments. */
const DEALING_SEED = 0x7feb352d;

export function dealtUsage(index: number, seed: number): VmUsage {
  const draw = (part: number): number => drawFor(seed ^ DEALING_SEED, index, part);
  const { mean, p95 } = profileAt(draw(0));
  const p95Percent = p95.least + (p95.most - p95.least) * draw(1);
  const meanPercent = mean.least + (mean.most - mean.least) * draw(2);
  return { meanPercent: Math.min(meanPercent, p95Percent), p95Percent, periodic: false };
}

/** `draw`: from 0 to 1. The published shares add up to a little less than 1. */
function profileAt(draw: number) {
  let left = draw * AZURE_PROFILES.reduce((sum, { share }) => sum + share, 0);
  for (const profile of AZURE_PROFILES) {
    left -= profile.share;
    if (left < 0) return profile;
  }
  return AZURE_PROFILES[0]!;
}
