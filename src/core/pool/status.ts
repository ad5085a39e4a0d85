/** What `GET /status` of the seeds answers (spec 1.4), from a host state. */
import type { Ratio } from "../units.js";
import { freeMemoryMiB, memoryPoolExists } from "./memory-pool.js";
import { effectiveRatioOf, type HostState } from "./model.js";
import { admissiblePcpus, type PoolPolicy } from "./policy.js";

export interface SeedPoolStatus {
  /** pCPUs (or MiB) that the pool holds. */
  readonly pcap: number;
  /** vCPUs (or MiB) allocated in it. */
  readonly palloc: number;
  /** `pcap * ratio - palloc`. */
  readonly vavail: number;
  /** `avail * ratio`: what the free pCPUs would be worth in this pool. */
  readonly vpotential: number;
}

export interface SeedResourceStatus {
  /** Free pCPUs, or free MiB. */
  readonly avail: number;
  /** By ratio, with a decimal point, in order of creation. */
  readonly subset: Readonly<Record<string, SeedPoolStatus>>;
}

export interface SeedStatus {
  readonly cpu: SeedResourceStatus;
  readonly mem: SeedResourceStatus;
}

/** A ratio as the seeds print it: `1.0`, `2.6`. */
export const ratioKey = (ratio: number): string => (Number.isInteger(ratio) ? ratio.toFixed(1) : String(ratio));

/** The seeds' key of the one memory pool: `1`, in the per-vCPU form `1.0`. */
export const memoryKey = (policy: PoolPolicy): string => (policy.settings.template === null ? "1" : "1.0");

/** A policy whose pools give fewer vCPUs than their ratio while they are small (vmstack) says so with this method. */
interface WithEffectiveRatio {
  effectiveRatio(ratio: Ratio, vmCount: number): number;
}

const givesEffectiveRatio = (policy: PoolPolicy): policy is PoolPolicy & WithEffectiveRatio =>
  "effectiveRatio" in policy;

const poolStatus = (size: number, allocated: number, ratio: number, free: number): SeedPoolStatus => ({
  pcap: size,
  palloc: allocated,
  vavail: size * ratio - allocated,
  vpotential: free * ratio,
});

/** A host as counts, for who does not have its state. */
export interface SeedCounts {
  readonly freePcpus: number;
  readonly pools: readonly {
    readonly ratio: Ratio;
    /** As a new VM would find it. */
    readonly effectiveRatio: number;
    readonly pcpus: number;
    readonly allocatedVcpus: number;
  }[];
  readonly freeMiB: number;
  /** Null: no memory was given out yet. */
  readonly allocatedMiB: number | null;
  /** The host's template decides on ratios, vCPU by vCPU. */
  readonly perVcpu: boolean;
}

export function seedStatusOf({ freePcpus, pools, freeMiB, allocatedMiB, perVcpu }: SeedCounts): SeedStatus {
  const cpu: Record<string, SeedPoolStatus> = {};
  for (const { ratio, effectiveRatio, pcpus, allocatedVcpus } of pools)
    cpu[ratioKey(ratio)] = poolStatus(pcpus, allocatedVcpus, effectiveRatio, freePcpus);
  const mem: Record<string, SeedPoolStatus> = {};
  if (allocatedMiB !== null) mem[perVcpu ? "1.0" : "1"] = poolStatus(allocatedMiB, allocatedMiB, 1, freeMiB);
  return { cpu: { avail: freePcpus, subset: cpu }, mem: { avail: freeMiB, subset: mem } };
}

export function seedStatus(host: HostState, policy: PoolPolicy): SeedStatus {
  const { memory } = host;
  return seedStatusOf({
    freePcpus: admissiblePcpus(policy, host),
    pools: host.pools.map((pool) => ({
      ratio: pool.ratio,
      effectiveRatio: givesEffectiveRatio(policy)
        ? policy.effectiveRatio(pool.ratio, pool.members.length + 1)
        : effectiveRatioOf(pool),
      pcpus: pool.pcpus.length,
      allocatedVcpus: pool.allocatedVcpus,
    })),
    freeMiB: freeMemoryMiB(memory),
    allocatedMiB: memoryPoolExists(memory) ? memory.allocatedMiB : null,
    perVcpu: policy.settings.template !== null,
  });
}
