/**
 * The one interface of pool policies. A policy is bound to a host's topology and settings, and maps a host state and a
 * request to the whole next state, or to a refusal. It keeps nothing between calls.
 */
import type { CpuSet } from "../cpuset.js";
import type { Refusal, Result } from "../result.js";
import type { TopologyIndex } from "../topology/model.js";
import type { MiB, Ratio } from "../units.js";
import type { HostState, PoolDynamics, VmPins, VmSpec } from "./model.js";

export const POLICY_NAMES = ["slackvm", "vmstack", "sweetspotvm", "headroom"] as const;
export type PolicyName = (typeof POLICY_NAMES)[number];

export interface PolicySettings {
  readonly topology: TopologyIndex;
  /** Pools with fewer VMs share (slackvm, sweetspotvm, headroom) or are not yet oversubscribed (vmstack). 0: never. */
  readonly criticalSize: number;
  /** Ratio of vCPU 0, 1, 2 ...; the last entry holds for the rest. Null: each VM carries its ratio. */
  readonly template: readonly Ratio[] | null;
  /** pCPU ids kept for the host itself; no pool gets them. Only `headroom` reads it: the seeds use TOPO_EXCLUDE. */
  readonly hostPcpus: readonly number[];
  /**
   * Of the pCPUs that pools counted above their ratio do without, the share (0 to 1) that stays free for them: no VM is
   * admitted on it. Absent: none. Only `headroom` reads it.
   */
  readonly retrievableShare?: number;
  /** Whether pools counted below their ratio give back to newcomers what they hold beyond it. Absent: no. Only `headroom` reads it. */
  readonly yields?: boolean;
}

/** What a VM would add to the host: pCPUs that its pools would grow by, and memory. */
export interface Growth {
  readonly pcpus: number;
  readonly memoryMiB: MiB;
}

/** The same VMs in the same pools, laid out better. */
export interface Repacked {
  /** The same object where nothing is gained. */
  readonly host: HostState;
  /** vCPUs that have to be pinned anew. */
  readonly moved: number;
}

/** A VM found running, with the ratio of each vCPU and what each is pinned to now. */
export interface ObservedVm {
  readonly vm: VmSpec;
  readonly vcpuRatios: readonly Ratio[];
  readonly pins: readonly CpuSet[];
}

export interface Rebuilt {
  readonly host: HostState;
  /** VMs that found no room, in the order given. */
  readonly unplaced: readonly { readonly vm: VmSpec; readonly refusal: Refusal }[];
}

export interface PoolPolicy {
  readonly name: PolicyName;
  readonly settings: PolicySettings;
  /** A host without VMs; `memoryCapacityMiB` defaults to what the topology allows. */
  initial(memoryCapacityMiB?: MiB): HostState;
  /** Refuses `name-taken`, `ratio-not-offered`, `vm-larger-than-host`, `no-cpu-capacity`, `no-memory-capacity`. */
  deploy(host: HostState, vm: VmSpec): Result<HostState>;
  /** Refuses `unknown-vm`. */
  remove(host: HostState, name: string): Result<HostState>;
  /** The VM with `vm.name` takes the new size and ratio, or nothing changes. Refuses as `deploy`, and `unknown-vm`. */
  resize(host: HostState, vm: VmSpec): Result<HostState>;
  /** What the VM would add; used by `progress` (spec 1.4). The full request where its pool does not exist yet. */
  growth(host: HostState, vm: VmSpec): Growth;
  /** Largest number of further vCPUs at this ratio (0 when none), as admission would decide one VM after another. */
  freeVcpus(host: HostState, ratio: Ratio): number;
  pins(host: HostState): VmPins;
  /**
   * Packs the pools again when that frees an L3 group or ends a shared core, pinning at most `mostMoved` vCPUs anew
   * (default: no bound). Packing twice changes nothing more. Absent where a policy never lays pools out anew.
   */
  repack?(host: HostState, mostMoved?: number): Repacked;
  /**
   * A host made from VMs found running, in order of preference, with as many of their pins kept as possible. Absent where
   * pools depend on the order of events alone; `rebuildHost` (restore.ts) then deploys in order.
   */
  rebuild?(observed: readonly ObservedVm[], memoryCapacityMiB?: MiB): Rebuilt;
  /** pCPUs that no pool holds and that pools may take, in topology order. */
  freePcpus(host: HostState): readonly number[];
  /**
   * The host with pools counted otherwise, by ratio (null: as their ratio makes them); the first may grow first. Pools of ratio
   * 1.0 never change. Absent where pools do not follow their usage.
   */
  adjust?(host: HostState, wanted: ReadonlyMap<Ratio, PoolDynamics | null>): HostState;
  /** The host as placement may count it: without what its pools would give back to newcomers. Absent: as it is. */
  yielded?(host: HostState): HostState;
  /** Free pCPUs on which no VM is admitted, since pools may want them back. Absent: none. */
  retrievablePcpus?(host: HostState): number;
}

/** Free pCPUs that VMs may be admitted on, those that pools would give back among them. */
export function admissiblePcpus(policy: PoolPolicy, host: HostState): number {
  const counted = policy.yielded?.(host) ?? host;
  return Math.max(0, policy.freePcpus(counted).length - (policy.retrievablePcpus?.(counted) ?? 0));
}
