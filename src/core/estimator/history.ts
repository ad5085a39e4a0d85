/**
 * The last windows of the same slice of the day: what every strategy looks back on. Keeps each window's samples in order
 * of time and, when somebody asks, sorted; a new window costs its own samples, and pushes the oldest out.
 */
import { concatenated, deviationOf, meanOf, pairwiseSum, percentileOfAll, sorted } from "./statistics.js";

interface Kept {
  readonly samples: Float64Array;
  /** Null until asked for. */
  ascending: Float64Array | null;
  /** Memory for it, from a window that went. */
  readonly spare: Float64Array | null;
  readonly sum: number;
  /** Sum of squares about the window's own mean. */
  readonly squares: number;
}

export interface Moments {
  readonly mean: number;
  readonly deviation: number;
  readonly count: number;
}

/** The windows of one slice, oldest first. */
export class SliceHistory {
  readonly #kept: Kept[] = [];

  /** `limit`: windows kept. */
  constructor(private readonly limit: number) {}

  get length(): number {
    return this.#kept.length;
  }

  get isFull(): boolean {
    return this.#kept.length >= this.limit;
  }

  /** Samples kept in all. */
  get count(): number {
    let count = 0;
    for (const { samples } of this.#kept) count += samples.length;
    return count;
  }

  /** Copies the samples; into the memory of the window that goes, where they fit: traces are long. */
  push(told: Float64Array): void {
    const gone = this.isFull ? this.#kept.shift() : undefined;
    const samples = gone?.samples.length === told.length ? gone.samples : new Float64Array(told.length);
    samples.set(told);
    const sum = pairwiseSum(samples);
    const own = samples.length === 0 ? 0 : deviationOf(samples, sum / samples.length);
    this.#kept.push({
      samples,
      ascending: null,
      spare: gone?.ascending ?? gone?.spare ?? null,
      sum,
      squares: own * own * samples.length,
    });
  }

  /** All samples in order of time. */
  all(): Float64Array {
    return concatenated(this.windows());
  }

  windows(): readonly Float64Array[] {
    return this.#kept.map(({ samples }) => samples);
  }

  percentile(percent: number): number {
    const ascending = this.#kept.map((kept) => {
      kept.ascending ??= sorted(kept.samples, kept.spare);
      return kept.ascending;
    });
    return percentileOfAll(ascending, percent);
  }

  /** By merging the windows' own moments (Chan, Golub and LeVeque, 1979). */
  moments(): Moments {
    let [count, mean, squares] = [0, 0, 0];
    for (const kept of this.#kept) {
      const own = kept.samples.length;
      if (own === 0) continue;
      const gap = kept.sum / own - mean;
      const total = count + own;
      squares += kept.squares + gap * gap * ((count * own) / total);
      mean += gap * (own / total);
      count = total;
    }
    if (count === 0) return { mean: Number.NaN, deviation: Number.NaN, count };
    return { mean, deviation: Math.sqrt(squares / count), count };
  }

  /** To the last bit as one pass over all samples gives them. */
  exactMoments(): Moments {
    const all = this.all();
    const mean = meanOf(all);
    return { mean, deviation: deviationOf(all, mean), count: all.length };
  }

  /** Oldest first; for `restore`. */
  snapshot(): readonly (readonly number[])[] {
    return this.#kept.map(({ samples }) => [...samples]);
  }

  restore(windows: readonly (readonly number[])[]): void {
    this.#kept.length = 0;
    for (const samples of windows) this.push(Float64Array.from(samples));
  }
}

/** One history per slice of the day, made when its first window comes. */
export class Histories {
  readonly #slices = new Map<number, SliceHistory>();

  constructor(readonly limit: number) {}

  of(slice: number): SliceHistory {
    let history = this.#slices.get(slice);
    if (history === undefined) {
      history = new SliceHistory(this.limit);
      this.#slices.set(slice, history);
    }
    return history;
  }

  snapshot(): readonly (readonly [number, readonly (readonly number[])[]])[] {
    return [...this.#slices].map(([slice, history]) => [slice, history.snapshot()]);
  }

  restore(slices: readonly (readonly [number, readonly (readonly number[])[]])[]): void {
    this.#slices.clear();
    for (const [slice, windows] of slices) this.of(slice).restore(windows);
  }
}
