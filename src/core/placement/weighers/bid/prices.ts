/**
 * What the rest of a host is worth, from the VMs that are wanted together: the duals of the configuration program price every kind
 * of VM, and a knapsack says the best that still fits (core/sizing). The VMs are those of a forecast at their highest load, or what was learnt
 * (learning/demand.ts). Takes as long as a linear program takes: never in the turn of a request.
 */
import { configurationBound } from "../../../sizing/configuration-lp.js";
import { demandAfter, type Grid, type Kinds, kindsOf } from "../../../sizing/kinds.js";
import { bestValues } from "../../../sizing/knapsack.js";
import type { SolveCovering } from "../../../sizing/linear-program.js";
import { columnsOf, type SizedHost, type SizedVm } from "../../../sizing/model.js";
import { highestFirst } from "../../../sizing/volume.js";
import { type Ratio, seconds } from "../../../units.js";
import type { Wanted } from "../../learning/demand.js";
import type { VmShape } from "../../model.js";

export interface Worth {
  readonly grid: Grid;
  /** In hosts, by what is free: `values[width * (grid.height + 1) + height]`. */
  readonly values: Float64Array;
}

const NEAR = 1e-9;

/** What so much room is worth by itself, of a host of which `pcpus` and `memory` are shares: 0 to 1. */
export function worthOfRoom({ grid, values }: Worth, pcpus: number, memory: number): number {
  const width = stepsOf(pcpus, grid.width);
  const height = stepsOf(memory, grid.height);
  return values[width * (grid.height + 1) + height]!;
}

const stepsOf = (share: number, most: number): number => Math.max(0, Math.min(most, Math.floor(share * most + NEAR)));

async function worthAt(kinds: Kinds, demand: readonly number[], solve: SolveCovering): Promise<Worth> {
  const { prices } = await configurationBound(kinds, demand, solve);
  return { grid: kinds.grid, values: bestValues(kinds.grid, kinds.kinds, prices) };
}

/** `vms`: those that are expected, with their times; at least one. */
export async function worthOf(vms: readonly SizedVm[], shape: SizedHost, solve: SolveCovering): Promise<Worth> {
  const columns = columnsOf(vms);
  const kinds = kindsOf(columns, shape);
  const { event } = highestFirst(columns, shape)[0]!;
  return worthAt(kinds, demandAfter(columns, kinds, event), solve);
}

/** Beyond them time is spent on shapes that hardly anybody has: those that take the most room in all count. */
const MOST_SHAPES = 64;
/**
 * What counts is the mix: it is priced as if so many hosts were full of it. The program ends where no whole host can be
 * saved any more: at a hundredth.
 */
const FULL_HOSTS = 100;

type Priced = Wanted & { readonly shape: VmShape & { readonly ratio: Ratio }; readonly volume: number };

function pricedOf(wanted: readonly Wanted[], { pcpus, memoryMiB }: SizedHost): readonly Priced[] {
  const priced = wanted.flatMap(({ shape, count }): Priced[] => {
    const { ratio } = shape;
    // Under a template of the host a VM carries no ratio: it has no place in the program.
    if (ratio === null || shape.vcpus > pcpus || shape.memoryMiB > memoryMiB) return [];
    const volume = count * Math.max(shape.vcpus / Math.max(1, ratio) / pcpus, shape.memoryMiB / memoryMiB);
    return [{ shape: { ...shape, ratio }, count, volume }];
  });
  return priced.toSorted((a, b) => b.volume - a.volume).slice(0, MOST_SHAPES);
}

/** Null: none of them can be priced. */
export async function worthOfWanted(
  wanted: readonly Wanted[],
  host: SizedHost,
  solve: SolveCovering,
): Promise<Worth | null> {
  const priced = pricedOf(wanted, host);
  const volume = priced.reduce((sum, one) => sum + one.volume, 0);
  if (!(volume > 0)) return null;
  const one = { arrival: seconds(0), departure: seconds(Number.POSITIVE_INFINITY) };
  const columns = columnsOf(priced.map(({ shape }, place) => ({ id: String(place), ...shape, ...one })));
  const kinds = kindsOf(columns, host);
  const demand = new Array<number>(kinds.kinds.length).fill(0);
  for (const [place, { count }] of priced.entries()) demand[kinds.kindOf[place]!]! += (count * FULL_HOSTS) / volume;
  return worthAt(kinds, demand, solve);
}
