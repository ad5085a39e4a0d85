/**
 * What a host is made of, as decisions see it: pCPUs in topology order with their core, caches, NUMA cell and package.
 * Read from sysfs, from the seeds' JSON or from a preset (spec 1.1). Positions (0, 1, 2 ... in topology order) index all
 * dense tables; ids are the kernel's. Leaves out what no decision uses (cache sizes, PCI locality).
 */
import type { MiB } from "../units.js";

/** A cache index of one pCPU, as sysfs numbers them (`cache/indexK`); `domain` is equal on pCPUs that share it. */
export interface CacheIndex {
  readonly index: number;
  readonly level: number;
  readonly domain: number;
}

export interface Pcpu {
  readonly id: number;
  readonly packageId: number;
  /** NUMA cell. */
  readonly cellId: number;
  /** The other hardware threads of its core, ascending; excluded ones are listed too. */
  readonly smtSiblings: readonly number[];
  /** The other pCPUs of its package, ascending; excluded ones are listed too. */
  readonly packageSiblings: readonly number[];
  /** Ascending by `index`. */
  readonly caches: readonly CacheIndex[];
  /** Absent on hosts without cpufreq. */
  readonly maxFrequencyKHz: number | null;
}

export interface NumaCell {
  readonly id: number;
  /** Distance to each cell, by cell id (ACPI SLIT: 10 is local). */
  readonly distances: ReadonlyMap<number, number>;
  /** Unknown for JSON topologies. */
  readonly memoryMiB: MiB | null;
}

export interface Topology {
  /** Usable pCPUs in topology order: offline and excluded ones are left out. */
  readonly pcpus: readonly Pcpu[];
  /** Every pCPU of the host, excluded ones too (`host_count` of the seeds). */
  readonly totalPcpus: number;
  readonly cells: readonly NumaCell[];
  readonly memory: {
    readonly totalMiB: MiB;
    /** What VMs may take in all. */
    readonly allowedMiB: MiB;
  };
}

/** A topology with the dense tables that placement needs; build it once per host with `indexTopology`. */
export interface TopologyIndex {
  readonly topology: Topology;
  /** pCPU ids in topology order. */
  readonly ids: readonly number[];
  readonly positionOf: ReadonlyMap<number, number>;
  /** Row-major n x n distances of spec 1.2 by position; the diagonal is 0 and means nothing. */
  readonly distance: Uint16Array;
  /** Dense number of the core, L3 group, NUMA cell and package of each position, each counted from 0 in topology order. */
  readonly coreOf: Uint16Array;
  readonly l3Of: Uint16Array;
  readonly cellOf: Uint16Array;
  readonly packageOf: Uint16Array;
  readonly coreCount: number;
  readonly l3Count: number;
  readonly cellCount: number;
  readonly packageCount: number;
}
