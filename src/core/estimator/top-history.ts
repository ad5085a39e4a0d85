/**
 * The largest samples of the last windows of the same slice of the day: what an upper percentile of all of them rests on. There are
 * hundreds of thousands of VMs, and of each window a few per cent of the samples can ever matter: the percentile of a few windows
 * is walked to from above. Exact while no kept window is so much longer than another (`SPARE`) that more of the shorter one
 * would have to be known; what is not known then counts as the smallest that is, so that a peak is never guessed too low.
 */
import { percentileOfAll, sorted } from "./statistics.js";

/** Windows may differ in length by this factor. */
const SPARE = 2;
/** Below the middle the percentile is walked to from below, and all samples are needed. */
const LEAST_PERCENT = 50;
/** With more to keep than this, sorting all samples is quicker than putting each large one in its place. */
const MOST_PLACED = 64;

/** A window's largest samples, ascending, and how many it had. */
interface Kept {
  readonly top: Float64Array;
  readonly count: number;
}

/** The `most` largest values, ascending; in `spare` where they fit. */
export function largestOf(values: Float64Array, most: number, spare: Float64Array | null = null): Float64Array {
  if (most > MOST_PLACED && most < values.length) return sorted(values).slice(values.length - most);
  if (most > MOST_PLACED) return sorted(values, spare);
  const count = Math.min(most, values.length);
  const top = spare?.length === count ? spare : new Float64Array(count);
  let held = 0;
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (held < count) {
      let at = held++;
      for (; at > 0 && top[at - 1]! > value; at--) top[at] = top[at - 1]!;
      top[at] = value;
    } else if (value > top[0]!) {
      let at = 1;
      for (; at < count && top[at]! < value; at++) top[at - 1] = top[at]!;
      top[at - 1] = value;
    }
  }
  return top;
}

export class TopHistory {
  readonly #kept: Kept[] = [];

  /** `limit`: windows kept; `percent`: of which `percentile` is asked, 0 to 100. */
  constructor(
    private readonly limit: number,
    private readonly percent: number,
  ) {}

  get isFull(): boolean {
    return this.#kept.length >= this.limit;
  }

  /** Samples that the windows had in all. */
  get count(): number {
    return this.#kept.reduce((sum, { count }) => sum + count, 0);
  }

  push(samples: Float64Array): void {
    const gone = this.isFull ? this.#kept.shift() : undefined;
    const top = largestOf(samples, this.#needed(samples.length), gone?.top);
    this.#kept.push({ top, count: samples.length });
  }

  #needed(count: number): number {
    if (this.percent < LEAST_PERCENT) return count;
    const above = SPARE * this.limit * count * (1 - this.percent / 100);
    // Interpolation looks at the next rank, too.
    return Math.min(count, 2 + Math.ceil(above));
  }

  /** Of all windows together, with linear interpolation; NaN without samples. */
  percentile(): number {
    const tops = this.#kept.map(({ top }) => top);
    const hidden = this.#kept.map(({ top, count }) => count - top.length);
    return percentileOfAll(tops, this.percent, hidden);
  }

  /** Oldest first; for `restore`. */
  snapshot(): readonly (readonly [count: number, top: readonly number[]])[] {
    return this.#kept.map(({ top, count }) => [count, [...top]]);
  }

  restore(windows: readonly (readonly [count: number, top: readonly number[]])[]): void {
    this.#kept.length = 0;
    for (const [count, top] of windows) this.#kept.push({ top: Float64Array.from(top), count });
  }
}
