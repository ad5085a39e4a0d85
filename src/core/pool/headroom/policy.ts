/**
 * The pool policy `headroom`, our own and the default (docs/decisions/0001). Arithmetic of the seeds (spec 1.3) in exact
 * integers; pools laid out along L3 groups and cores; pins changed only when a pool runs out of room or gives it back.
 *
 * A pool *has* exactly the pCPUs that it needs (`pcpus`) and is *pinned to* those and others lent to it (`pinnedTo`):
 * free pCPUs that its vCPUs may use until another pool needs them. Lent pCPUs count as free everywhere.
 * Empty pools stay listed without pCPUs, in the place of their creation: status and recorded traces go on without gaps.
 */
import type { CpuSet } from "../../cpuset.js";
import { accept, type Result, refuse } from "../../result.js";
import { type MiB, mib, type Ratio } from "../../units.js";
import { availableVcpus, exactRatio } from "../exact-ratio.js";
import type { CpuPool, HostState, MemoryPool, VmPins, VmSpec } from "../model.js";
import type { Growth, PolicySettings, PoolPolicy } from "../policy.js";
import { cpuRefusal, demandOf, memoryRefusal } from "./admission.js";
import { type Demand, type PoolDraft, totalNeed, unchanged, withVm } from "./draft.js";
import { type Geometry, geometryOf } from "./geometry.js";
import { type Repacked, repackPools } from "./repack.js";
import { settle } from "./settle.js";

const NOTHING: Demand = new Map();

const indexOfVm = (memory: MemoryPool, name: string): number => memory.members.findIndex((vm) => vm.name === name);

function ownedPcpus(pools: readonly CpuPool[]): number {
  let sum = 0;
  for (const pool of pools) sum += pool.pcpus.length;
  return sum;
}

function pinsOf(host: HostState): VmPins {
  const pins = new Map<string, CpuSet[]>(host.memory.members.map((vm) => [vm.name, []]));
  for (const pool of host.pools) {
    for (const member of pool.members) {
      const sets = pins.get(member.vm);
      if (sets !== undefined) for (const index of member.vcpuIndexes) sets[index] = pool.pinnedTo;
    }
  }
  return pins;
}

function freePcpusOf(geometry: Geometry, host: HostState): number[] {
  const taken = new Uint8Array(geometry.size);
  for (const pool of host.pools) for (const id of pool.pcpus) taken[geometry.positionOf[id]!] = 1;
  return geometry.topology.ids.filter((_, position) => geometry.usable[position] === 1 && taken[position] === 0);
}

/** The offered ratio's room in whole vCPUs, were all free pCPUs to go to its pool. */
function freeVcpusOf(geometry: Geometry, settings: PolicySettings, host: HostState, ratio: Ratio): number {
  if (settings.template !== null && !settings.template.includes(ratio)) return 0;
  const free = geometry.usableCount - ownedPcpus(host.pools);
  const pool = host.pools.find((candidate) => candidate.ratio === ratio);
  return Math.max(0, availableVcpus((pool?.pcpus.length ?? 0) + free, pool?.allocatedVcpus ?? 0, exactRatio(ratio)));
}

/** Builds the policy for one host. */
export function headroomPolicy(settings: PolicySettings): HeadroomPolicy {
  const geometry = geometryOf(settings);
  const { criticalSize } = settings;

  const next = (host: HostState, drafts: readonly PoolDraft[], memory: MemoryPool): HostState => ({
    pools: settle(geometry, criticalSize, host.pools, drafts),
    memory,
  });

  /** The VM takes its new size at `at` in the list of VMs, or joins its end. */
  function admit(host: HostState, vm: VmSpec, at: number): Result<HostState> {
    const demand = demandOf(settings, vm);
    if (!demand.ok) return demand;
    const drafts = withVm(host.pools.map(unchanged), vm.name, demand.value);
    const had = host.memory.members[at]?.memoryMiB ?? 0;
    const refusal = cpuRefusal(vm, demand.value, drafts, geometry.usableCount) ?? memoryRefusal(vm, host.memory, had);
    if (refusal !== null) return { ok: false, refusal };
    const members = host.memory.members.slice();
    members[at] = vm;
    const allocatedMiB = mib(host.memory.allocatedMiB - had + vm.memoryMiB);
    return accept(next(host, drafts, { ...host.memory, allocatedMiB, members }));
  }

  return {
    name: "headroom",
    settings,
    initial: (memoryCapacityMiB: MiB = settings.topology.topology.memory.allowedMiB) => ({
      pools: [],
      memory: { capacityMiB: memoryCapacityMiB, allocatedMiB: mib(0), members: [] },
    }),
    deploy(host, vm) {
      if (indexOfVm(host.memory, vm.name) !== -1) return refuse("name-taken", `VM ${vm.name} is on this host already`);
      return admit(host, vm, host.memory.members.length);
    },
    remove(host, name) {
      const at = indexOfVm(host.memory, name);
      if (at === -1) return refuse("unknown-vm", `VM ${name} is not on this host`);
      const { memory } = host;
      const allocatedMiB = mib(memory.allocatedMiB - memory.members[at]!.memoryMiB);
      const drafts = withVm(host.pools.map(unchanged), name, NOTHING);
      return accept(next(host, drafts, { ...memory, allocatedMiB, members: memory.members.toSpliced(at, 1) }));
    },
    resize(host, vm) {
      const at = indexOfVm(host.memory, vm.name);
      if (at === -1) return refuse("unknown-vm", `VM ${vm.name} is not on this host`);
      return admit(host, vm, at);
    },
    growth(host, vm): Growth {
      const demand = demandOf(settings, vm);
      if (!demand.ok) return { pcpus: vm.vcpus, memoryMiB: vm.memoryMiB };
      const drafts = withVm(host.pools.map(unchanged), vm.name, demand.value);
      return { pcpus: totalNeed(drafts) - ownedPcpus(host.pools), memoryMiB: vm.memoryMiB };
    },
    freeVcpus: (host, ratio) => freeVcpusOf(geometry, settings, host, ratio),
    pins: pinsOf,
    freePcpus: (host) => freePcpusOf(geometry, host),
    repack: (host) => repackPools(geometry, criticalSize, host),
  };
}

export interface HeadroomPolicy extends PoolPolicy {
  /**
   * Packs the pools again when that frees a whole L3 group or ends a shared core; else gives `host` itself, and 0 moves.
   */
  repack(host: HostState): Repacked;
}
