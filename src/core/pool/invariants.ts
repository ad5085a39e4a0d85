/**
 * The promises of DESIGN that one host's state must keep (1 to 3), and the bookkeeping behind them, checked from scratch
 * for any policy. For property tests, and for whoever doubts a state: it costs a walk over all members.
 */
import { equalCpuSets, intersectCpuSets } from "../cpuset.js";
import { availableVcpus, exactRatio, exactRatioProblem } from "./exact-ratio.js";
import { type CpuPool, effectiveRatioOf, type HostState, runsOn } from "./model.js";
import type { PoolPolicy } from "./policy.js";

const listed = (ids: Iterable<number | string>): string => [...ids].join(", ");

/** Each broken promise as a sentence; none: empty. */
export function checkHost(policy: PoolPolicy, host: HostState): string[] {
  const problems: string[] = [];
  for (const pool of host.pools) problems.push(...poolProblems(pool));
  problems.push(...ratioProblems(host.pools));
  problems.push(...pcpuProblems(policy, host));
  problems.push(...overlapProblems(policy, host.pools));
  problems.push(...memberProblems(host));
  problems.push(...memoryProblems(host));
  // A policy may be asked about its host only once that is sound.
  if (problems.length === 0) problems.push(...freeProblems(policy, host), ...pinProblems(policy, host));
  return problems;
}

function poolProblems(pool: CpuPool): string[] {
  const problems: string[] = [];
  const name = `pool ${pool.ratio}`;
  const counts = pool.members.map((member) => member.vcpuIndexes.length);
  const sum = counts.reduce((total, count) => total + count, 0);
  if (sum !== pool.allocatedVcpus)
    problems.push(`${name} counts ${pool.allocatedVcpus} vCPUs, its members have ${sum}`);
  const size = pool.pcpus.length;
  const ratioProblem = exactRatioProblem(pool.ratio) ?? exactRatioProblem(effectiveRatioOf(pool));
  if (ratioProblem !== null) problems.push(`${name}: ${ratioProblem}`);
  else if (sum > 0 && availableVcpus(size, sum, exactRatio(effectiveRatioOf(pool))) < 0)
    problems.push(`${name} has ${sum} vCPUs on ${size} pCPUs: more than its ratio allows`);
  const active = pool.runsOn === undefined ? size : intersectCpuSets(pool.runsOn, pool.pcpus).length;
  problems.push(...dynamicsProblems(pool));
  for (const member of pool.members) {
    const { vm, vcpuIndexes } = member;
    if (vcpuIndexes.length === 0) problems.push(`${name} lists VM ${vm} without vCPUs`);
    if (vcpuIndexes.length > active)
      problems.push(`${name}: VM ${vm} is oversubscribed with itself, ${vcpuIndexes.length} vCPUs on ${active} pCPUs`);
    if (vcpuIndexes.some((index, i) => i > 0 && index <= vcpuIndexes[i - 1]!))
      problems.push(`${name}: vCPUs ${listed(vcpuIndexes)} of VM ${vm} are not in ascending order`);
  }
  if (pool.pinnedTo.some((id, i) => i > 0 && id <= pool.pinnedTo[i - 1]!))
    problems.push(`${name} is pinned to ${listed(pool.pinnedTo)}, which is not an ascending CPU set`);
  const pinnedTo = new Set(pool.pinnedTo);
  const outside = pool.members.length === 0 ? [] : pool.pcpus.filter((id) => !pinnedTo.has(id));
  if (outside.length > 0) problems.push(`${name} has pCPUs ${listed(outside)}, but is not pinned to them`);
  return problems;
}

function dynamicsProblems(pool: CpuPool): string[] {
  const { dynamics, ratio } = pool;
  const name = `pool ${ratio}`;
  if (dynamics === undefined) return pool.runsOn === undefined ? [] : [`${name} is not dynamic, and pCPUs of it rest`];
  if (ratio === 1) return [`${name} follows its usage: pools of ratio 1 never do`];
  const problems: string[] = [];
  if (!(dynamics.effectiveRatio >= 1)) problems.push(`${name} is counted with ${dynamics.effectiveRatio}, below 1`);
  if (dynamics.activePcpus !== null && !(dynamics.activePcpus >= 1))
    problems.push(`${name} has ${dynamics.activePcpus} active pCPUs`);
  return problems;
}

function ratioProblems(pools: readonly CpuPool[]): string[] {
  const ratios = pools.map((pool) => pool.ratio);
  const doubles = ratios.filter((one, i) => ratios.indexOf(one) !== i);
  return doubles.map((one) => `there are two pools of ratio ${one}`);
}

/** pCPUs that pools may have, in topology order; the seeds' policies know no pCPUs of the host's own. */
function usablePcpus({ name, settings }: PoolPolicy): number[] {
  const reserved = new Set(name === "headroom" ? settings.hostPcpus : []);
  return settings.topology.ids.filter((id) => !reserved.has(id));
}

/** Promise 1, and that pins name pCPUs that pools may have. */
function pcpuProblems(policy: PoolPolicy, host: HostState): string[] {
  const problems: string[] = [];
  const usable = new Set(usablePcpus(policy));
  const holder = new Map<number, CpuPool>();
  for (const pool of host.pools) {
    for (const id of pool.pcpus) {
      if (!usable.has(id)) problems.push(`pool ${pool.ratio} has pCPU ${id}, which pools may not have`);
      const other = holder.get(id);
      if (other !== undefined) problems.push(`pCPU ${id} is in pool ${other.ratio} and in pool ${pool.ratio}`);
      holder.set(id, pool);
    }
    const foreign = pool.pinnedTo.filter((id) => !usable.has(id));
    if (foreign.length > 0)
      problems.push(`pool ${pool.ratio} is pinned to ${listed(foreign)}, which pools may not have`);
  }
  return problems;
}

function freeProblems(policy: PoolPolicy, host: HostState): string[] {
  const held = new Set(host.pools.flatMap((pool) => pool.pcpus));
  const free = listed(policy.freePcpus(host));
  const expected = listed(usablePcpus(policy).filter((id) => !held.has(id)));
  return free === expected ? [] : [`free pCPUs are given as ${free}, but are ${expected}`];
}

/** Pools are pinned apart, or share all that they are pinned to, which only the critical size allows. */
function overlapProblems(policy: PoolPolicy, pools: readonly CpuPool[]): string[] {
  const problems: string[] = [];
  const runner = new Map<number, CpuPool>();
  for (const pool of pools) {
    for (const id of pool.runsOn ?? []) {
      const other = runner.get(id);
      if (other !== undefined) problems.push(`pools ${other.ratio} and ${pool.ratio} both run on pCPU ${id}`);
      runner.set(id, pool);
    }
  }
  for (const pool of pools)
    if (pool.runsOn === undefined && pool.pinnedTo.some((id) => runner.has(id)))
      problems.push(`pool ${pool.ratio} is pinned to pCPUs on which others run`);
  const firstOf = new Map<number, CpuPool>();
  for (const pool of pools) {
    for (const id of pool.pinnedTo) {
      const other = firstOf.get(id);
      if (other === undefined) firstOf.set(id, pool);
      else if (policy.settings.criticalSize === 0 || !equalCpuSets(other.pinnedTo, pool.pinnedTo))
        problems.push(`pools ${other.ratio} and ${pool.ratio} are both pinned to pCPU ${id}`);
    }
  }
  return problems;
}

/** Every vCPU of every VM of the host is in exactly one pool, and no others are. */
function memberProblems(host: HostState): string[] {
  const problems: string[] = [];
  const indexesOf = new Map<string, number[]>();
  for (const pool of host.pools) {
    for (const { vm, vcpuIndexes } of pool.members) {
      if (pool.members.filter((member) => member.vm === vm).length > 1)
        problems.push(`pool ${pool.ratio} lists VM ${vm} twice`);
      indexesOf.set(vm, [...(indexesOf.get(vm) ?? []), ...vcpuIndexes]);
    }
  }
  const names = new Set<string>();
  for (const vm of host.memory.members) {
    if (names.has(vm.name)) problems.push(`VM ${vm.name} is on the host twice`);
    names.add(vm.name);
    const indexes = (indexesOf.get(vm.name) ?? []).sort((a, b) => a - b);
    if (indexes.length !== vm.vcpus || indexes.some((index, i) => index !== i))
      problems.push(`VM ${vm.name} has ${vm.vcpus} vCPUs, in pools are: ${listed(indexes) || "none"}`);
  }
  for (const vm of indexesOf.keys()) if (!names.has(vm)) problems.push(`VM ${vm} is in a pool, but not on the host`);
  return problems;
}

function memoryProblems(host: HostState): string[] {
  const { allocatedMiB, capacityMiB, members } = host.memory;
  const problems: string[] = [];
  const sum = members.reduce((total, vm) => total + vm.memoryMiB, 0);
  // Sums of fractions of a MiB may differ in their last bits, depending on the order of arrival.
  if (Math.abs(sum - allocatedMiB) > 1e-6) problems.push(`memory counts ${allocatedMiB} MiB, its VMs have ${sum}`);
  if (allocatedMiB > capacityMiB) problems.push(`${allocatedMiB} MiB are allocated, and VMs may have ${capacityMiB}`);
  return problems;
}

function pinProblems(policy: PoolPolicy, host: HostState): string[] {
  const problems: string[] = [];
  const pins = policy.pins(host);
  for (const vm of host.memory.members) {
    const sets = pins.get(vm.name);
    if (sets?.length !== vm.vcpus)
      problems.push(`VM ${vm.name} has ${vm.vcpus} vCPUs and pins for ${sets?.length ?? 0}`);
  }
  for (const pool of host.pools)
    for (const { vm, vcpuIndexes } of pool.members)
      for (const index of vcpuIndexes)
        if (listed(pins.get(vm)?.[index] ?? []) !== listed(runsOn(pool)))
          problems.push(`vCPU ${index} of VM ${vm} is not pinned as its pool ${pool.ratio} is`);
  return problems;
}
