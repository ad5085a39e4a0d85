/** How the cluster shows itself, from records and from what hosts last said. Pure. */
import { type SeedStatus, seedStatusOf } from "../core/pool/status.js";
import { type Milliseconds, mib, milliseconds } from "../core/units.js";
import type { HostStatus, ReportedVm } from "../ports/agent-client.js";
import type { VmView } from "../ports/agent-views.js";
import type { HostEntry } from "./host-entry.js";
import type { HostRecord, VmRecord } from "./record-model.js";
import { hostsOf } from "./record-steps.js";
import type { ClusterHost, ClusterStatus, ClusterVm, ClusterVmState, HostState } from "./service.js";

interface VmFacts {
  /** The VM on its host, as last reported. */
  readonly reported: ReportedVm | null;
  readonly view: VmView | null;
  /** Hosts that have such a VM, where they are several. */
  readonly conflict: readonly string[] | null;
}

export const NO_FACTS: VmFacts = { reported: null, view: null, conflict: null };

export const clusterVm = (record: VmRecord, facts: VmFacts): ClusterVm => ({
  name: record.name,
  host: record.host,
  state: vmState(record, facts),
  vcpus: record.vcpus,
  memoryMiB: record.memoryMiB,
  ratio: record.ratio,
  image: record.image,
  uuid: record.uuid,
  deployedHere: record.requestId !== null,
  antiAffinity: record.antiAffinity,
  hosts: facts.conflict ?? hostsOf(record),
  view: facts.view,
});

function vmState(record: VmRecord, { reported, view, conflict }: VmFacts): ClusterVmState {
  if (conflict !== null) return "conflict";
  if (record.phase === "reserved") return "placing";
  if (record.phase === "removing" || record.phase === "lost" || record.phase === "migrating") return record.phase;
  return view?.state ?? reported?.state ?? "running";
}

interface HostFacts {
  readonly now: Milliseconds;
  readonly vmCount: number;
  readonly reserved: number;
}

export const clusterHost = (entry: HostEntry, { now, vmCount, reserved }: HostFacts): ClusterHost => ({
  id: entry.id,
  url: entry.record.url,
  state: entry.state,
  silence: entry.lastHeard === null ? null : milliseconds(now - entry.lastHeard),
  cordoned: entry.record.cordoned,
  agentCordoned: entry.status?.cordoned ?? false,
  draining: entry.record.draining,
  machineId: entry.record.machineId,
  labels: entry.status?.labels ?? {},
  vmCount,
  reserved,
  status: entry.status,
  clockSkew: entry.skew,
  problems: [...entry.problems, ...(entry.status?.problems ?? [])],
});

/** A host that only its record, or only its address, tells of. */
export const unheardHost = (
  about: Partial<HostRecord> & { readonly id: string; readonly url: string },
  state: HostState,
  vmCount: number,
  problems: readonly string[],
): ClusterHost => ({
  id: about.id,
  url: about.url,
  state,
  silence: null,
  cordoned: about.cordoned ?? false,
  agentCordoned: false,
  draining: about.draining ?? false,
  machineId: about.machineId ?? null,
  labels: {},
  vmCount,
  reserved: 0,
  status: null,
  clockSkew: null,
  problems,
});

export function totals(
  hosts: readonly ClusterHost[],
  vms: readonly ClusterVm[],
): Pick<ClusterStatus, "hosts" | "vms" | "pcpus" | "memory"> {
  const states: Record<HostState, number> = { up: 0, suspect: 0, down: 0, new: 0 };
  let [totalPcpus, freePcpus, capacityMiB, freeMiB] = [0, 0, 0, 0];
  for (const { state, status } of hosts) {
    states[state]++;
    if (status === null || state === "down") continue;
    totalPcpus += status.pcpus.total - status.pcpus.reserved;
    freePcpus += status.pcpus.free;
    capacityMiB += status.memory.capacityMiB;
    freeMiB += status.memory.freeMiB;
  }
  const inState = (state: ClusterVmState): number => vms.filter((vm) => vm.state === state).length;
  return {
    hosts: states,
    vms: {
      total: vms.length,
      placing: inState("placing"),
      removing: inState("removing"),
      migrating: inState("migrating"),
      lost: inState("lost"),
    },
    pcpus: { total: totalPcpus, free: freePcpus },
    memory: { capacityMiB: mib(capacityMiB), freeMiB: mib(freeMiB) },
  };
}

/** What needs a person. */
export function clusterProblems(hosts: readonly ClusterHost[], vms: readonly ClusterVm[]): string[] {
  const problems: string[] = [];
  for (const host of hosts) {
    if (host.state === "down") problems.push(`host ${host.id} is down`);
    for (const problem of host.problems) problems.push(`host ${host.id}: ${problem}`);
  }
  for (const vm of vms) {
    if (vm.state === "conflict") problems.push(`VM ${vm.name} exists on several hosts: ${vm.hosts.join(", ")}`);
    if (vm.state === "lost") problems.push(`VM ${vm.name} was on a machine that is gone (${vm.host})`);
  }
  return problems;
}

/** The host's own `GET /status` (spec 1.4). Whether its memory pool was opened and is empty again, nobody told us. */
export function seedStatusOfHost(status: HostStatus): SeedStatus {
  const { counts, template } = status;
  const { policy, criticalSize, memoryAllocatedMiB, memoryCapacityMiB } = counts;
  return seedStatusOf({
    freePcpus: counts.freePcpus,
    pools: counts.pools.map((pool) => ({
      ...pool,
      effectiveRatio: policy === "vmstack" && pool.vmCount + 1 < criticalSize ? 1 : (pool.effectiveRatio ?? pool.ratio),
    })),
    freeMiB: Math.max(0, memoryCapacityMiB - memoryAllocatedMiB),
    allocatedMiB: memoryAllocatedMiB === 0 ? null : memoryAllocatedMiB,
    perVcpu: template !== null,
  });
}
