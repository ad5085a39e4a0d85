/**
 * The best assignment of a small arena, by trying all with bounds (Land and Doig's branch and bound). First the evenest one;
 * then, among those that are as even within `EVEN_PCPUS`, the one that moves least. In this order decide: VMs over themselves,
 * evenness, vCPUs away from their NUMA cell, vCPUs moved, vCPUs placed away from where they ran.
 */
import { deviationOf, type Field, NOWHERE, squaresFor } from "./board.js";
import { EVEN_PCPUS } from "./model.js";

/** Assignments to try at most: some milliseconds. */
const MOST_NODES = 60_000;
/** Arenas of more bits of choice are not begun. */
const MOST_BITS = 18;

const ROUNDING = 1e-9;
/** Weights of the second search's costs; vCPUs of an arena this small never add up to the next one. */
const EXIT = 1e4;
const CHANGE = 1e2;

export const isSmall = ({ vcpuCount, pcpuCount }: Pick<Field, "vcpuCount" | "pcpuCount">): boolean =>
  vcpuCount * Math.log2(Math.max(2, pcpuCount)) <= MOST_BITS;

/** pCPU of each vCPU; null when there were too many assignments to try. */
export function solveExactly(field: Field): Int32Array | null {
  const evenest = new Search(field, null);
  if (!evenest.run()) return null;
  const loads = evenest.loadsOf(evenest.best!);
  const total = loads.reduce((sum, load) => sum + load, 0);
  const enough = squaresFor(deviationOf(loads) + EVEN_PCPUS, total, field.pcpuCount);
  const fewest = new Search(field, { conflicts: evenest.bestConflicts, squares: enough, first: evenest.best! });
  return fewest.run() ? fewest.best : null;
}

interface Bounds {
  readonly conflicts: number;
  readonly squares: number;
  readonly first: Int32Array;
}

/** One search: for the evenest assignment, or within bounds for the cheapest. Lives for one call. */
class Search {
  best: Int32Array | null = null;
  bestConflicts = Number.POSITIVE_INFINITY;
  private bestSquares = Number.POSITIVE_INFINITY;
  private bestCost = Number.POSITIVE_INFINITY;
  private nodes = 0;
  private readonly order: number[];
  /** Demand of the vCPUs from each place of the order on. */
  private readonly rest: Float64Array;
  private readonly at: Int32Array;
  private readonly loads: Float64Array;
  /** vCPUs on each pCPU by VM, row by row. */
  private readonly together: Int32Array;
  private readonly heads: Int32Array;
  /** All vCPUs may use the same pCPUs: then two empty ones of equal load are one and the same choice. */
  private readonly uniform: boolean;

  constructor(
    private readonly field: Field,
    private readonly bounds: Bounds | null,
  ) {
    const { vcpuCount, pcpuCount, demands, vmSizes, background } = field;
    this.order = Array.from({ length: vcpuCount }, (_, index) => index);
    this.order.sort((a, b) => demands[b]! - demands[a]! || a - b);
    this.rest = new Float64Array(vcpuCount + 1);
    for (let i = vcpuCount - 1; i >= 0; i--) this.rest[i] = this.rest[i + 1]! + demands[this.order[i]!]!;
    this.at = new Int32Array(vcpuCount).fill(NOWHERE);
    this.loads = Float64Array.from(background);
    this.together = new Int32Array(vmSizes.length * pcpuCount);
    this.heads = new Int32Array(pcpuCount);
    this.uniform = field.borders.length === 1;
    if (bounds === null) return;
    this.best = bounds.first;
    this.bestConflicts = bounds.conflicts;
    this.bestCost = bounds.first.reduce((sum, to, index) => sum + this.costOf(index, to), 0);
    this.bestSquares = squaresOf(this.loadsOf(bounds.first));
  }

  /** False when it was given up. */
  run(): boolean {
    this.visit(0, 0, 0);
    return this.nodes <= MOST_NODES && this.best !== null;
  }

  loadsOf(at: Int32Array): Float64Array {
    const loads = Float64Array.from(this.field.background);
    for (let index = 0; index < at.length; index++) loads[at[index]!]! += this.field.demands[index]!;
    return loads;
  }

  private costOf(index: number, to: number): number {
    const { start, ranOn, homeCell, cells } = this.field;
    const home = homeCell[index]!;
    const exit = home !== NOWHERE && cells[to] !== home ? EXIT : 0;
    if (start[index] !== NOWHERE) return exit + (start[index] === to ? 0 : CHANGE);
    return exit + (ranOn[index] === to ? 0 : 1);
  }

  private visit(depth: number, conflicts: number, cost: number): void {
    if (++this.nodes > MOST_NODES || this.isHopeless(depth, conflicts, cost)) return;
    if (depth === this.order.length) {
      this.best = this.at.slice();
      this.bestConflicts = conflicts;
      this.bestSquares = squaresOf(this.loads);
      this.bestCost = cost;
      return;
    }
    const index = this.order[depth]!;
    const { field, loads, heads } = this;
    const row = field.vmOf[index]! * field.pcpuCount;
    for (const to of this.choices(index)) {
      const met = this.together[row + to]!;
      this.at[index] = to;
      loads[to]! += field.demands[index]!;
      this.together[row + to]!++;
      heads[to]!++;
      this.visit(depth + 1, conflicts + met, cost + this.costOf(index, to));
      heads[to]!--;
      this.together[row + to]!--;
      loads[to]! -= field.demands[index]!;
    }
    this.at[index] = NOWHERE;
  }

  /** No completion can beat the best one found. */
  private isHopeless(depth: number, conflicts: number, cost: number): boolean {
    if (conflicts > this.bestConflicts) return true;
    const squares = pour(this.loads, this.rest[depth]!);
    if (this.bounds === null) return conflicts === this.bestConflicts && squares >= this.bestSquares - ROUNDING;
    if (squares > this.bounds.squares + ROUNDING || cost > this.bestCost) return true;
    return cost === this.bestCost && squares >= this.bestSquares - ROUNDING;
  }

  /** The pCPUs of a vCPU, the most promising first: the least loaded, or the cheapest. */
  private choices(index: number): readonly number[] {
    const { field, loads, heads } = this;
    const places = [...field.allowed[index]!];
    if (this.bounds !== null)
      return places.sort((a, b) => this.costOf(index, a) - this.costOf(index, b) || loads[a]! - loads[b]!);
    places.sort((a, b) => loads[a]! - loads[b]! || a - b);
    if (!this.uniform) return places;
    return places.filter(
      (to, i) => heads[to]! > 0 || !places.slice(0, i).some((p) => heads[p] === 0 && loads[p] === loads[to]),
    );
  }
}

function squaresOf(loads: Float64Array): number {
  let sum = 0;
  for (const load of loads) sum += load * load;
  return sum;
}

/** The lowest sum of squares that `amount` more load could give, if it could be divided at will. */
function pour(loads: Float64Array, amount: number): number {
  const ascending = Float64Array.from(loads).sort();
  let sum = amount;
  let filled = 0;
  while (filled < ascending.length && (filled === 0 || ascending[filled]! < sum / filled)) sum += ascending[filled++]!;
  let squares = (sum * sum) / Math.max(1, filled);
  for (let i = filled; i < ascending.length; i++) squares += ascending[i]! ** 2;
  return squares;
}
