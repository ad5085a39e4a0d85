/**
 * A host's topology from Linux sysfs and procfs (spec 1.1), over an injected reader: the machine itself and a machine
 * recorded as text read alike. Only a host without any readable pCPU is an error; whatever else is missing or malformed
 * (no cpufreq, no cache ids, offline pCPUs, no NUMA folder, package -1) degrades, with a warning where that loses something.
 * Cells are read in sysfs-cells.ts, caches in sysfs-caches.ts. Leaves out cgroup limits but for a warning: whose cgroup
 * a VM will run in is the hypervisor's business.
 */
import { type CpuSet, cpuSetOf, formatCpuSet, subtractCpuSets } from "../cpuset.js";
import { mib } from "../units.js";
import { excludePcpus } from "./exclude.js";
import { TopologyFormatError } from "./format-error.js";
import { HostFacts } from "./host-facts.js";
import type { HostFiles } from "./host-files.js";
import type { NumaCell, Pcpu, Topology } from "./model.js";
import { readCaches } from "./sysfs-caches.js";
import { readCells } from "./sysfs-cells.js";

const CPUS = "/sys/devices/system/cpu";
const cpuFolder = (id: number): string => `${CPUS}/cpu${id}`;
const KIB_PER_MIB = 1024;

export interface HostReading {
  readonly topology: Topology;
  /** What could not be read and what was assumed instead, one sentence each. */
  readonly warnings: readonly string[];
}

export interface ReadOptions {
  /** pCPUs that VMs must not use; each must be an online pCPU. */
  readonly exclude?: readonly number[];
}

/** Groups of pCPUs by the smallest id that any of them lists: a partition even where the lists disagree. */
function groupsBySmallest(
  ids: readonly number[],
  keyOf: (id: number) => string | number,
): Map<number, readonly number[]> {
  const members = new Map<string | number, number[]>();
  for (const id of ids) {
    const key = keyOf(id);
    const group = members.get(key);
    if (group === undefined) members.set(key, [id]);
    else group.push(id);
  }
  return new Map([...members.values()].flatMap((group) => group.map((id) => [id, group] as const)));
}

function onlinePcpus(facts: HostFacts): CpuSet {
  const listed = facts.cpuSet(`${CPUS}/online`);
  const folders = facts.numbered(CPUS, "cpu");
  // Where the list is missing, each pCPU tells of itself; the first one, which cannot be taken offline, has no file.
  const online = listed ?? cpuSetOf(folders.filter((id) => facts.number(`${cpuFolder(id)}/online`) !== 0));
  if (online.length === 0) {
    throw new TopologyFormatError(CPUS, "without an online pCPU", "the sysfs of a Linux host (is /sys mounted?)");
  }
  const present = facts.cpuSet(`${CPUS}/present`) ?? cpuSetOf(folders);
  const offline = subtractCpuSets(present, online);
  if (offline.length > 0) facts.note(`pCPUs ${formatCpuSet(offline)} are offline: left out`);
  return online;
}

function readPackages(facts: HostFacts, ids: readonly number[]): Map<number, number> {
  const packages = new Map<number, number>();
  const lost: number[] = [];
  for (const id of ids) {
    const packageId = facts.number(`${cpuFolder(id)}/topology/physical_package_id`);
    if (packageId === null) lost.push(id);
    else packages.set(id, packageId);
  }
  // A pCPU without a number belongs to the package of those it lists, or else to the first.
  for (const id of lost) {
    const siblings = siblingsOf(facts, id, ["core_siblings_list", "package_cpus_list"]);
    const known = siblings?.find((other) => packages.has(other));
    packages.set(id, known === undefined ? 0 : packages.get(known)!);
    facts.note(
      `no physical_package_id: ${known === undefined ? "taken for package 0" : "taken from core_siblings_list"}`,
      id,
    );
  }
  return packages;
}

/** The first of the named lists that is there; newer kernels renamed them. */
function siblingsOf(facts: HostFacts, id: number, names: readonly string[]): CpuSet | null {
  for (const name of names) {
    const set = facts.cpuSet(`${cpuFolder(id)}/topology/${name}`);
    if (set !== null) return set;
  }
  return null;
}

function readCores(
  facts: HostFacts,
  ids: CpuSet,
  packages: ReadonlyMap<number, number>,
): Map<number, readonly number[]> {
  const online = new Set<number>(ids);
  return groupsBySmallest(ids, (id) => {
    const listed = siblingsOf(facts, id, ["thread_siblings_list", "core_cpus_list"]);
    if (listed !== null) return Math.min(id, ...listed.filter((other) => online.has(other)));
    const coreId = facts.number(`${cpuFolder(id)}/topology/core_id`);
    if (coreId !== null) return `core ${packages.get(id)!} ${coreId}`;
    facts.note("no thread_siblings_list and no core_id: taken for a core of its own", id);
    return id;
  });
}

function readMemory(facts: HostFacts, cells: readonly NumaCell[]): Topology["memory"] {
  const text = facts.text("/proc/meminfo") ?? "";
  const kib = /^MemTotal:\s*(\d{1,15}) kB/m.exec(text)?.[1];
  let total = kib === undefined ? 0 : Math.floor(Number(kib) / KIB_PER_MIB);
  if (kib === undefined) {
    total = cells.reduce((sum, cell) => sum + (cell.memoryMiB ?? 0), 0);
    const instead = total > 0 ? "the sum of the NUMA cells is used" : "counted as 0, so that no VM will be admitted";
    facts.note(`/proc/meminfo tells no MemTotal: ${instead}`);
  }
  return { totalMiB: mib(total), allowedMiB: mib(total) };
}

/** A container's cgroup (v2, then v1) may allow fewer pCPUs than the host has; pins outside it fail. */
function noteCgroupLimit(facts: HostFacts, online: CpuSet): void {
  const allowed =
    facts.cpuSet("/sys/fs/cgroup/cpuset.cpus.effective") ??
    facts.cpuSet("/sys/fs/cgroup/cpuset/cpuset.effective_cpus") ??
    facts.cpuSet("/sys/fs/cgroup/cpuset/cpuset.cpus");
  if (allowed === null || allowed.length === 0) return;
  const forbidden = subtractCpuSets(online, allowed);
  if (forbidden.length > 0) {
    facts.note(`the cgroup allows pCPUs ${formatCpuSet(allowed)} only; consider to exclude ${formatCpuSet(forbidden)}`);
  }
}

/**
 * Reads a host. pCPUs are ascending by id, which is the topology order. Throws `TopologyFormatError` when no pCPU can be
 * read, or when `exclude` names a pCPU that is not there or leaves none.
 */
export function readTopology(files: HostFiles, options: ReadOptions = {}): HostReading {
  const facts = new HostFacts(files);
  const ids = onlinePcpus(facts);
  const packages = readPackages(facts, ids);
  const cores = readCores(facts, ids, packages);
  const packageMembers = groupsBySmallest(ids, (id) => packages.get(id)!);
  const { cells, cellOf } = readCells(facts, ids);
  const caches = readCaches(facts, ids, (id) => cores.get(id)![0]!);
  const pcpus = ids.map((id): Pcpu => {
    const others = (group: readonly number[]): number[] => group.filter((other) => other !== id);
    return {
      id,
      packageId: packages.get(id)!,
      cellId: cellOf.get(id)!,
      smtSiblings: others(cores.get(id)!),
      packageSiblings: others(packageMembers.get(id)!),
      caches: caches.get(id)!,
      maxFrequencyKHz: facts.number(`${cpuFolder(id)}/cpufreq/cpuinfo_max_freq`),
    };
  });
  noteCgroupLimit(facts, ids);
  const whole: Topology = { pcpus, totalPcpus: ids.length, cells, memory: readMemory(facts, cells) };
  return { topology: excludePcpus(whole, options.exclude ?? []), warnings: facts.warnings() };
}
