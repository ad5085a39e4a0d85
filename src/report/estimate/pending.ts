/** What is kept of each window of the host until its VMs are known: a few numbers, in columns, since traces are long. */
import type { Signal } from "../../core/estimator/frame.js";

export interface Pending {
  readonly signal: Signal;
  /** Largest sample of the window; NaN where there is none. */
  readonly peak: number;
  /** 99th percentile of its samples. */
  readonly p99: number;
}

/** Of `Signal`, without what follows from a window's number. */
const NUMBERS = ["capacity", "level", "end", "peak", "samples", "missing"] as const;
const [DEVIATIONS, PEAK, P99, FLAGS] = [NUMBERS.length, NUMBERS.length + 1, NUMBERS.length + 2, NUMBERS.length + 3];
const COLUMNS = NUMBERS.length + 4;
const [STABLE, WARM] = [1, 2];

export class PendingWindows {
  readonly #rows: Float64Array;

  constructor(
    windows: number,
    private readonly slices: number,
  ) {
    this.#rows = new Float64Array(windows * COLUMNS);
  }

  set({ signal, peak, p99 }: Pending): void {
    const row = this.#row(signal.occurrence);
    for (const [i, name] of NUMBERS.entries()) row[i] = signal[name];
    row[DEVIATIONS] = signal.deviations ?? Number.NaN;
    row[PEAK] = peak;
    row[P99] = p99;
    row[FLAGS] = (signal.stable ? STABLE : 0) + (signal.warm ? WARM : 0);
  }

  at(occurrence: number): Pending {
    const row = this.#row(occurrence);
    const [capacity, level, end, peak, samples, missing] = row;
    const [deviations, flags] = [row[DEVIATIONS]!, row[FLAGS]!];
    const signal: Signal = {
      occurrence,
      slice: occurrence % this.slices,
      capacity: capacity!,
      level: level!,
      end: end!,
      peak: peak!,
      samples: samples!,
      missing: missing!,
      deviations: Number.isNaN(deviations) ? null : deviations,
      stable: (flags & STABLE) !== 0,
      warm: (flags & WARM) !== 0,
    };
    return { signal, peak: row[PEAK]!, p99: row[P99]! };
  }

  #row(occurrence: number): Float64Array {
    return this.#rows.subarray(occurrence * COLUMNS, (occurrence + 1) * COLUMNS);
  }
}
