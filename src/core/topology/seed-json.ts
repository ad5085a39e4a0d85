/**
 * The topology JSON of SlackVM and SweetSpotVM (spec 1.1): read as recorded files have it, written so that the seeds can
 * read it, byte for byte as they would have written it. Lost on the way: the cells' memory, package ids (packages are
 * told apart by `sib_cpu`), second caches of a level beyond L1.
 */
import { MAX_PCPU_ID } from "../cpuset.js";
import { mib } from "../units.js";
import { distanceTable } from "./distance.js";
import { JsonField } from "./json-field.js";
import type { CacheIndex, NumaCell, Pcpu, Topology } from "./model.js";

/** Linux: MAX_NUMNODES is at most 1024. */
const MAX_CELL_ID = 1023;
/** ACPI SLIT entries are bytes; 255 is "unreachable". */
const MAX_CELL_DISTANCE = 255;
const MAX_CACHE_INDEX = 15;

/** The file names caches by index only. Linux numbers L1d, L1i, L2, L3 as 0 to 3. */
const levelOfIndex = (index: number): number => Math.max(1, index);

function readCells(field: JsonField): NumaCell[] {
  const entries = field.numberedEntries();
  if (entries.length === 0) throw field.wrong("at least one NUMA cell");
  const ids = entries.map(([id]) => id);
  return entries.map(([id, row]) => {
    const values = row.wholes(0, MAX_CELL_DISTANCE);
    // sysfs lists the distances of online cells only, ascending by id: with sparse ids the place is not the id.
    if (values.length === ids.length)
      return { id, distances: new Map(ids.map((to, i) => [to, values[i]!])), memoryMiB: null };
    if (values.length > ids[ids.length - 1]!)
      return { id, distances: new Map(ids.map((to) => [to, values[to]!])), memoryMiB: null };
    throw row.wrong(`a distance for each of the ${ids.length} cells`);
  });
}

type PcpuWithoutPackage = Omit<Pcpu, "packageId">;

function readPcpu(field: JsonField): PcpuWithoutPackage {
  const id = field.get("cpu_id").whole(0, MAX_PCPU_ID);
  const siblings = (key: string): number[] =>
    [...new Set(field.get(key).wholes(0, MAX_PCPU_ID))].filter((other) => other !== id).sort((a, b) => a - b);
  const caches = field
    .get("cache_level")
    .numberedEntries()
    .map(([index, domain]): CacheIndex => {
      if (index > MAX_CACHE_INDEX) throw domain.wrong(`a cache index from 0 to ${MAX_CACHE_INDEX}`);
      return { index, level: levelOfIndex(index), domain: domain.whole(0, Number.MAX_SAFE_INTEGER) };
    });
  const frequency = field.get("max_freq");
  return {
    id,
    cellId: field.get("numa_node").whole(0, MAX_CELL_ID),
    smtSiblings: siblings("sib_smt"),
    packageSiblings: siblings("sib_cpu"),
    caches,
    maxFrequencyKHz: frequency.present ? frequency.number(0) : null,
  };
}

/** Packages in order of their smallest pCPU id, excluded ones counted. */
function withPackages(raw: readonly PcpuWithoutPackage[]): Pcpu[] {
  const first = (pcpu: PcpuWithoutPackage): number => Math.min(pcpu.id, pcpu.packageSiblings[0] ?? pcpu.id);
  const firsts = [...new Set(raw.map(first))].sort((a, b) => a - b);
  const packageIds = new Map(firsts.map((id, packageId) => [id, packageId]));
  return raw.map((pcpu) => ({ ...pcpu, packageId: packageIds.get(first(pcpu))! }));
}

/**
 * Reads the seeds' JSON. The file's own `distances` are not read: they may be stale, and are recomputed where needed.
 * Throws `TopologyFormatError` naming the field and what is allowed.
 */
export function parseSeedTopology(text: string): Topology {
  const document = JsonField.parse(text);
  const cpuset = document.get("cpuset");
  const cells = readCells(cpuset.get("numa_distances"));
  const cellIds = new Set(cells.map((cell) => cell.id));
  const list = cpuset.get("cpu_list");
  const fields = list.list();
  if (fields.length === 0) throw list.wrong("at least one pCPU");
  const seen = new Set<number>();
  const raw = fields.map((field) => {
    const pcpu = readPcpu(field);
    if (seen.has(pcpu.id)) throw field.get("cpu_id").wrong("each pCPU once");
    seen.add(pcpu.id);
    if (!cellIds.has(pcpu.cellId)) throw field.get("numa_node").wrong("a cell of numa_distances");
    return pcpu;
  });
  const count = cpuset.get("host_count");
  const memset = document.get("memset");
  return {
    pcpus: withPackages(raw),
    totalPcpus: count.present ? count.whole(raw.length, MAX_PCPU_ID + 1) : raw.length,
    cells,
    // Swapped on purpose: the seeds write and read these two the wrong way round, and what they admit against is the
    // file's `total`. A replay has to admit what the original admitted.
    memory: { allowedMiB: mib(memset.get("total").number(0)), totalMiB: mib(memset.get("allowed").number(0)) },
  };
}

/** JSON as Python's json.dumps spaces it. */
const member = (key: string | number, value: string): string => `"${key}": ${value}`;
const objectOf = (members: readonly string[]): string => `{${members.join(", ")}}`;
const listOf = (items: readonly (number | string)[]): string => `[${items.join(", ")}]`;

/**
 * Caches under the indexes that `levelOfIndex` reads back: where a pCPU lacks a cache that others have (hybrid hosts), the
 * kernel's own numbers would name another level.
 */
function formatCaches(caches: readonly CacheIndex[]): string {
  const members = new Map<number, string>();
  for (const { level, domain } of caches) {
    const index = level > 1 ? level : members.has(0) ? 1 : 0;
    if (!members.has(index)) members.set(index, member(index, `${domain}`));
  }
  return objectOf([...members.values()]);
}

function formatPcpu(pcpu: Pcpu): string {
  return objectOf([
    member("cpu_id", `${pcpu.id}`),
    member("numa_node", `${pcpu.cellId}`),
    member("sib_smt", listOf(pcpu.smtSiblings)),
    member("sib_cpu", listOf(pcpu.packageSiblings)),
    member("cache_level", formatCaches(pcpu.caches)),
    member("max_freq", `${pcpu.maxFrequencyKHz}`),
  ]);
}

/** Nearest first, equals in topology order: the order the seeds keep them in. */
function formatDistances(topology: Topology): string {
  const { pcpus } = topology;
  const table = distanceTable(topology);
  const n = pcpus.length;
  const rows = pcpus.map((pcpu, a) => {
    const others = pcpus
      .map((other, b) => ({ id: other.id, distance: table[a * n + b]! }))
      .filter((_, b) => b !== a)
      .sort((x, y) => x.distance - y.distance);
    return member(pcpu.id, objectOf(others.map(({ id, distance }) => member(id, `${distance}`))));
  });
  return objectOf(rows);
}

/** Writes the seeds' JSON, without a final newline, as they do. */
export function formatSeedTopology(topology: Topology): string {
  const cells = [...topology.cells].sort((a, b) => a.id - b.id);
  const numa = cells.map((cell) => member(cell.id, listOf(cells.map((to) => cell.distances.get(to.id) ?? 0))));
  const cpuset = objectOf([
    member("numa_distances", objectOf(numa)),
    member("cpu_list", listOf(topology.pcpus.map(formatPcpu))),
    member("distances", formatDistances(topology)),
    member("host_count", `${topology.totalPcpus}`),
  ]);
  // Swapped back, see parseSeedTopology.
  const { allowedMiB, totalMiB } = topology.memory;
  const memset = objectOf([member("total", `${allowedMiB}`), member("allowed", `${totalMiB}`)]);
  return objectOf([member("cpuset", cpuset), member("memset", memset)]);
}
