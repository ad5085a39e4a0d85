/**
 * The host's shape as the headroom policy walks it: L3 groups, and in each its cores, with only the pCPUs that pools may
 * have (the host's own are left out). Built once per policy; everything is by position (place in topology order).
 */
import type { TopologyIndex } from "../../topology/model.js";
import type { PolicySettings } from "../policy.js";

export interface L3Group {
  readonly cell: number;
  /** pCPUs that pools may have. */
  readonly size: number;
  /** Positions of each core's pCPUs that pools may have, ascending; cores with none are left out. */
  readonly cores: readonly (readonly number[])[];
}

export interface Geometry {
  readonly topology: TopologyIndex;
  readonly size: number;
  /** 1 where pools may have the pCPU at this position. */
  readonly usable: Uint8Array;
  readonly usableCount: number;
  /** By pCPU id; -1 where the host has no such pCPU or keeps it for itself. */
  readonly positionOf: Int32Array;
  /** Positions by ascending pCPU id. */
  readonly byId: Uint16Array;
  readonly groupOf: Uint16Array;
  /** By core of the topology: its pCPUs that pools may have. */
  readonly coreSize: Uint8Array;
  readonly groups: readonly L3Group[];
  /** Row-major distances between groups (spec 1.2, between their first pCPUs); 0 to itself. */
  readonly groupDistance: Uint16Array;
}

export function geometryOf(settings: PolicySettings): Geometry {
  const { topology, hostPcpus } = settings;
  const size = topology.ids.length;
  const reserved = new Set(hostPcpus);
  const usable = Uint8Array.from(topology.ids, (id) => (reserved.has(id) ? 0 : 1));
  const positionOf = new Int32Array(topology.ids.reduce((most, id) => Math.max(most, id), -1) + 1).fill(-1);
  topology.ids.forEach((id, position) => {
    if (usable[position]) positionOf[id] = position;
  });
  const coreSize = new Uint8Array(topology.coreCount);
  topology.coreOf.forEach((core, position) => {
    coreSize[core]! += usable[position]!;
  });
  return {
    topology,
    size,
    usable,
    usableCount: usable.reduce((sum, one) => sum + one, 0),
    positionOf,
    byId: Uint16Array.from(topology.ids.keys()).sort((a, b) => topology.ids[a]! - topology.ids[b]!),
    groupOf: topology.l3Of,
    coreSize,
    groups: groupsOf(topology, usable),
    groupDistance: groupDistances(topology),
  };
}

function groupsOf(topology: TopologyIndex, usable: Uint8Array): L3Group[] {
  const coresOf = Array.from({ length: topology.l3Count }, () => new Map<number, number[]>());
  const cellOf = new Array<number>(topology.l3Count).fill(0);
  for (let position = topology.ids.length - 1; position >= 0; position--) {
    const group = topology.l3Of[position]!;
    cellOf[group] = topology.cellOf[position]!;
  }
  for (let position = 0; position < topology.ids.length; position++) {
    if (!usable[position]) continue;
    const cores = coresOf[topology.l3Of[position]!]!;
    const core = cores.get(topology.coreOf[position]!);
    if (core === undefined) cores.set(topology.coreOf[position]!, [position]);
    else core.push(position);
  }
  return coresOf.map((byCore, group) => {
    const cores = [...byCore.values()];
    return { cell: cellOf[group]!, cores, size: cores.reduce((sum, core) => sum + core.length, 0) };
  });
}

function groupDistances(topology: TopologyIndex): Uint16Array {
  const first = new Array<number>(topology.l3Count).fill(-1);
  topology.l3Of.forEach((group, position) => {
    if (first[group] === -1) first[group] = position;
  });
  const table = new Uint16Array(topology.l3Count ** 2);
  for (let a = 0; a < first.length; a++)
    for (let b = 0; b < first.length; b++)
      if (a !== b) table[a * first.length + b] = topology.distance[first[a]! * topology.ids.length + first[b]!]!;
  return table;
}
