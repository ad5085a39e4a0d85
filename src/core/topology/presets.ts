/**
 * Hosts that exist without their machine: two recorded models of the SlackVM family, and a builder for regular hosts of
 * any shape. pCPUs are numbered as Linux numbers them on x86: first one hardware thread of every core, package by
 * package, then the second threads in the same order. Leaves out what is irregular (hybrid cores, offline pCPUs): that is
 * for recorded hosts.
 */
import { type MiB, mib } from "../units.js";
import { LOCAL_CELL_DISTANCE } from "./distance.js";
import { TopologyFormatError } from "./format-error.js";
import type { NumaCell, Pcpu, Topology } from "./model.js";

export interface HostShape {
  readonly packages: number;
  readonly cellsPerPackage: number;
  readonly coresPerCell: number;
  readonly threadsPerCore: number;
  /** Cores that share an L3; must divide `coresPerCell`. */
  readonly coresPerL3: number;
  readonly memoryMiB: MiB;
  readonly maxFrequencyKHz?: number | null;
  /** NUMA distance of cells of different packages (32 on two-package EPYC, 21 on Xeon). */
  readonly remoteDistance?: number;
  /** NUMA distance of cells of one package (12 on EPYC with several cells per package). */
  readonly neighbourDistance?: number;
}

const COUNTS = ["packages", "cellsPerPackage", "coresPerCell", "threadsPerCore", "coresPerL3"] as const;
/** Largest host built: Linux's NR_CPUS today. */
const MAX_PCPUS = 8192;

function checkShape(shape: HostShape): void {
  for (const field of COUNTS) {
    const count = shape[field];
    if (!Number.isInteger(count) || count < 1)
      throw new TopologyFormatError(field, `${count}`, "a whole number from 1");
  }
  if (shape.coresPerCell % shape.coresPerL3 !== 0) {
    throw new TopologyFormatError(
      "coresPerL3",
      `${shape.coresPerL3}`,
      `a divisor of coresPerCell (${shape.coresPerCell})`,
    );
  }
  const pcpus = shape.packages * shape.cellsPerPackage * shape.coresPerCell * shape.threadsPerCore;
  if (pcpus > MAX_PCPUS) throw new TopologyFormatError("pCPUs in all", `${pcpus}`, `at most ${MAX_PCPUS}`);
  if (!Number.isFinite(shape.memoryMiB) || shape.memoryMiB < 1) {
    throw new TopologyFormatError("memoryMiB", `${shape.memoryMiB}`, "a number from 1");
  }
}

function buildCells(shape: HostShape): NumaCell[] {
  const count = shape.packages * shape.cellsPerPackage;
  const packageOf = (cell: number): number => Math.floor(cell / shape.cellsPerPackage);
  const distance = (from: number, to: number): number => {
    if (from === to) return LOCAL_CELL_DISTANCE;
    return packageOf(from) === packageOf(to) ? (shape.neighbourDistance ?? 12) : (shape.remoteDistance ?? 32);
  };
  const share = Math.floor(shape.memoryMiB / count);
  return Array.from({ length: count }, (_, id) => ({
    id,
    distances: new Map(Array.from({ length: count }, (_, to) => [to, distance(id, to)])),
    memoryMiB: mib(id === count - 1 ? shape.memoryMiB - share * (count - 1) : share),
  }));
}

/** A regular host of the given shape. Throws `TopologyFormatError` naming the count that is wrong. */
export function buildTopology(shape: HostShape): Topology {
  checkShape(shape);
  const coresPerPackage = shape.cellsPerPackage * shape.coresPerCell;
  const cores = shape.packages * coresPerPackage;
  const total = cores * shape.threadsPerCore;
  const everyPcpu = Array.from({ length: total }, (_, id) => id);
  const packageMembers = Array.from({ length: shape.packages }, (_, packageId) =>
    everyPcpu.filter((id) => Math.floor((id % cores) / coresPerPackage) === packageId),
  );
  const pcpus = everyPcpu.map((id): Pcpu => {
    const core = id % cores;
    const packageId = Math.floor(core / coresPerPackage);
    const threads = Array.from({ length: shape.threadsPerCore }, (_, thread) => core + thread * cores);
    return {
      id,
      packageId,
      cellId: Math.floor(core / shape.coresPerCell),
      smtSiblings: threads.filter((other) => other !== id),
      packageSiblings: packageMembers[packageId]!.filter((other) => other !== id),
      caches: [
        { index: 0, level: 1, domain: core },
        { index: 1, level: 1, domain: core },
        { index: 2, level: 2, domain: core },
        { index: 3, level: 3, domain: Math.floor(core / shape.coresPerL3) },
      ],
      maxFrequencyKHz: shape.maxFrequencyKHz ?? null,
    };
  });
  const memory = { totalMiB: shape.memoryMiB, allowedMiB: shape.memoryMiB };
  return { pcpus, totalPcpus: total, cells: buildCells(shape), memory };
}

/** What a user without such a machine replays on, by name. */
export const PRESETS: ReadonlyMap<string, { readonly description: string; readonly shape: HostShape }> = new Map([
  [
    "epyc-7662-2s",
    {
      description: "two AMD EPYC 7662: 2 packages x 64 cores x 2 threads, an L3 per 4 cores, 512 GiB",
      shape: {
        packages: 2,
        cellsPerPackage: 1,
        coresPerCell: 64,
        threadsPerCore: 2,
        coresPerL3: 4,
        memoryMiB: mib(512 * 1024),
        maxFrequencyKHz: 2_000_000,
        remoteDistance: 32,
      },
    },
  ],
  [
    "i7-1185g7",
    {
      description: "an Intel Core i7-1185G7: 4 cores x 2 threads, 32 GiB",
      shape: {
        packages: 1,
        cellsPerPackage: 1,
        coresPerCell: 4,
        threadsPerCore: 2,
        coresPerL3: 4,
        memoryMiB: mib(32 * 1024),
        maxFrequencyKHz: 4_800_000,
      },
    },
  ],
]);

/** The preset of that name; null when there is none (`PRESETS` lists them). */
export function presetTopology(name: string): Topology | null {
  const preset = PRESETS.get(name);
  return preset === undefined ? null : buildTopology(preset.shape);
}
