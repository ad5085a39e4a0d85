/**
 * The plain estimate of a VM's memory: the most that it held within the last day, and a margin. Known once the VM was seen for long
 * enough; lost with the process, after which every VM counts with all that it was sold until it is known again.
 */
import { type MiB, type Milliseconds, mib } from "../../core/units.js";

/** A day holds what comes back daily. */
const WINDOW_MS = 86_400_000;
/** Peaks are kept for each of these: 144 numbers a VM. */
const BUCKET_MS = 600_000;

export interface ObservedMemory {
  readonly uuid: string;
  readonly soldMiB: MiB;
  /** What it holds and cannot give up without swapping; null: not known. */
  readonly heldMiB: MiB | null;
}

interface Seen {
  readonly since: Milliseconds;
  soldMiB: number;
  /** By number of the bucket. */
  readonly peaks: Map<number, number>;
}

export class MeasuredPeaks {
  readonly #seen = new Map<string, Seen>();
  #now = 0;

  constructor(
    /** Part of the peak that is added to it. */
    private readonly margin: number,
    private readonly leastHistory: Milliseconds,
  ) {}

  /** Every VM that holds room on the host, once each tick. `at` is monotonic. */
  observe(at: Milliseconds, vms: readonly ObservedMemory[]): void {
    this.#now = at;
    const bucket = Math.floor(at / BUCKET_MS);
    const present = new Set(vms.map(({ uuid }) => uuid));
    for (const uuid of this.#seen.keys()) if (!present.has(uuid)) this.#seen.delete(uuid);
    for (const { uuid, soldMiB, heldMiB } of vms) {
      if (heldMiB === null) {
        // Not known now is not known: its history begins anew.
        this.#seen.delete(uuid);
        continue;
      }
      const seen = this.#seen.get(uuid) ?? { since: at, soldMiB, peaks: new Map<number, number>() };
      this.#seen.set(uuid, seen);
      seen.soldMiB = soldMiB;
      seen.peaks.set(bucket, Math.max(seen.peaks.get(bucket) ?? 0, heldMiB));
      for (const old of seen.peaks.keys()) if (old * BUCKET_MS < at - WINDOW_MS) seen.peaks.delete(old);
    }
  }

  /** The most that the VM is expected to hold; null: too little is known of it, and it counts with all that it was sold. */
  peakMiB(uuid: string): MiB | null {
    const seen = this.#seen.get(uuid);
    if (seen === undefined || this.#now - seen.since < this.leastHistory) return null;
    const peak = Math.max(...seen.peaks.values());
    return mib(Math.min(seen.soldMiB, Math.ceil(peak * (1 + this.margin))));
  }
}
