/** A host as schedulers hear of it: the agent's status and VMs, and what tells the machine from another. Pure. */
import type { RatioOffer } from "../core/placement/model.js";
import { hostCounts } from "../core/placement/summary.js";
import type { HostState } from "../core/pool/model.js";
import type { PoolPolicy } from "../core/pool/policy.js";
import type { VmRecord } from "../core/reconcile/model.js";
import { mib } from "../core/units.js";
import type { HostReport, HostStatus, ReportedVm } from "../ports/agent-client.js";
import type { AgentStatus } from "./service.js";
import { type AgentState, isMoving } from "./state.js";
import { visibleVms } from "./views.js";

/** What an agent is told about its machine, and about what it sells. */
export interface MachineFacts {
  /** Null: the hypervisor's word, or its address where it has none. */
  readonly machineId: string | null;
  /** Null where the agent runs on another machine. */
  readonly bootId: string | null;
  readonly labels: Readonly<Record<string, string>>;
  readonly ratiosOffered: RatioOffer;
  /** Folders that hold images; null: unknown. */
  readonly images: readonly string[] | null;
}

export const UNKNOWN_MACHINE: MachineFacts = {
  machineId: null,
  bootId: null,
  labels: {},
  ratiosOffered: null,
  images: null,
};

/** What changes with the agent's process. */
export interface Standing {
  readonly machineId: string;
  readonly instance: string;
  readonly ready: boolean;
  readonly migrationAddress: string | null;
}

export function hostStatus(
  status: AgentStatus,
  policy: PoolPolicy,
  host: HostState,
  { bootId, labels, ratiosOffered, images }: MachineFacts,
  standing: Standing,
): HostStatus {
  const counts = hostCounts(policy, host);
  // Room that estimates deny is not there for schedulers either.
  const memoryAllocatedMiB = mib(Math.max(counts.memoryAllocatedMiB, counts.memoryCapacityMiB - status.memory.freeMiB));
  return { ...status, ...standing, bootId, labels, counts: { ...counts, memoryAllocatedMiB }, ratiosOffered, images };
}

export const reportOf = (status: HostStatus, state: AgentState): HostReport => ({
  status,
  vms: visibleVms(state).map((vm) => ({
    ...reportedVm(vm),
    ...(isMoving(state, vm.name) ? { state: "migrating" as const } : {}),
  })),
});

const reportedVm = (vm: VmRecord): ReportedVm => ({
  name: vm.name,
  uuid: vm.uuid,
  requestId: vm.requestId,
  vcpus: vm.vcpus,
  memoryMiB: vm.memoryMiB,
  ratio: vm.ratio,
  vcpuRatios: vm.vcpuRatios,
  image: vm.image,
  state: vm.state,
});

/**
 * Counts how often the agent became ready or ceased to be: a part of the generation that schedulers see, so that they hear of
 * it. Only what was looked at counts: what nobody saw, nobody has to be told.
 */
export class ReadinessCount {
  #was = false;
  #changes = 0;

  look(ready: boolean): number {
    if (ready !== this.#was) this.#changes++;
    this.#was = ready;
    return this.#changes;
  }
}
