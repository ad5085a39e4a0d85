/**
 * Runs the vCPUs of a fake host forward in time and adds up what each got and what it waited for. Lazy: nothing happens
 * between two observations; `advance` then walks the time between them in steps of a second, within which demand and
 * shares stand still. Steps lie on a fixed grid, so that what a guest has got does not depend on how often one looks.
 */
import type { CpuSet } from "../../core/cpuset.js";
import { type ShareStructure, shareFairly, shareStructure } from "./fair-share.js";
import type { CpuDemand } from "./usage-profile.js";

const STEP_MS = 1000;
/** Most fine steps of one advance; what lies behind them is walked in as many longer ones, so that an advance is bounded. */
const MOST_STEPS = 300;

const NS_PER_MS = 1e6;

/**
 * Nanoseconds by vCPU index, as doubles: exact to 2^53 ns (104 days on one vCPU), and then to a few ns; they never go back.
 */
export interface CpuCounters {
  readonly timeNs: Float64Array;
  readonly delayNs: Float64Array;
}

/** One vCPU of a running guest. */
export interface Runner {
  readonly guest: string;
  readonly vcpu: number;
  readonly pcpus: CpuSet;
  readonly demand: CpuDemand;
  readonly bootMs: number;
  readonly counters: CpuCounters;
}

/** Told what every running vCPU wanted and got of a pCPU, by its place in `runners`, for as long as that stood still. */
export type ShareObserver = (
  runners: readonly Runner[],
  wanted: Float64Array,
  granted: Float64Array,
  elapsedMs: number,
) => void;

export interface MeterOptions {
  /** Within which demand and shares stand still; default a second. */
  readonly stepMs?: number;
  readonly observe?: ShareObserver;
}

export class CpuMeter {
  #runners: readonly Runner[] = [];
  #structure: ShareStructure = [];
  #wanted = new Float64Array(0);
  #granted = new Float64Array(0);
  /** The grid step that `#wanted` and `#granted` hold for; NaN: none. */
  #stepStartMs = Number.NaN;
  #atMs: number;
  #busyNs: number;

  constructor(
    startMs: number,
    busyNs = 0,
    private readonly options: MeterOptions = {},
  ) {
    this.#atMs = startMs;
    this.#busyNs = busyNs;
  }

  /** Time up to which everything is counted, ms since the epoch. */
  get atMs(): number {
    return this.#atMs;
  }

  /** All vCPU time since the world began, ns. */
  get busyNs(): number {
    return this.#busyNs;
  }

  /** Who runs from now on; call after every start, stop, pin or change of demand. */
  run(runners: readonly Runner[]): void {
    this.#runners = runners;
    this.#structure = shareStructure(runners.map((runner) => runner.pcpus));
    this.#wanted = new Float64Array(runners.length);
    this.#granted = new Float64Array(runners.length);
    this.#stepStartMs = Number.NaN;
  }

  /** Counts up to `toMs`; a time in the past changes nothing. */
  advance(toMs: number): void {
    const { stepMs = STEP_MS } = this.options;
    const fineEndMs = Math.min(toMs, this.#atMs + MOST_STEPS * stepMs);
    this.#walk(fineEndMs, stepMs);
    const stepsLeft = Math.ceil((toMs - this.#atMs) / stepMs);
    if (stepsLeft > 0) this.#walk(toMs, stepMs * Math.ceil(stepsLeft / MOST_STEPS));
  }

  #walk(toMs: number, stepMs: number): void {
    while (this.#atMs < toMs) {
      const stepStartMs = Math.floor(this.#atMs / stepMs) * stepMs;
      const endMs = Math.min(toMs, stepStartMs + stepMs);
      if (stepStartMs !== this.#stepStartMs) this.#share(stepStartMs);
      this.#count(endMs - this.#atMs);
      this.#atMs = endMs;
    }
  }

  #share(stepStartMs: number): void {
    let changed = Number.isNaN(this.#stepStartMs);
    for (let i = 0; i < this.#runners.length; i++) {
      const { demand, vcpu, bootMs } = this.#runners[i]!;
      const wanted = demand(vcpu, Math.max(stepStartMs, bootMs), bootMs);
      if (wanted === this.#wanted[i]) continue;
      this.#wanted[i] = wanted;
      changed = true;
    }
    if (changed) shareFairly(this.#structure, this.#wanted, this.#granted);
    this.#stepStartMs = stepStartMs;
  }

  #count(elapsedMs: number): void {
    const elapsedNs = elapsedMs * NS_PER_MS;
    for (let i = 0; i < this.#runners.length; i++) {
      const { counters, vcpu } = this.#runners[i]!;
      const granted = this.#granted[i]!;
      counters.timeNs[vcpu]! += granted * elapsedNs;
      counters.delayNs[vcpu]! += Math.max(0, this.#wanted[i]! - granted) * elapsedNs;
      this.#busyNs += granted * elapsedNs;
    }
    this.options.observe?.(this.#runners, this.#wanted, this.#granted, elapsedMs);
  }
}
