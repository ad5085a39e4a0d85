/**
 * The configuration bound: a host is filled in one of many ways (configurations); so many hosts, in fractions, are needed at
 * least that their configurations hold the VMs of one moment (Gilmore and Gomory, 1961). Solved by column generation: the solver prices the
 * kinds, a knapsack finds the configuration that is worth most, until none is worth more than a host costs. Ends early with
 * Farley's bound where the program is large. The prices are of use themselves (policies/bid.ts).
 */
import type { Grid, Kinds } from "./kinds.js";
import { bestPacking, bestValues } from "./knapsack.js";
import type { SolveCovering } from "./linear-program.js";

export interface ConfigurationBound {
  /** Hosts, a lower bound. */
  readonly hosts: number;
  /** Worth of one VM of each kind, in hosts. */
  readonly prices: readonly number[];
  /** Ways to fill a host that were tried, as counts by kind: to begin from at another moment. */
  readonly configurations: readonly (readonly number[])[];
}

/** A configuration worth that little more than a host improves nothing. */
const WORTH = 1e-6;
/** Of a bound that is a whole number but for the solver's rounding. */
const NEAR = 1e-5;
const MOST_ROUNDS = 200;

const wholeHosts = (hosts: number): number => Math.ceil(hosts - NEAR);

export async function configurationBound(
  { kinds, grid }: Kinds,
  demand: readonly number[],
  solve: SolveCovering,
  known: readonly (readonly number[])[] = [],
): Promise<ConfigurationBound> {
  const wanted = demand.flatMap((count, place) => (count > 0 ? [place] : []));
  if (wanted.length === 0) return { hosts: 0, prices: kinds.map(() => 0), configurations: known };
  const items = wanted.map((place) => kinds[place]!);
  const columns = items.map((_, row) => aloneColumn(row));
  for (const counts of known) columns.push(wanted.map((place) => counts[place]!));
  const program = { demand: wanted.map((place) => demand[place]!), columns };
  let [bound, prices]: [number, readonly number[]] = [0, []];
  for (let round = 0; round < MOST_ROUNDS; round++) {
    const solution = await solve(program);
    prices = solution.prices.map((price) => Math.max(0, price));
    const values = bestValues(grid, items, prices);
    const worth = values[values.length - 1]!;
    bound = Math.max(bound, solution.objective / Math.max(1, worth));
    // Nothing improves any more, or nothing that would change a whole number.
    if (worth <= 1 + WORTH || wholeHosts(bound) >= wholeHosts(solution.objective)) {
      prices = prices.map((price) => price / Math.max(1, worth));
      break;
    }
    program.columns.push(bestPacking(grid, items, prices, values));
  }
  const byKind = (row: readonly number[]): number[] => kinds.map((_, place) => row[wanted.indexOf(place)] ?? 0);
  return { hosts: wholeHosts(bound), prices: byKind(prices), configurations: columns.map(byKind) };

  function aloneColumn(row: number): number[] {
    return items.map((item, each) => (each === row ? mostOf(grid, item) : 0));
  }
}

/** How many of a kind one host holds; kinds that need nothing on the grid are held without end, one is enough to begin. */
function mostOf(grid: Grid, { width, height }: Grid): number {
  const most = Math.min(
    width > 0 ? Math.floor(grid.width / width) : Number.POSITIVE_INFINITY,
    height > 0 ? Math.floor(grid.height / height) : Number.POSITIVE_INFINITY,
  );
  return Number.isFinite(most) ? most : 1;
}
