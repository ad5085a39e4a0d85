/**
 * Pools as a change would leave them, by counts alone: members, vCPUs, and the pCPUs that they need. Whether a request
 * fits is decided here; where it goes is `settle`'s business.
 */

import type { Ratio } from "../../units.js";
import { type ExactRatio, exactRatio, poolSize } from "../exact-ratio.js";
import { type CpuPool, effectiveRatioOf, type PoolDynamics, type PoolMember } from "../model.js";

export interface PoolDraft {
  /** The pool as it was; null for a new one. */
  readonly before: CpuPool | null;
  readonly ratio: Ratio;
  readonly exact: ExactRatio;
  readonly members: readonly PoolMember[];
  readonly allocatedVcpus: number;
  /** pCPUs that the pool must have: exactly its size, once settled. */
  readonly need: number;
  readonly dynamics: PoolDynamics | null;
}

/** vCPU indexes of one VM by ratio, in order of first appearance. */
export type Demand = ReadonlyMap<Ratio, readonly number[]>;

export const unchanged = (pool: CpuPool): PoolDraft => ({
  before: pool,
  ratio: pool.ratio,
  exact: exactRatio(effectiveRatioOf(pool)),
  members: pool.members,
  allocatedVcpus: pool.allocatedVcpus,
  need: pool.pcpus.length,
  dynamics: pool.dynamics ?? null,
});

export function largestMember(members: readonly PoolMember[]): number {
  let largest = 0;
  for (const member of members) if (member.vcpuIndexes.length > largest) largest = member.vcpuIndexes.length;
  return largest;
}

function draftOf(
  before: CpuPool | null,
  ratio: Ratio,
  members: readonly PoolMember[],
  allocatedVcpus: number,
): PoolDraft {
  const dynamics = dynamicsAfter(before, members.length, allocatedVcpus);
  const exact = exactRatio(dynamics?.effectiveRatio ?? ratio);
  return {
    before,
    ratio,
    exact,
    members,
    allocatedVcpus,
    need: poolSize(allocatedVcpus, largestMember(members), exact),
    dynamics,
  };
}

/** An empty pool is like a new one; what newcomers will use nobody knows yet, so that nothing rests beside them. */
function dynamicsAfter(before: CpuPool | null, memberCount: number, allocatedVcpus: number): PoolDynamics | null {
  if (before?.dynamics === undefined || memberCount === 0) return null;
  return allocatedVcpus > before.allocatedVcpus ? { ...before.dynamics, activePcpus: null } : before.dynamics;
}

/** The drafts with the VM's vCPUs as `demand` wants them (empty: gone), whatever it had before. */
export function withVm(drafts: readonly PoolDraft[], vm: string, demand: Demand): PoolDraft[] {
  const out = drafts.map((draft) => {
    const vcpuIndexes = demand.get(draft.ratio) ?? null;
    const at = draft.members.findIndex((member) => member.vm === vm);
    if (at === -1 && vcpuIndexes === null) return draft;
    const had = at === -1 ? 0 : draft.members[at]!.vcpuIndexes.length;
    const members = draft.members.slice();
    if (vcpuIndexes === null) members.splice(at, 1);
    else if (at === -1) members.push({ vm, vcpuIndexes });
    else members[at] = { vm, vcpuIndexes };
    return draftOf(draft.before, draft.ratio, members, draft.allocatedVcpus - had + (vcpuIndexes?.length ?? 0));
  });
  for (const [ratio, vcpuIndexes] of demand)
    if (!out.some((draft) => draft.ratio === ratio))
      out.push(draftOf(null, ratio, [{ vm, vcpuIndexes }], vcpuIndexes.length));
  return out;
}

/** pCPUs that stay free for pools that do with fewer than their ratio gives them: that share of the difference. */
export function retrievable(drafts: readonly PoolDraft[], share: number): number {
  let givenUp = 0;
  if (share === 0) return 0;
  for (const { dynamics, allocatedVcpus, members, ratio, need } of drafts)
    if (dynamics !== null && dynamics.effectiveRatio > ratio)
      givenUp += Math.max(0, poolSize(allocatedVcpus, largestMember(members), exactRatio(ratio)) - need);
  return Math.ceil(share * givenUp);
}

export const totalNeed = (drafts: readonly PoolDraft[]): number => {
  let sum = 0;
  for (const draft of drafts) sum += draft.need;
  return sum;
};
