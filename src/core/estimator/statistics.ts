/**
 * Sums, means, deviations and percentiles as numpy takes them, to the last bit: the faithful strategies round what comes out,
 * and a bit can be a tenth of a core. Sums are pairwise (Higham, "The accuracy of floating point summation", 1993), in
 * numpy's blocks; percentiles interpolate linearly between closest ranks. None of them allocates.
 */

/** Sums up to this many values are not split further. */
const BLOCK = 128;
const LANES = 8;

/** Sum of `values[from]` to `values[to - 1]`. */
export function pairwiseSum(values: Float64Array, from = 0, to = values.length): number {
  const count = to - from;
  if (count < LANES) {
    let sum = 0;
    for (let i = from; i < to; i++) sum += values[i]!;
    return sum;
  }
  if (count <= BLOCK) return blockSum(values, from, to);
  let half = count >> 1;
  half -= half % LANES;
  return pairwiseSum(values, from, from + half) + pairwiseSum(values, from + half, to);
}

function blockSum(values: Float64Array, from: number, to: number): number {
  let a = values[from]!;
  let b = values[from + 1]!;
  let c = values[from + 2]!;
  let d = values[from + 3]!;
  let e = values[from + 4]!;
  let f = values[from + 5]!;
  let g = values[from + 6]!;
  let h = values[from + 7]!;
  let i = from + LANES;
  for (const last = to - ((to - from) % LANES); i < last; i += LANES) {
    a += values[i]!;
    b += values[i + 1]!;
    c += values[i + 2]!;
    d += values[i + 3]!;
    e += values[i + 4]!;
    f += values[i + 5]!;
    g += values[i + 6]!;
    h += values[i + 7]!;
  }
  let sum = a + b + (c + d) + (e + f + (g + h));
  for (; i < to; i++) sum += values[i]!;
  return sum;
}

/** NaN where there are no values. */
export const meanOf = (values: Float64Array): number => pairwiseSum(values) / values.length;

/** Holds squares while they are summed; grows to the largest window seen. */
let squares = new Float64Array(0);

/** Of the population. NaN where there are no values. */
export function deviationOf(values: Float64Array, mean = meanOf(values)): number {
  const count = values.length;
  if (squares.length < count) squares = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    const off = values[i]! - mean;
    squares[i] = off * off;
  }
  return Math.sqrt(pairwiseSum(squares, 0, count) / count);
}

/** NaN where there are no values. */
export function maximumOf(values: Float64Array): number {
  let most = values.length === 0 ? Number.NaN : values[0]!;
  for (let i = 1; i < values.length; i++) if (values[i]! > most) most = values[i]!;
  return most;
}

/** Sorted copy, in `spare` where it fits. Sorting typed arrays needs no comparison function. */
export function sorted(values: Float64Array, spare: Float64Array | null = null): Float64Array {
  if (spare?.length !== values.length) return sort(values.slice());
  spare.set(values);
  return sort(spare);
}

/**
 * In place. The bits of doubles that are not negative order as the doubles do, and are compared in two thirds of the time; a
 * negative one, or -0, stands last then.
 */
function sort(values: Float64Array): Float64Array {
  new BigUint64Array(values.buffer, values.byteOffset, values.length).sort();
  const last = values[values.length - 1];
  return last === undefined || 1 / last > 0 ? values : values.sort();
}

/** `percent` from 0 to 100. NaN where there are no values. */
export function percentileOf(ascending: Float64Array, percent: number): number {
  const count = ascending.length;
  if (count === 0) return Number.NaN;
  const rank = (count - 1) * (percent / 100);
  const low = Math.floor(rank);
  return between(ascending[low]!, ascending[Math.min(low + 1, count - 1)]!, rank - low);
}

/** From the nearer end, as numpy does. */
function between(below: number, above: number, share: number): number {
  const gap = above - below;
  return share >= 0.5 ? above - gap * (1 - share) : below + gap * share;
}

/**
 * Percentile of several ascending lists taken together, without merging them: the ranks are walked to from the nearer end,
 * which for the upper percentiles of a few windows is a fraction of one window's samples. `hidden`: how many values each list
 * lacks at its lower end; they count like the lowest that it has.
 */
export function percentileOfAll(
  lists: readonly Float64Array[],
  percent: number,
  hidden: readonly number[] = lists.map(() => 0),
): number {
  let count = 0;
  for (let i = 0; i < lists.length; i++) count += lists[i]!.length + hidden[i]!;
  if (count === 0) return Number.NaN;
  const rank = (count - 1) * (percent / 100);
  const low = Math.floor(rank);
  const [below, above] = low >= count / 2 ? ranksFromTop(lists, count, low, hidden) : ranksFromBottom(lists, low);
  return between(below, above, rank - low);
}

/** Values of the ranks `low` and `low + 1` (the last rank twice where there is no next). */
function ranksFromTop(
  lists: readonly Float64Array[],
  count: number,
  low: number,
  hidden: readonly number[],
): readonly [number, number] {
  const left = lists.map((list, i) => list.length + hidden[i]!);
  let above = Number.NaN;
  let value = Number.NaN;
  for (let rank = count - 1; rank >= low; rank--) {
    let best = -1;
    let most = 0;
    for (let i = 0; i < lists.length; i++) {
      if (left[i]! === 0) continue;
      const at = left[i]! - 1 - hidden[i]!;
      const largest = lists[i]![Math.max(0, at)]!;
      if (best >= 0 && largest <= most) continue;
      best = i;
      most = largest;
    }
    above = value;
    value = most;
    left[best]! -= 1;
  }
  return [value, low === count - 1 ? value : above];
}

function ranksFromBottom(lists: readonly Float64Array[], low: number): readonly [number, number] {
  const next = lists.map(() => 0);
  let value = Number.NaN;
  let below = Number.NaN;
  for (let rank = 0; rank <= low + 1; rank++) {
    let best = -1;
    for (let i = 0; i < lists.length; i++) {
      if (next[i]! === lists[i]!.length) continue;
      if (best === -1 || lists[i]![next[i]!]! < lists[best]![next[best]!]!) best = i;
    }
    below = value;
    if (best === -1) return [below, below];
    value = lists[best]![next[best]!]!;
    next[best] = next[best]! + 1;
  }
  return [below, value];
}

/**
 * Consecutive chunks of `size` averaged (or summed) as the seed does: the last chunk is dropped when it is not whole, unless
 * it is the only one.
 */
export function aggregated(values: Float64Array, size: number, how: "mean" | "sum" = "mean"): Float64Array {
  if (size <= 1 || values.length === 0) return values;
  const count = aggregatedCount(values.length, size);
  const chunks = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    const to = Math.min(values.length, (i + 1) * size);
    const sum = pairwiseSum(values, i * size, to);
    chunks[i] = how === "sum" ? sum : sum / (to - i * size);
  }
  return chunks;
}

/** How many chunks `aggregated` makes of `count` values. */
export function aggregatedCount(count: number, size: number): number {
  if (size <= 1 || count === 0) return count;
  return count > size ? Math.floor(count / size) : 1;
}

/** All lists one after the other. */
export function concatenated(lists: readonly Float64Array[]): Float64Array {
  let count = 0;
  for (const list of lists) count += list.length;
  const all = new Float64Array(count);
  let at = 0;
  for (const list of lists) {
    all.set(list, at);
    at += list.length;
  }
  return all;
}
