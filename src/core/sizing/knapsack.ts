/**
 * What the rest of a host is worth, given a price for each kind of VM: the best value that still fits into so many pCPUs and so much
 * memory (a two-dimensional unbounded knapsack, by dynamic programming over the grid of kinds.ts).
 */

import type { Grid, Kind } from "./kinds.js";

/** Row by row: `values[width * (grid.height + 1) + height]`. */
export function bestValues(grid: Grid, kinds: readonly Kind[], prices: readonly number[]): Float64Array {
  const stride = grid.height + 1;
  const values = new Float64Array((grid.width + 1) * stride);
  // What has no price adds nothing: a smaller part of a host is never worth more than a larger one.
  const priced = kinds.flatMap((kind, each) => (prices[each]! > 0 ? [{ ...kind, price: prices[each]! }] : []));
  const flat = priced.filter((kind) => kind.width === 0);
  for (let width = 0; width <= grid.width; width++) {
    const row = width * stride;
    if (width > 0) values.copyWithin(row, row - stride, row);
    // All they leave is in rows before: kind by kind, which is quick.
    for (const kind of priced)
      if (kind.width > 0 && kind.width <= width) sell(values, row, row - kind.width * stride, stride, kind);
    for (let height = 0; height <= grid.height; height++) {
      let best = Math.max(values[row + height]!, height > 0 ? values[row + height - 1]! : 0);
      for (const kind of flat)
        if (kind.height <= height) best = Math.max(best, restBelow(row, height, kind.height) + kind.price);
      values[row + height] = best;
    }
  }
  return values;

  /** What needs nothing at all on the grid is sold once, and then nothing else. */
  function restBelow(row: number, height: number, high: number): number {
    return high === 0 ? 0 : values[row + height - high]!;
  }
}

/** One more of the kind, wherever that is worth more than what is known; the rest of the host is in the row that begins at `before`. */
function sell(
  values: Float64Array,
  row: number,
  before: number,
  stride: number,
  { height: high, price }: Kind & { readonly price: number },
): void {
  for (let height = high; height < stride; height++) {
    const value = values[before + height - high]! + price;
    if (value > values[row + height]!) values[row + height] = value;
  }
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
