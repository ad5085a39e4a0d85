/** What a policy of the seeds would add or could still take, by its arithmetic alone: no pCPU is chosen (spec 1.3, 1.4). */
import type { Ratio } from "../units.js";
import type { CpuPool, HostState } from "./model.js";
import type { VcpuRequest } from "./request.js";
import { seedAvailable, seedGrowth } from "./seed-arithmetic.js";
import type { SeedTraits } from "./seed-traits.js";

interface PoolCount {
  exists: boolean;
  pcpus: number;
  allocated: number;
  vms: number;
  largest: number;
}

function countOf(pool: CpuPool | undefined): PoolCount {
  if (pool === undefined) return { exists: false, pcpus: 0, allocated: 0, vms: 0, largest: 0 };
  const largest = pool.members.reduce((most, member) => Math.max(most, member.vcpuIndexes.length), 0);
  return {
    exists: true,
    pcpus: pool.pcpus.length,
    allocated: pool.allocatedVcpus,
    vms: pool.members.length,
    largest,
  };
}

/** Grows the count by `vcpus` of one VM that has `here` vCPUs in the pool after it; returns the pCPUs added. */
function admit(count: PoolCount, ratio: number, vcpus: number, here: number, perVcpu: boolean): number {
  const minimum = perVcpu ? Math.max(count.largest, here) : vcpus;
  const grow = count.exists ? seedGrowth(count.pcpus, ratio, count.allocated, vcpus, minimum) : vcpus;
  count.exists = true;
  count.pcpus += grow;
  count.allocated += vcpus;
  count.largest = Math.max(count.largest, here);
  return grow;
}

/** pCPUs that the pools would grow by for a VM with these requests; the full request where a pool does not exist yet. */
export function growthPcpus(
  host: HostState,
  requests: readonly VcpuRequest[],
  traits: SeedTraits,
  criticalSize: number,
): number {
  const counts = new Map<number, PoolCount>();
  const here = new Map<number, number>();
  let grown = 0;
  for (const { ratio, vcpuIndexes } of requests) {
    const count = counts.get(ratio) ?? countOf(host.pools.find((pool) => pool.ratio === ratio));
    counts.set(ratio, count);
    const vcpus = (here.get(ratio) ?? 0) + vcpuIndexes.length;
    here.set(ratio, vcpus);
    const effective = traits.effectiveRatio(ratio, count.vms + 1, criticalSize);
    grown += admit(count, effective, vcpuIndexes.length, vcpus, traits.perVcpu);
  }
  return grown;
}

/** How many VMs of one vCPU the pool of this ratio would take one after another, given the free pCPUs. */
export function freeVcpusOf(
  host: HostState,
  ratio: Ratio,
  freePcpus: number,
  traits: SeedTraits,
  criticalSize: number,
): number {
  const count = countOf(host.pools.find((pool) => pool.ratio === ratio));
  const limit = count.pcpus + freePcpus;
  let admitted = 0;
  for (;;) {
    const effective = traits.effectiveRatio(ratio, count.vms + 1, criticalSize);
    admit(count, effective, 1, 1, traits.perVcpu);
    const short = seedAvailable(count.pcpus, effective, count.allocated) < 0;
    if (short || count.pcpus > limit) return admitted;
    count.vms += 1;
    admitted += 1;
  }
}
