/** In what the seeds' policies differ; one file for each gives its traits. */
import type { Ratio } from "../units.js";
import type { Draft } from "./draft.js";
import type { PolicyName } from "./policy.js";
import type { SharingRule } from "./sharing.js";

export interface SeedTraits {
  readonly name: PolicyName;
  /** True: a VM is placed vCPU by vCPU along the template. False: all its vCPUs go to the pool of its ratio. */
  readonly perVcpu: boolean;
  readonly sharing: SharingRule;
  /** vCPUs per pCPU that a pool of `ratio` gives while it has `vmCount` VMs. */
  effectiveRatio(ratio: Ratio, vmCount: number, criticalSize: number): number;
  /** Moves `count` free pCPUs into the pool; false, with nothing taken, when too few will do. */
  grow(draft: Draft, index: number, count: number): boolean;
}
