/**
 * A host's state as a plain JSON value and back, for the agent's journal, and a state made from VMs found running. What is
 * read is not trusted: a wrong shape, or a state that breaks a promise (pCPUs that the host no longer has, doubled VMs,
 * too many vCPUs ...), gives a sentence that names the field; the caller then rebuilds from what runs.
 */
import { type CpuSet, formatCpuSet, parseCpuSet } from "../cpuset.js";
import { type MiB, mib, type Ratio, ratio } from "../units.js";
import { checkHost } from "./invariants.js";
import type { CpuPool, HostState, PoolDynamics, PoolMember, VmSpec } from "./model.js";
import type { ObservedVm, PoolPolicy, Rebuilt } from "./policy.js";

export interface SavedHost {
  /** In order of creation. */
  readonly pools: readonly {
    readonly ratio: number;
    /** In order of attribution. */
    readonly pcpus: readonly number[];
    /** As `0-3,8`. */
    readonly pinnedTo: string;
    /** In order of arrival. */
    readonly members: readonly { readonly vm: string; readonly vcpus: readonly number[] }[];
    readonly dynamics?: PoolDynamics;
    readonly runsOn?: string;
  }[];
  readonly memory: {
    readonly capacityMiB: number;
    readonly opened: boolean;
    /** In order of arrival. */
    readonly vms: readonly {
      readonly name: string;
      readonly vcpus: number;
      readonly memoryMiB: number;
      readonly ratio: number | null;
    }[];
  };
}

export type Restored =
  | { readonly ok: true; readonly value: HostState }
  | { readonly ok: false; readonly problem: string };

export const saveHost = (host: HostState): SavedHost => ({
  pools: host.pools.map((pool) => ({
    ratio: pool.ratio,
    pcpus: pool.pcpus,
    pinnedTo: formatCpuSet(pool.pinnedTo),
    members: pool.members.map(({ vm, vcpuIndexes }) => ({ vm, vcpus: vcpuIndexes })),
    ...(pool.dynamics === undefined ? {} : { dynamics: pool.dynamics }),
    ...(pool.runsOn === undefined ? {} : { runsOn: formatCpuSet(pool.runsOn) }),
  })),
  memory: {
    capacityMiB: host.memory.capacityMiB,
    opened: host.memory.opened === true,
    vms: host.memory.members.map(({ name, vcpus, memoryMiB, ratio: asked }) => ({
      name,
      vcpus,
      memoryMiB,
      ratio: asked,
    })),
  },
});

/** A field of a saved host that is not what it has to be. */
class Misfit extends Error {}

const shown = (value: unknown): string => (value === undefined ? "missing" : JSON.stringify(value).slice(0, 60));

function misfit(field: string, value: unknown, expected: string): never {
  throw new Misfit(`${field} is ${shown(value)}, expected ${expected}`);
}

function recordAt(field: string, value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) misfit(field, value, "an object");
  return value as Readonly<Record<string, unknown>>;
}

function listAt<T>(field: string, value: unknown, read: (field: string, entry: unknown) => T): T[] {
  if (!Array.isArray(value)) misfit(field, value, "a list");
  return value.map((entry: unknown, index) => read(`${field}[${index}]`, entry));
}

function wholeAt(field: string, value: unknown, least: number): number {
  if (typeof value !== "number" || !Number.isInteger(value) || value < least)
    misfit(field, value, `a whole number from ${least}`);
  return value;
}

function amountAt(field: string, value: unknown): MiB {
  if (typeof value !== "number" || !Number.isFinite(value) || value < 0) misfit(field, value, "a number of MiB from 0");
  return mib(value);
}

function ratioAt(field: string, value: unknown): Ratio {
  if (typeof value !== "number" || !(value >= 1) || !Number.isFinite(value)) misfit(field, value, "a number from 1.0");
  return ratio(value);
}

function nameAt(field: string, value: unknown): string {
  if (typeof value !== "string" || value === "") misfit(field, value, "a name");
  return value;
}

function cpuSetAt(field: string, value: unknown): CpuSet {
  if (typeof value !== "string") misfit(field, value, "a CPU set such as 0-3,8");
  try {
    return parseCpuSet(value);
  } catch (error) {
    if (error instanceof RangeError) throw new Misfit(`${field}: ${error.message}`);
    throw error;
  }
}

function memberAt(field: string, value: unknown): PoolMember {
  const { vm, vcpus } = recordAt(field, value);
  const indexes = listAt(`${field}.vcpus`, vcpus, (at, entry) => wholeAt(at, entry, 0));
  return { vm: nameAt(`${field}.vm`, vm), vcpuIndexes: indexes };
}

function poolAt(field: string, value: unknown): CpuPool {
  const pool = recordAt(field, value);
  const members = listAt(`${field}.members`, pool.members, memberAt);
  return {
    ratio: ratioAt(`${field}.ratio`, pool.ratio),
    pcpus: listAt(`${field}.pcpus`, pool.pcpus, (at, entry) => wholeAt(at, entry, 0)),
    members,
    allocatedVcpus: members.reduce((sum, member) => sum + member.vcpuIndexes.length, 0),
    pinnedTo: cpuSetAt(`${field}.pinnedTo`, pool.pinnedTo),
    ...(pool.dynamics === undefined ? {} : { dynamics: dynamicsAt(`${field}.dynamics`, pool.dynamics) }),
    ...(pool.runsOn === undefined ? {} : { runsOn: cpuSetAt(`${field}.runsOn`, pool.runsOn) }),
  };
}

function dynamicsAt(field: string, value: unknown): PoolDynamics {
  const { effectiveRatio, activePcpus, borrows } = recordAt(field, value);
  if (typeof borrows !== "boolean") misfit(`${field}.borrows`, borrows, "true or false");
  return {
    effectiveRatio: ratioAt(`${field}.effectiveRatio`, effectiveRatio),
    activePcpus: activePcpus === null ? null : wholeAt(`${field}.activePcpus`, activePcpus, 1),
    borrows,
  };
}

function vmAt(field: string, value: unknown): VmSpec {
  const vm = recordAt(field, value);
  return {
    name: nameAt(`${field}.name`, vm.name),
    vcpus: wholeAt(`${field}.vcpus`, vm.vcpus, 1),
    memoryMiB: amountAt(`${field}.memoryMiB`, vm.memoryMiB),
    ratio: vm.ratio === null ? null : ratioAt(`${field}.ratio`, vm.ratio),
  };
}

function hostAt(saved: unknown, memoryCapacityMiB: MiB | undefined): HostState {
  const host = recordAt("the saved host", saved);
  const memory = recordAt("memory", host.memory);
  const members = listAt("memory.vms", memory.vms, vmAt);
  if (typeof memory.opened !== "boolean") misfit("memory.opened", memory.opened, "true or false");
  const capacityMiB = amountAt("memory.capacityMiB", memory.capacityMiB);
  return {
    pools: listAt("pools", host.pools, poolAt),
    memory: {
      capacityMiB: memoryCapacityMiB ?? capacityMiB,
      allocatedMiB: mib(members.reduce((sum, vm) => sum + vm.memoryMiB, 0)),
      members,
      ...(memory.opened ? { opened: true } : {}),
    },
  };
}

/**
 * The host that `saveHost` wrote, checked against the policy's topology and settings of today. `memoryCapacityMiB` is
 * today's, where it may differ from the saved one.
 */
export function restoreHost(policy: PoolPolicy, saved: unknown, memoryCapacityMiB?: MiB): Restored {
  try {
    const host = hostAt(saved, memoryCapacityMiB);
    const problems = checkHost(policy, host);
    return problems.length === 0 ? { ok: true, value: host } : { ok: false, problem: problems[0]! };
  } catch (error) {
    if (error instanceof Misfit) return { ok: false, problem: error.message };
    throw error;
  }
}

/**
 * The best legal host with the VMs found running, and those that it could not hold. Where the policy does not know how to
 * keep pins, the VMs are deployed one after another; a VM's ratio is then that of its first vCPU, or the template's.
 */
export function rebuildHost(policy: PoolPolicy, observed: readonly ObservedVm[], memoryCapacityMiB?: MiB): Rebuilt {
  if (policy.rebuild !== undefined) return policy.rebuild(observed, memoryCapacityMiB);
  let host = policy.initial(memoryCapacityMiB);
  const unplaced: Rebuilt["unplaced"][number][] = [];
  for (const { vm, vcpuRatios } of observed) {
    const asked = policy.settings.template === null ? (vm.ratio ?? vcpuRatios[0] ?? null) : null;
    const result = policy.deploy(host, { ...vm, ratio: asked });
    if (result.ok) host = result.value;
    else unplaced.push({ vm, refusal: result.refusal });
  }
  return { host, unplaced };
}
