/**
 * What a replay of a recorded host asks of a policy beyond `PoolPolicy` (spec 3): the seeds' own way to refuse, to remove a VM
 * that is not there, and to drop VMs of which the record has nothing more. Any policy can be replayed: one without ways of
 * its own goes through `replayable`, where a refusal changes nothing and dropping is removal.
 */
import type { Refusal } from "../result.js";
import type { Ratio } from "../units.js";
import { exactRatio, unusedPcpus } from "./exact-ratio.js";
import type { CpuPool, HostState, VmSpec } from "./model.js";
import type { PoolPolicy } from "./policy.js";

export interface RecordedOutcome {
  readonly host: HostState;
  /** Null when accepted. */
  readonly refusal: Refusal | null;
  /** Where a VM to be removed was not found. */
  readonly absentFrom: readonly ("cpu" | "mem")[];
}

/** What the record holds at one timestamp. */
export interface Sighting {
  /** False where the record has nothing at all about the pool: then it says nothing about its VMs either. */
  poolSeen(ratio: Ratio): boolean;
  /** The VM has a cpu record in the pool of this ratio. */
  seenInPool(vm: string, ratio: Ratio): boolean;
  /** The VM has a cpu record in any pool. */
  seenInCpu(vm: string): boolean;
  memorySeen(): boolean;
  seenInMemory(vm: string): boolean;
}

export interface DroppedVm {
  readonly vm: string;
  readonly resource: "cpu" | "mem";
}

export interface DropOutcome {
  readonly host: HostState;
  /** In the order found: CPU pools in order of creation, then memory. */
  readonly dropped: readonly DroppedVm[];
}

export interface ReplayablePolicy extends PoolPolicy {
  /** True where VMs seen only at the first timestamp are removed at it and again at the next one, as the seeds do. */
  readonly removesTwiceAtStart: boolean;
  /** As `deploy`; the host of a refused request may differ from the one before where the seeds leave traces of it. */
  deployRecorded(host: HostState, vm: VmSpec): RecordedOutcome;
  /** As `remove`, for a VM that may not be there. */
  removeRecorded(host: HostState, vm: VmSpec): RecordedOutcome;
  /** pCPUs that the pool would give back now. */
  unusedPcpus(pool: CpuPool): number;
  /** Drops what the record no longer shows, and shrinks what dropped. */
  dropUnseen(host: HostState, sighting: Sighting): DropOutcome;
}

const isReplayable = (policy: PoolPolicy | ReplayablePolicy): policy is ReplayablePolicy => "dropUnseen" in policy;

/** The policy itself, or its interface completed. */
export function replayable(policy: PoolPolicy): ReplayablePolicy {
  if (isReplayable(policy)) return policy;
  return {
    name: policy.name,
    settings: policy.settings,
    initial: (memoryCapacityMiB) => policy.initial(memoryCapacityMiB),
    deploy: (host, vm) => policy.deploy(host, vm),
    remove: (host, name) => policy.remove(host, name),
    resize: (host, vm) => policy.resize(host, vm),
    growth: (host, vm) => policy.growth(host, vm),
    freeVcpus: (host, ratio) => policy.freeVcpus(host, ratio),
    pins: (host) => policy.pins(host),
    freePcpus: (host) => policy.freePcpus(host),
    removesTwiceAtStart: false,
    deployRecorded(host, vm) {
      const result = policy.deploy(host, vm);
      if (result.ok) return { host: result.value, refusal: null, absentFrom: [] };
      return { host, refusal: result.refusal, absentFrom: [] };
    },
    removeRecorded(host, vm) {
      const result = policy.remove(host, vm.name);
      if (result.ok) return { host: result.value, refusal: null, absentFrom: [] };
      return { host, refusal: null, absentFrom: ["cpu", "mem"] };
    },
    unusedPcpus: exactUnused,
    dropUnseen(host, sighting) {
      return removeUnseen(policy, host, sighting);
    },
  };
}

function exactUnused(pool: CpuPool): number {
  const largest = pool.members.reduce((most, member) => Math.max(most, member.vcpuIndexes.length), 0);
  return unusedPcpus(pool.pcpus.length, pool.allocatedVcpus, largest, exactRatio(pool.ratio));
}

function removeUnseen(policy: PoolPolicy, host: HostState, sighting: Sighting): DropOutcome {
  const dropped: DroppedVm[] = [];
  let next = host;
  for (const { name } of host.memory.members) {
    const cpuGone = !sighting.seenInCpu(name);
    const memoryGone = sighting.memorySeen() && !sighting.seenInMemory(name);
    if (!cpuGone && !memoryGone) continue;
    const result = policy.remove(next, name);
    if (!result.ok) continue;
    next = result.value;
    dropped.push({ vm: name, resource: cpuGone ? "cpu" : "mem" });
  }
  return { host: next, dropped };
}
