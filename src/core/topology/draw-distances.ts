/** Distances of a host for the terminal: between NUMA cells as firmware tells them, between pCPUs as placement counts. */
import type { TopologyIndex } from "./model.js";

/** Up to so many pCPUs the whole table is readable. */
const WHOLE_TABLE_PCPUS = 24;

function table(rows: readonly (readonly (string | number)[])[]): string {
  const width = Math.max(...rows.flat().map((entry) => String(entry).length));
  return rows.map((row) => row.map((entry) => String(entry).padStart(width)).join(" ")).join("\n");
}

function relation(index: TopologyIndex, a: number, b: number): string {
  if (index.coreOf[a] === index.coreOf[b]) return "threads of a core";
  if (index.l3Of[a] === index.l3Of[b]) return "cores of an L3 group";
  if (index.cellOf[a] === index.cellOf[b]) return "L3 groups of a cell";
  return index.packageOf[a] === index.packageOf[b] ? "cells of a package" : "packages";
}

interface DistanceClass {
  pairs: number;
  readonly relations: Set<string>;
  readonly example: string;
}

function classes(index: TopologyIndex): Map<number, DistanceClass> {
  const n = index.ids.length;
  const found = new Map<number, DistanceClass>();
  for (let a = 0; a < n; a++) {
    for (let b = a + 1; b < n; b++) {
      const distance = index.distance[a * n + b]!;
      const known = found.get(distance);
      const entry = known ?? { pairs: 0, relations: new Set(), example: `${index.ids[a]} and ${index.ids[b]}` };
      if (known === undefined) found.set(distance, entry);
      entry.pairs++;
      entry.relations.add(relation(index, a, b));
    }
  }
  return found;
}

function pcpuTable(index: TopologyIndex): string {
  const n = index.ids.length;
  const rows = index.ids.map((id, a) => [id, ...index.ids.map((_, b) => (a === b ? "-" : index.distance[a * n + b]!))]);
  return table([["", ...index.ids], ...rows]);
}

/** Text of several lines without a final newline. */
export function describeDistances(index: TopologyIndex): string {
  const { cells } = index.topology;
  const parts: string[] = [];
  if (cells.length > 1) {
    const rows = cells.map((cell) => [cell.id, ...cells.map((to) => cell.distances.get(to.id) ?? "-")]);
    parts.push(`Distances between NUMA cells:\n${table([["", ...cells.map((cell) => cell.id)], ...rows])}`);
  }
  const lines = [...classes(index)]
    .sort(([a], [b]) => a - b)
    .map(([distance, { pairs, relations, example }]) => {
      const between = [...relations].join(", ");
      return `${String(distance).padStart(5)}  ${String(pairs).padStart(6)} pairs  ${between} (${example})`;
    });
  if (lines.length > 0) parts.push(`Distances between pCPUs:\n${lines.join("\n")}`);
  if (lines.length > 0 && index.ids.length <= WHOLE_TABLE_PCPUS) parts.push(pcpuTable(index));
  return parts.length > 0 ? parts.join("\n\n") : "A single pCPU has no distances.";
}
