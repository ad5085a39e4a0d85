/**
 * NUMA cells from `/sys/devices/system/node`: which pCPUs, how far apart, how much memory. Ids may be sparse, cells may
 * have no pCPUs (memory of GPUs, CXL), and containers often show no cells at all.
 */
import { type MiB, mib } from "../units.js";
import { LOCAL_CELL_DISTANCE, REMOTE_CELL_DISTANCE } from "./distance.js";
import type { HostFacts } from "./host-facts.js";
import type { NumaCell } from "./model.js";

const NODES = "/sys/devices/system/node";
const nodeFolder = (id: number): string => `${NODES}/node${id}`;
const KIB_PER_MIB = 1024;

export interface CellReading {
  /** Ascending by id; at least one. */
  readonly cells: readonly NumaCell[];
  /** Cell id of each of the pCPUs asked for. */
  readonly cellOf: ReadonlyMap<number, number>;
}

function cellMemory(facts: HostFacts, id: number): MiB | null {
  const kib = /MemTotal:\s*(\d{1,15}) kB/.exec(facts.text(`${nodeFolder(id)}/meminfo`) ?? "")?.[1];
  return kib === undefined ? null : mib(Math.floor(Number(kib) / KIB_PER_MIB));
}

/** sysfs lists one distance per online cell, ascending by id. */
function cellDistances(facts: HostFacts, id: number, ids: readonly number[]): Map<number, number> {
  const path = `${nodeFolder(id)}/distance`;
  const text = facts.text(path);
  const values = (text ?? "").split(/\s+/).map(Number);
  const usable =
    values.length === ids.length && values.every((value) => Number.isInteger(value) && value > 0 && value <= 255);
  if (text !== null && usable) return new Map(ids.map((to, i) => [to, values[i]!]));
  if (text !== null) facts.malformed(path, text, `${ids.length} distances from 1 to 255`);
  else
    facts.note(
      `${path} is missing: ${LOCAL_CELL_DISTANCE} within the cell and ${REMOTE_CELL_DISTANCE} beyond are assumed`,
    );
  return new Map(ids.map((to) => [to, to === id ? LOCAL_CELL_DISTANCE : REMOTE_CELL_DISTANCE]));
}

/** Every cell of the host, and the cell of each of `pcpuIds`. */
export function readCells(facts: HostFacts, pcpuIds: readonly number[]): CellReading {
  const ids = facts.numbered(NODES, "node");
  if (ids.length === 0) {
    facts.note("no NUMA cells in sysfs: one cell is assumed");
    const only: NumaCell = { id: 0, distances: new Map([[0, LOCAL_CELL_DISTANCE]]), memoryMiB: null };
    return { cells: [only], cellOf: new Map(pcpuIds.map((id) => [id, 0])) };
  }
  const cellOf = new Map<number, number>();
  for (const cell of ids) {
    for (const pcpu of facts.cpuSet(`${nodeFolder(cell)}/cpulist`) ?? []) {
      if (cellOf.has(pcpu)) facts.note(`in several NUMA cells: the first is used`, pcpu);
      else cellOf.set(pcpu, cell);
    }
  }
  for (const pcpu of pcpuIds) {
    if (cellOf.has(pcpu)) continue;
    facts.note(`in no NUMA cell: taken for cell ${ids[0]}`, pcpu);
    cellOf.set(pcpu, ids[0]!);
  }
  const cells = ids.map((id) => ({ id, distances: cellDistances(facts, id, ids), memoryMiB: cellMemory(facts, id) }));
  return { cells, cellOf };
}
