/**
 * Which group of vCPUs goes to which pCPU, so that as many as possible stay where they are: an assignment problem, solved
 * exactly (the Hungarian method in its O(n^3) form: Kuhn 1955, Munkres 1957, potentials after Jonker and Volgenant). Groups
 * may change places where that changes no load: between pCPUs of one NUMA cell, of equal background, open to the same vCPUs.
 */
import { Board, type Field, NOWHERE } from "./board.js";

/** The same groups with as few moves as possible. */
export function relabel(field: Field, at: Int32Array): Int32Array {
  const result = at.slice();
  for (const pcpus of interchangeable(field)) {
    if (pcpus.length < 2) continue;
    const seat = new Map(pcpus.map((pcpu, i) => [pcpu, i]));
    const n = pcpus.length;
    const staying = new Float64Array(n * n);
    for (let index = 0; index < field.vcpuCount; index++) {
      const group = seat.get(at[index]!);
      const home = seat.get(field.start[index]!);
      if (group !== undefined && home !== undefined) staying[group * n + home]!--;
    }
    const target = cheapestAssignment(staying, n);
    for (let index = 0; index < field.vcpuCount; index++) {
      const group = seat.get(at[index]!);
      if (group !== undefined) result[index] = pcpus[target[group]!]!;
    }
  }
  return result;
}

function interchangeable(field: Field): readonly (readonly number[])[] {
  const open: number[][] = Array.from({ length: field.pcpuCount }, () => []);
  for (const [number, places] of field.borders.entries()) for (const pcpu of places) open[pcpu]!.push(number);
  const classes = new Map<string, number[]>();
  for (let pcpu = 0; pcpu < field.pcpuCount; pcpu++) {
    const key = `${field.cells[pcpu]} ${field.background[pcpu]} ${open[pcpu]!.join(",")}`;
    classes.set(key, [...(classes.get(key) ?? []), pcpu]);
  }
  return [...classes.values()];
}

/** Column of each row of an n x n cost matrix (row by row) with the lowest sum. */
export function cheapestAssignment(costs: Float64Array, n: number): Int32Array {
  const rowPotential = new Float64Array(n + 1);
  const columnPotential = new Float64Array(n + 1);
  /** Row of each column, from 1; 0: none. */
  const rowOf = new Int32Array(n + 1);
  const cameFrom = new Int32Array(n + 1);
  for (let row = 1; row <= n; row++) {
    const least = new Float64Array(n + 1).fill(Number.POSITIVE_INFINITY);
    const used = new Uint8Array(n + 1);
    let column = 0;
    rowOf[0] = row;
    do {
      used[column] = 1;
      const current = rowOf[column]!;
      let delta = Number.POSITIVE_INFINITY;
      let next = 0;
      for (let j = 1; j <= n; j++) {
        if (used[j] === 1) continue;
        const reduced = costs[(current - 1) * n + j - 1]! - rowPotential[current]! - columnPotential[j]!;
        if (reduced < least[j]!) {
          least[j] = reduced;
          cameFrom[j] = column;
        }
        if (least[j]! < delta) {
          delta = least[j]!;
          next = j;
        }
      }
      for (let j = 0; j <= n; j++) {
        if (used[j] === 1) {
          rowPotential[rowOf[j]!]! += delta;
          columnPotential[j]! -= delta;
        } else least[j]! -= delta;
      }
      column = next;
    } while (rowOf[column] !== 0);
    for (; column !== 0; column = cameFrom[column]!) rowOf[column] = rowOf[cameFrom[column]!]!;
  }
  const columnOf = new Int32Array(n);
  for (let j = 1; j <= n; j++) columnOf[rowOf[j]! - 1] = j - 1;
  return columnOf;
}

/** vCPUs that have a place and are elsewhere. */
export function changesOf(field: Field, at: Int32Array): number {
  let changes = 0;
  for (let index = 0; index < field.vcpuCount; index++)
    if (field.start[index] !== NOWHERE && field.start[index] !== at[index]) changes++;
  return changes;
}

/** A board with a given assignment. */
export function boardOf(field: Field, at: Int32Array): Board {
  const board = new Board(field);
  for (let index = 0; index < at.length; index++) board.put(index, at[index]!);
  return board;
}
