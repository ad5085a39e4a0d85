/**
 * What reconciling reads and writes: the VMs as the agent knows them, the domains as the hypervisor shows them, and the
 * plan that brings the second in line with the first. Plain values; the agent's I/O stays outside.
 */
import type { CpuSet } from "../cpuset.js";
import type { HostState, VmSpec } from "../pool/model.js";
import type { PoolPolicy } from "../pool/policy.js";
import { type MiB, type Ratio, ratio } from "../units.js";

/** running and paused hold room in pools; stopped gave it back; unplaced runs without any (no pool could take it). */
export type VmRecordState = "running" | "paused" | "stopped" | "unplaced";

/** A VM as the agent knows it. Its pools are in the host state. */
export interface VmRecord {
  readonly name: string;
  readonly uuid: string;
  readonly vcpus: number;
  readonly memoryMiB: MiB;
  /** Null under a per-vCPU template. */
  readonly ratio: Ratio | null;
  /** Ratio of each vCPU, in index order. */
  readonly vcpuRatios: readonly Ratio[];
  readonly state: VmRecordState;
  readonly image: string | null;
  /** Disk that Headroom made for this VM, and may delete with it. */
  readonly overlay: string | null;
  /** Null for a domain that was found, not deployed. */
  readonly requestId: string | null;
  readonly deployedHere: boolean;
}

export type VmRecords = ReadonlyMap<string, VmRecord>;

/** A domain in the tick's bulk statistics. `active`: it has vCPUs that run or could at once (running, paused). */
export interface ObservedDomain {
  readonly name: string;
  readonly uuid: string;
  readonly active: boolean;
  readonly paused: boolean;
}

/** Headroom's mark in a domain (the same shape as the hypervisor port's metadata). */
export interface ObservedMark {
  readonly vcpuRatios: readonly number[];
  readonly perVcpu: boolean;
  readonly memoryMiB?: MiB;
  readonly requestId: string;
  readonly image: string | null;
  readonly overlay: string | null;
}

/** A definition, looked up once for each domain that is new to the agent. */
export interface ObservedDetail {
  readonly uuid: string;
  readonly vcpus: number;
  readonly memoryMiB: MiB;
  readonly mark: ObservedMark | null;
}

export interface PlannedEvent {
  readonly kind: "vm-adopted" | "vm-vanished" | "vm-stopped" | "vm-unplaced";
  readonly vm: string;
  readonly message: string;
}

/** The next state: which VMs exist and hold room. */
export interface Membership {
  readonly host: HostState;
  readonly vms: VmRecords;
  readonly events: readonly PlannedEvent[];
  /** False: nothing differs from what was given, by identity. */
  readonly changed: boolean;
}

/** One vCPU leaves a CPU set for another. An empty `from` is a vCPU that does not run yet. */
export interface PinChange {
  readonly vm: string;
  readonly vcpu: number;
  readonly from: CpuSet;
  readonly to: CpuSet;
}

/** The mark of adopted domains starts so; what was deployed carries the id of its request. */
export const ADOPTED_PREFIX = "adopted:";

/** What the policy is asked for; the ratio in the form (per VM or per vCPU) that this host's policy takes. */
export function specOf(
  policy: PoolPolicy,
  vm: Pick<VmRecord, "name" | "vcpus" | "memoryMiB" | "ratio" | "vcpuRatios">,
): VmSpec {
  const own = vm.ratio ?? ratio(vm.vcpuRatios.length === 0 ? 1 : Math.min(...vm.vcpuRatios));
  return {
    name: vm.name,
    vcpus: vm.vcpus,
    memoryMiB: vm.memoryMiB,
    ratio: policy.settings.template === null ? own : null,
  };
}

/** Ratio of each vCPU under the policy: the template's, its last entry for the rest, or the VM's own. */
export function vcpuRatiosOf(policy: PoolPolicy, vcpus: number, own: Ratio | null): readonly Ratio[] {
  const template = policy.settings.template;
  return Array.from({ length: vcpus }, (_, index) =>
    template === null ? (own ?? ratio(1)) : template[Math.min(index, template.length - 1)]!,
  );
}

export const isPlaced = (vm: VmRecord): boolean => vm.state === "running" || vm.state === "paused";
