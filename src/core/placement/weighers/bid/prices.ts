/**
 * What the rest of a host is worth, from a forecast of VMs: for the moment of their highest load the duals of the configuration program
 * price every kind of VM, and a knapsack says the best that still fits (core/sizing). Takes as long as a linear program takes: before
 * the first request, not for one.
 */
import { configurationBound } from "../../../sizing/configuration-lp.js";
import { demandAfter, type Grid, kindsOf } from "../../../sizing/kinds.js";
import { bestValues } from "../../../sizing/knapsack.js";
import type { SolveCovering } from "../../../sizing/linear-program.js";
import { columnsOf, type SizedHost, type SizedVm } from "../../../sizing/model.js";
import { highestFirst } from "../../../sizing/volume.js";

export interface Worth {
  readonly grid: Grid;
  /** In hosts, by what is free: `values[width * (grid.height + 1) + height]`. */
  readonly values: Float64Array;
}

/** `vms`: those that are expected, with their times; at least one. */
export async function worthOf(vms: readonly SizedVm[], shape: SizedHost, solve: SolveCovering): Promise<Worth> {
  const columns = columnsOf(vms);
  const kinds = kindsOf(columns, shape);
  const { event } = highestFirst(columns, shape)[0]!;
  const { prices } = await configurationBound(kinds, demandAfter(columns, kinds, event), solve);
  return { grid: kinds.grid, values: bestValues(kinds.grid, kinds.kinds, prices) };
}
