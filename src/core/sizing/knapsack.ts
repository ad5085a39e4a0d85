/**
 * What the rest of a host is worth, given a price for each kind of VM: the best value that still fits into so many pCPUs and so much
 * memory (a two-dimensional unbounded knapsack, by dynamic programming over the grid of kinds.ts).
 */

import type { Grid, Kind } from "./kinds.js";

/** Row by row: `values[width * (grid.height + 1) + height]`. */
export function bestValues(grid: Grid, kinds: readonly Kind[], prices: readonly number[]): Float64Array {
  const stride = grid.height + 1;
  const values = new Float64Array((grid.width + 1) * stride);
  for (let width = 0; width <= grid.width; width++) {
    for (let height = 0; height <= grid.height; height++) {
      let best = height > 0 ? values[width * stride + height - 1]! : 0;
      if (width > 0) best = Math.max(best, values[(width - 1) * stride + height]!);
      for (let each = 0; each < kinds.length; each++) {
        const kind = kinds[each]!;
        if (kind.width > width || kind.height > height) continue;
        const rest = values[(width - kind.width) * stride + height - kind.height]!;
        best = Math.max(best, rest + prices[each]!);
      }
      values[width * stride + height] = best;
    }
  }
  return values;
}

/** How many of each kind make up the best value of the whole grid. */
export function bestPacking(
  grid: Grid,
  kinds: readonly Kind[],
  prices: readonly number[],
  values: Float64Array,
): number[] {
  const stride = grid.height + 1;
  const counts = new Array<number>(kinds.length).fill(0);
  let { width, height } = grid;
  for (;;) {
    const value = values[width * stride + height]!;
    if (!(value > 0) || width < 0) return counts;
    const place = kinds.findIndex(
      (kind, each) =>
        kind.width <= width &&
        kind.height <= height &&
        prices[each]! > 0 &&
        kind.width + kind.height > 0 &&
        values[(width - kind.width) * stride + height - kind.height]! + prices[each]! === value,
    );
    if (place >= 0) {
      counts[place]!++;
      width -= kinds[place]!.width;
      height -= kinds[place]!.height;
    } else if (height > 0 && values[width * stride + height - 1] === value) height--;
    else width--;
  }
}
