/**
 * What VMs of each allocation ratio missed: time that a vCPU wanted to run and did not get, as steal. Every VM counts alike in the
 * percentiles, for as long as its share stood still; means are over the time of all vCPUs. Percentiles are read off a histogram of
 * a thousand steps, rounded up.
 */
import type { ShareObserver } from "../drivers/fake/cpu-meter.js";

export interface Steal {
  /** Of the vCPUs' time, in percent. */
  readonly meanPercent: number;
  /** Over VMs and moments. */
  readonly p99Percent: number;
  readonly mostPercent: number;
  /** Of what was wanted, in percent. */
  readonly unmetPercent: number;
}

const BINS = 1_000;

/** Since it was cleared. */
class Tally {
  private readonly bins = new Float64Array(BINS + 1);
  private all = 0;
  private time = 0;
  private wanted = 0;
  private missed = 0;
  private most = 0;

  add(vcpus: number, wanted: number, missed: number, elapsedMs: number): void {
    const share = missed / vcpus;
    this.bins[Math.min(BINS, Math.ceil(share * BINS))]! += elapsedMs;
    this.all += elapsedMs;
    this.time += vcpus * elapsedMs;
    this.wanted += wanted * elapsedMs;
    this.missed += missed * elapsedMs;
    if (share > this.most) this.most = share;
  }

  read(): Steal | null {
    if (this.all === 0) return null;
    let [bin, below] = [0, this.bins[0]!];
    while (bin < BINS && below < 0.99 * this.all) below += this.bins[++bin]!;
    return {
      meanPercent: (100 * this.missed) / this.time,
      p99Percent: (100 * bin) / BINS,
      mostPercent: 100 * this.most,
      unmetPercent: this.wanted === 0 ? 0 : (100 * this.missed) / this.wanted,
    };
  }

  clear(): void {
    this.bins.fill(0);
    this.all = this.time = this.wanted = this.missed = this.most = 0;
  }
}

export class StealMeter {
  private readonly whole = new Map<number, Tally>();
  private readonly window = new Map<number, Tally>();
  private used = 0;

  /** `ratios`: that occur, in order. `ratioOf`: at which a VM was sold. */
  constructor(
    ratios: readonly number[],
    private readonly ratioOf: (vm: string) => number | undefined,
  ) {
    for (const ratio of ratios) {
      this.whole.set(ratio, new Tally());
      this.window.set(ratio, new Tally());
    }
  }

  /** vCPUs of one VM are neighbours among the runners. */
  readonly observe: ShareObserver = (runners, wanted, granted, elapsedMs) => {
    let at = 0;
    while (at < runners.length) {
      const { guest } = runners[at]!;
      let [want, got, vcpus] = [0, 0, 0];
      for (; at < runners.length && runners[at]!.guest === guest; at++) {
        want += wanted[at]!;
        got += granted[at]!;
        vcpus++;
      }
      this.used += got * elapsedMs;
      const ratio = this.ratioOf(guest);
      if (ratio === undefined) continue;
      const missed = Math.max(0, want - got);
      this.whole.get(ratio)?.add(vcpus, want, missed, elapsedMs);
      this.window.get(ratio)?.add(vcpus, want, missed, elapsedMs);
    }
  };

  /** By ratio, since the last call, and how much CPU was used, in pCPU milliseconds. */
  takeWindow(): { readonly steal: Readonly<Record<string, Steal | null>>; readonly usedMs: number } {
    const steal = read(this.window);
    for (const tally of this.window.values()) tally.clear();
    const usedMs = this.used;
    this.used = 0;
    return { steal, usedMs };
  }

  /** By ratio, of the whole run. */
  total(): Readonly<Record<string, Steal | null>> {
    return read(this.whole);
  }
}

const read = (tallies: ReadonlyMap<number, Tally>): Readonly<Record<string, Steal | null>> =>
  Object.fromEntries([...tallies].map(([ratio, tally]) => [String(ratio), tally.read()]));
