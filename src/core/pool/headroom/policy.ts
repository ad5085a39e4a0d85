/**
 * The pool policy `headroom`, our own and the default (docs/decisions/0001). Arithmetic of the seeds (spec 1.3) in exact
 * integers; pools laid out along L3 groups and cores; pins changed only when a pool runs out of room or gives it back.
 *
 * A pool *has* exactly the pCPUs that it needs (`pcpus`) and is *pinned to* those and others lent to it (`pinnedTo`):
 * free pCPUs that its vCPUs may use until another pool needs them. Lent pCPUs count as free everywhere.
 * Empty pools stay listed without pCPUs, in the place of their creation: status and recorded traces go on without gaps.
 */
import { accept, type Result, refuse } from "../../result.js";
import { mib, type Ratio } from "../../units.js";
import { availableVcpus, exactRatio } from "../exact-ratio.js";
import { emptyMemory, memoryRefusal, vmNamed, withoutVm } from "../memory-pool.js";
import { effectiveRatioOf, type HostState, type VmSpec } from "../model.js";
import type { Growth, PolicySettings, PoolPolicy } from "../policy.js";
import { vcpuPins } from "../vcpu-pins.js";
import { adjustPools } from "./adjust.js";
import { cpuRefusal, demandOf, ratioProblem } from "./admission.js";
import { type Demand, retrievable, totalNeed, unchanged, withVm } from "./draft.js";
import { type Geometry, geometryOf } from "./geometry.js";
import { rebuildPools } from "./rebuild.js";
import { repackPools } from "./repack.js";
import { settle } from "./settle.js";
import { fitYielding, yielded } from "./yield.js";

const NOTHING: Demand = new Map();

const unknownVm = (name: string): Result<never> => refuse("unknown-vm", `this host has no VM "${name}"`, { vm: name });

function freePcpusOf(geometry: Geometry, host: HostState): number[] {
  const taken = new Uint8Array(geometry.size);
  for (const pool of host.pools) for (const id of pool.pcpus) taken[geometry.positionOf[id]!] = 1;
  return geometry.topology.ids.filter((_, position) => geometry.usable[position] === 1 && taken[position] === 0);
}

const retrievablePcpusOf = ({ retrievableShare = 0 }: PolicySettings, host: HostState): number =>
  retrievableShare === 0 ? 0 : retrievable(host.pools.map(unchanged), retrievableShare);

/** The offered ratio's room in whole vCPUs, were all free pCPUs to go to its pool. */
function freeVcpusOf(geometry: Geometry, settings: PolicySettings, host: HostState, ratio: Ratio): number {
  const offered = settings.template === null ? ratioProblem(ratio) === null : settings.template.includes(ratio);
  if (!offered) return 0;
  const held = host.pools.reduce((sum, one) => sum + one.pcpus.length, 0) + retrievablePcpusOf(settings, host);
  const free = Math.max(0, geometry.usableCount - held);
  const pool = host.pools.find((candidate) => candidate.ratio === ratio);
  if (pool === undefined) return availableVcpus(free, 0, exactRatio(ratio));
  const exact = exactRatio(effectiveRatioOf(pool));
  return Math.max(0, availableVcpus(pool.pcpus.length + free, pool.allocatedVcpus, exact));
}

/** Whether a VM fits, on what is free: it takes its new size at `at` in the list of VMs, or joins its end. */
function fit(geometry: Geometry, settings: PolicySettings, host: HostState, vm: VmSpec, at: number): Result<HostState> {
  const demand = demandOf(settings, vm);
  if (!demand.ok) return demand;
  const before = host.pools.map(unchanged);
  const drafts = withVm(before, vm.name, demand.value);
  const had = host.memory.members[at];
  const refusal =
    cpuRefusal(vm, before, drafts, geometry.usableCount, settings.retrievableShare) ??
    memoryRefusal(had === undefined ? host.memory : withoutVm(host.memory, had), vm);
  if (refusal !== null) return { ok: false, refusal };
  const members = host.memory.members.slice();
  members[at] = vm;
  const allocatedMiB = mib(host.memory.allocatedMiB - (had?.memoryMiB ?? 0) + vm.memoryMiB);
  const pools = settle(geometry, settings.criticalSize, host.pools, drafts);
  return accept({ pools, memory: { ...host.memory, allocatedMiB, members, opened: true } });
}

/** Builds the policy for one host. */
export function headroomPolicy(settings: PolicySettings): PoolPolicy {
  const geometry = geometryOf(settings);
  const { criticalSize } = settings;

  const give = (host: HostState, wanted: number): HostState =>
    settings.yields === true ? yielded(geometry, criticalSize, host, wanted) : host;
  const giveAll = (host: HostState): HostState => give(host, Number.POSITIVE_INFINITY);

  const admit = (host: HostState, vm: VmSpec, at: number): Result<HostState> =>
    fitYielding(host, (one) => fit(geometry, settings, one, vm, at), give);

  const initial = (memoryCapacityMiB = settings.topology.topology.memory.allowedMiB): HostState => ({
    pools: [],
    memory: emptyMemory(memoryCapacityMiB),
  });

  return {
    name: "headroom",
    settings,
    initial,
    deploy(host, vm) {
      if (vmNamed(host.memory, vm.name) !== undefined)
        return refuse("name-taken", `this host has a VM "${vm.name}" already`, { vm: vm.name });
      return admit(host, vm, host.memory.members.length);
    },
    remove(host, name) {
      const vm = vmNamed(host.memory, name);
      if (vm === undefined) return unknownVm(name);
      const drafts = withVm(host.pools.map(unchanged), name, NOTHING);
      const pools = settle(geometry, criticalSize, host.pools, drafts);
      return accept({ pools, memory: withoutVm(host.memory, vm) });
    },
    resize(host, vm) {
      const at = host.memory.members.findIndex((member) => member.name === vm.name);
      return at === -1 ? unknownVm(vm.name) : admit(host, vm, at);
    },
    growth(host, vm): Growth {
      const demand = demandOf(settings, vm);
      if (!demand.ok) return { pcpus: vm.vcpus, memoryMiB: vm.memoryMiB };
      const before = host.pools.map(unchanged);
      const after = withVm(before, vm.name, demand.value);
      return { pcpus: totalNeed(after) - totalNeed(before), memoryMiB: vm.memoryMiB };
    },
    freeVcpus: (host, ratio) => freeVcpusOf(geometry, settings, giveAll(host), ratio),
    pins: vcpuPins,
    freePcpus: (host) => freePcpusOf(geometry, host),
    adjust: (host, wanted) => adjustPools(geometry, criticalSize, host, wanted),
    yielded: giveAll,
    retrievablePcpus: (host) => retrievablePcpusOf(settings, host),
    rebuild: (observed, capacityMiB) => rebuildPools(geometry, criticalSize, initial(capacityMiB), observed),
    repack: (host, mostMoved) => repackPools(geometry, criticalSize, host, mostMoved),
  };
}
