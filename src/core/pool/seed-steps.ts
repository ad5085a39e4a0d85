/**
 * The steps of the seeds' policies on a draft (spec 1.3): place the vCPUs of a VM, take a VM out, shrink a pool, drop what a
 * record no longer shows. CPU only; memory is in memory-pool.ts.
 */
import type { Refusal } from "../result.js";
import type { Draft } from "./draft.js";
import type { DraftPool } from "./draft-pool.js";
import type { VmSpec } from "./model.js";
import { fillNewPool } from "./ranking.js";
import type { DroppedVm, Sighting } from "./replayable.js";
import type { VcpuRequest } from "./request.js";
import { seedAvailable, seedGrowth, seedUnused } from "./seed-arithmetic.js";
import type { SeedTraits } from "./seed-traits.js";
import { dropWhileWalking } from "./walk.js";

function tooFew(vm: VmSpec, request: VcpuRequest, needed: number, free: number): Refusal {
  const whose = request.vcpuIndexes.length === vm.vcpus ? "" : `vCPU ${request.vcpuIndexes[0]} of `;
  return {
    code: "no-cpu-capacity",
    reason: `${whose}VM "${vm.name}" needs ${needed} more pCPUs in the pool of ratio ${request.ratio}, which can take ${free}`,
    details: { resource: "cpu", ratio: request.ratio, neededPcpus: needed, freePcpus: free },
  };
}

/** pCPUs that the pool must have for the request, so that no VM is oversubscribed with itself. */
function minimumPcpus(pool: DraftPool, vm: VmSpec, request: VcpuRequest, traits: SeedTraits): number {
  if (!traits.perVcpu) return request.vcpuIndexes.length;
  const here = pool.memberOf(vm.name)?.vcpuIndexes.length ?? 0;
  return Math.max(pool.largest, here + request.vcpuIndexes.length);
}

/** Places one request; a refusal leaves the draft half done: drop it. */
export function place(
  draft: Draft,
  vm: VmSpec,
  request: VcpuRequest,
  traits: SeedTraits,
  criticalSize: number,
): Refusal | null {
  const count = request.vcpuIndexes.length;
  let index = draft.poolIndex(request.ratio);
  if (index < 0) {
    if (count > draft.freeCount) return tooFew(vm, request, count, draft.freeCount);
    index = draft.create(request.ratio);
    fillNewPool(draft, index, count);
    draft.pools[index]!.join(vm.name, request.vcpuIndexes);
    return null;
  }
  const pool = draft.pools[index]!;
  const vmCount = pool.members.length + (pool.memberOf(vm.name) === undefined ? 1 : 0);
  const ratio = traits.effectiveRatio(request.ratio, vmCount, criticalSize);
  const grow = seedGrowth(pool.size, ratio, pool.allocated, count, minimumPcpus(pool, vm, request, traits));
  if (grow > draft.freeCount || !traits.grow(draft, index, grow)) return tooFew(vm, request, grow, draft.freeCount);
  // With ratios such as 2.6 the growth may be short by a rounding error; the seeds refuse then, and so do we.
  if (seedAvailable(pool.size, ratio, pool.allocated) < count) return tooFew(vm, request, grow + 1, draft.freeCount);
  pool.join(vm.name, request.vcpuIndexes);
  return null;
}

/** pCPUs that the pool would give back now. */
export function unusedPcpus(pool: DraftPool, traits: SeedTraits, criticalSize: number): number {
  const ratio = traits.effectiveRatio(pool.ratio, pool.members.length, criticalSize);
  return seedUnused(pool.size, ratio, pool.allocated, pool.largest);
}

export function shrink(draft: Draft, index: number, traits: SeedTraits, criticalSize: number): void {
  draft.shrink(index, unusedPcpus(draft.pools[index]!, traits, criticalSize));
}

/** Takes the VM out of every pool that has vCPUs of it, and shrinks those pools; false when none had. */
export function takeOut(draft: Draft, vm: string, traits: SeedTraits, criticalSize: number): boolean {
  let found = false;
  for (let index = 0; index < draft.pools.length; index++) {
    const member = draft.pools[index]!.memberOf(vm);
    if (member === undefined) continue;
    draft.pools[index]!.leave(member);
    shrink(draft, index, traits, criticalSize);
    found = true;
  }
  return found;
}

/** Drops the VMs of which the record shows no vCPU in a pool; the pools that dropped one shrink, and are pinned to their own. */
export function dropFromPools(
  draft: Draft,
  sighting: Sighting,
  traits: SeedTraits,
  criticalSize: number,
): readonly DroppedVm[] {
  const dropped: DroppedVm[] = [];
  const toShrink: number[] = [];
  for (let index = 0; index < draft.pools.length; index++) {
    const pool = draft.pools[index]!;
    if (!sighting.poolSeen(pool.ratio)) continue;
    const walk = dropWhileWalking(pool.members, (member) => !sighting.seenInPool(member.vm, pool.ratio));
    if (walk.dropped.length === 0) continue;
    for (const member of walk.dropped) {
      pool.leave(member);
      dropped.push({ vm: member.vm, resource: "cpu" });
    }
    toShrink.push(index);
  }
  for (const index of toShrink) {
    shrink(draft, index, traits, criticalSize);
    draft.pools[index]!.pinnedTo = draft.pools[index]!.own;
  }
  return dropped;
}
