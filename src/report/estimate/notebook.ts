/**
 * Misprediction and violation as the seed's notebook defines them (spec 5.4), so that its published table can be set beside:
 * node CPU, cumulated over windows, in cores. A prediction is what was said to be free a window ago, corrected by what was
 * booked since; where bookings fell, by how usage changed.
 */

/** One window; the p99 is of the window's own samples. */
export interface NotebookWindow {
  readonly capacity: number;
  readonly booked: number;
  readonly p99: number;
  readonly free: number;
}

export interface NotebookSums {
  readonly misprediction: number;
  readonly violation: number;
  readonly decreases: number;
}

/** The notebook's tables leave out the first window and stop here. */
export const NOTEBOOK_LAST = 29;

/** Sums over the windows 1 to `last`, both included. */
export function notebookSums(windows: readonly NotebookWindow[], last: number): NotebookSums {
  let [misprediction, violation, decreases] = [0, 0, 0];
  for (let t = 1; t < windows.length && t <= last; t++) {
    const [before, now] = [windows[t - 1]!, windows[t]!];
    const bookedSince = now.booked - before.booked;
    const correction = bookedSince >= 0 ? bookedSince : now.p99 - before.p99;
    const prediction = before.free - correction;
    const off = now.capacity - now.p99 - prediction;
    misprediction += Math.abs(off);
    if (off < 0) violation -= off;
    if (now.free < prediction) decreases += prediction - now.free;
  }
  return { misprediction, violation, decreases };
}
