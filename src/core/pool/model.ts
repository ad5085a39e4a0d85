/**
 * The state of one host's pools (spec 1.3), as an immutable value: policies map a state to the next one, so a change is
 * either whole or absent, and an old state can be kept, printed or compared. Unchanged pools are shared between states.
 */
import type { CpuSet } from "../cpuset.js";
import type { MiB, Ratio } from "../units.js";

/** What a tenant bought. */
export interface VmSpec {
  readonly name: string;
  readonly vcpus: number;
  readonly memoryMiB: MiB;
  /** Allocation ratio of the whole VM; null where the host's per-vCPU template decides. */
  readonly ratio: Ratio | null;
}

export interface PoolMember {
  readonly vm: string;
  /** Which vCPUs of the VM live in this pool, ascending. */
  readonly vcpuIndexes: readonly number[];
}

/** How a pool that follows its usage differs from what its ratio alone would make of it (core/dynamic). */
export interface PoolDynamics {
  /** What its vCPUs are counted with instead of the ratio. */
  readonly effectiveRatio: Ratio;
  /** pCPUs of its own that its vCPUs are pinned to while the others rest; null: all that it is pinned to. */
  readonly activePcpus: number | null;
  /** Its vCPUs may run on what other pools let rest. */
  readonly borrows: boolean;
}

export interface CpuPool {
  readonly ratio: Ratio;
  /** pCPU ids in order of attribution. The seeds drop the last ones first; `headroom` those that free a core or L3 group. */
  readonly pcpus: readonly number[];
  /** In order of arrival. */
  readonly members: readonly PoolMember[];
  /** Sum of the members' vCPUs here. */
  readonly allocatedVcpus: number;
  /**
   * What its vCPUs are pinned to: its own pCPUs; more while pools share (critical size, spec 1.3) or, under `headroom`,
   * while free pCPUs are lent to it. Lent pCPUs count as free.
   */
  readonly pinnedTo: CpuSet;
  /** Absent: the pool is what its ratio makes it. */
  readonly dynamics?: PoolDynamics;
  /** Where its vCPUs are pinned to a part of `pinnedTo`, or to resting pCPUs of other pools besides. */
  readonly runsOn?: CpuSet;
}

/** vCPUs per pCPU that the pool is counted with. */
export const effectiveRatioOf = (pool: CpuPool): Ratio => pool.dynamics?.effectiveRatio ?? pool.ratio;

/** What the pool's vCPUs are pinned to. */
export const runsOn = (pool: CpuPool): CpuSet => pool.runsOn ?? pool.pinnedTo;

export interface MemoryPool {
  readonly capacityMiB: MiB;
  readonly allocatedMiB: MiB;
  /** VMs in order of arrival: the list of what the host holds. */
  readonly members: readonly VmSpec[];
  /** True once memory was given out: the seeds report their memory pool from then on, even when it is empty again. */
  readonly opened?: boolean;
}

export interface HostState {
  /** In order of creation. Disjoint. */
  readonly pools: readonly CpuPool[];
  readonly memory: MemoryPool;
}

/** One CPU set per vCPU, for each VM. */
export type VmPins = ReadonlyMap<string, readonly CpuSet[]>;
