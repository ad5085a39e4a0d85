/**
 * The NUMA cell in which each vCPU should stay: that of its memory; a VM whose memory may be anywhere is given the cell with
 * most room, as a whole, so that its vCPUs share one. A VM that is too large for a cell is not held to any.
 */
import { type Field, NOWHERE } from "./board.js";

/** Borders that hold each vCPU in its cell; null where the host has only one. */
export function homesOf(field: Field): readonly Int32Array[] | null {
  if (new Set(field.cells).size < 2) return null;
  const cellOf = chooseCells(field);
  const known = new Map<Int32Array, Map<number, Int32Array>>();
  const within = (places: Int32Array, cell: number): Int32Array => {
    const byCell = known.get(places) ?? new Map<number, Int32Array>();
    known.set(places, byCell);
    const made = byCell.get(cell) ?? places.filter((pcpu) => field.cells[pcpu] === cell);
    byCell.set(cell, made);
    return made;
  };
  const together = new Map<string, number>();
  const key = (index: number): string => `${field.vmOf[index]} ${cellOf[index]}`;
  for (let index = 0; index < field.vcpuCount; index++) together.set(key(index), (together.get(key(index)) ?? 0) + 1);
  return field.allowed.map((places, index) => {
    if (cellOf[index] === NOWHERE) return places;
    const home = within(places, cellOf[index]!);
    return home.length >= together.get(key(index))! ? home : places;
  });
}

function chooseCells(field: Field): Int32Array {
  const cellOf = field.homeCell.slice();
  const size = new Map<number, number>();
  const load = new Map<number, number>();
  for (let pcpu = 0; pcpu < field.pcpuCount; pcpu++) {
    const cell = field.cells[pcpu]!;
    size.set(cell, (size.get(cell) ?? 0) + 1);
    load.set(cell, (load.get(cell) ?? 0) + field.background[pcpu]!);
  }
  const homeless = new Map<number, number[]>();
  for (let index = 0; index < field.vcpuCount; index++) {
    const cell = cellOf[index]!;
    if (cell !== NOWHERE) load.set(cell, (load.get(cell) ?? 0) + field.demands[index]!);
    else homeless.set(field.vmOf[index]!, [...(homeless.get(field.vmOf[index]!) ?? []), index]);
  }
  const demandOf = (members: readonly number[]): number => members.reduce((sum, i) => sum + field.demands[i]!, 0);
  const vms = [...homeless.values()].map((members) => ({ members, demand: demandOf(members) }));
  vms.sort((a, b) => b.demand - a.demand || a.members[0]! - b.members[0]!);
  for (const { members, demand } of vms) {
    const cell = siblingsCell(field, members[0]!) ?? roomiest(size, load, members.length, demand);
    if (cell === null) continue;
    load.set(cell, load.get(cell)! + demand);
    for (const index of members) cellOf[index] = cell;
  }
  return cellOf;
}

/** Where the first of the VM's other vCPUs is at home. */
function siblingsCell(field: Field, index: number): number | null {
  if (field.vmSizes[field.vmOf[index]!] === 1) return null;
  for (let other = 0; other < field.vcpuCount; other++)
    if (field.vmOf[other] === field.vmOf[index] && field.homeCell[other] !== NOWHERE) return field.homeCell[other]!;
  return null;
}

function roomiest(
  size: ReadonlyMap<number, number>,
  load: ReadonlyMap<number, number>,
  vcpus: number,
  demand: number,
): number | null {
  let best: number | null = null;
  let bestLoad = Number.POSITIVE_INFINITY;
  for (const [cell, pcpus] of size) {
    const each = (load.get(cell)! + demand) / pcpus;
    if (pcpus < vcpus || each >= bestLoad) continue;
    best = cell;
    bestLoad = each;
  }
  return best;
}
