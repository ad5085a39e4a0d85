/**
 * The VMs of a workload as kinds of one need, on a grid of parts of a host: what bounds and prices are computed on. Needs are
 * rounded down to the grid, a host's capacity lies on it: nothing that fits a host does not fit the grid, so that a bound
 * computed there holds for hosts. Needs are linear, a vCPU at 2:1 is half a pCPU: less than a host may give it (hosts.ts), never more.
 */
import type { SizedHost, VmColumns } from "./model.js";

/** A kind of VM, in steps of the grid. */
export interface Kind {
  readonly width: number;
  readonly height: number;
}

/** A host: `width` parts of its pCPUs, `height` of its memory. */
export interface Grid {
  readonly width: number;
  readonly height: number;
}

export interface Kinds {
  readonly grid: Grid;
  readonly kinds: readonly Kind[];
  /** By VM. */
  readonly kindOf: Int32Array;
  /** Of a pCPU and of a MiB, in steps. */
  readonly stepsPerPcpu: number;
  readonly stepsPerMiB: number;
}

/** Finer grids cost more than they tell: every table is made by a step for each cell and kind. */
const [MOST_WIDTH, MOST_HEIGHT, MOST_CELLS] = [384, 512, 100_000];
/** Parts of a pCPU that are tried, so that a vCPU at every ratio is a whole number of them. */
const MOST_PARTS = 60;
const NEAR = 1e-9;

const isWhole = (value: number): boolean => Math.abs(value - Math.round(value)) < NEAR;

function partsFor(ratios: readonly number[]): number {
  for (let parts = 1; parts < MOST_PARTS; parts++)
    if (ratios.every((ratio) => isWhole(parts / Math.max(1, ratio)))) return parts;
  return MOST_PARTS;
}

function commonDivisor(values: Iterable<number>, whole: number): number {
  let divisor = whole;
  for (const value of values) {
    let [a, b] = [divisor, value];
    if (!Number.isInteger(value)) return 1;
    while (b > 0) [a, b] = [b, a % b];
    divisor = a;
  }
  return divisor;
}

export function gridFor(vms: VmColumns, { pcpus, memoryMiB }: SizedHost): Grid {
  const width = Math.min(pcpus * partsFor(vms.ratios), MOST_WIDTH);
  const height = memoryMiB / commonDivisor(new Set(vms.memoryMiB), memoryMiB);
  return { width, height: Math.min(height, MOST_HEIGHT, Math.floor(MOST_CELLS / width)) };
}

export function kindsOf(vms: VmColumns, shape: SizedHost): Kinds {
  const grid = gridFor(vms, shape);
  const stepsPerPcpu = grid.width / shape.pcpus;
  const stepsPerMiB = grid.height / shape.memoryMiB;
  const places = new Map<string, number>();
  const kinds: Kind[] = [];
  const kindOf = new Int32Array(vms.count);
  for (let vm = 0; vm < vms.count; vm++) {
    const pcpus = vms.vcpus[vm]! / Math.max(1, vms.ratios[vms.level[vm]!]!);
    const width = Math.floor(pcpus * stepsPerPcpu + NEAR);
    const height = Math.floor(vms.memoryMiB[vm]! * stepsPerMiB + NEAR);
    const name = `${width} ${height}`;
    const place = places.get(name) ?? kinds.length;
    if (place === kinds.length) {
      places.set(name, place);
      kinds.push({ width, height });
    }
    kindOf[vm] = place;
  }
  return { grid, kinds, kindOf, stepsPerPcpu, stepsPerMiB };
}

/** How many of each kind there are after that event. */
export function demandAfter(vms: VmColumns, { kinds, kindOf }: Kinds, event: number): number[] {
  const demand = new Array<number>(kinds.length).fill(0);
  for (let at = 0; at <= event; at++) {
    const each = vms.events[at]!;
    if (each >= 0) demand[kindOf[each]!]!++;
    else demand[kindOf[~each]!]!--;
  }
  return demand;
}
