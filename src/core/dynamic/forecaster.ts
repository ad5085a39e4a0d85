/**
 * What is expected of one pool, learnt from its windows by our own estimator (core/estimator/headroom). It learns what each
 * vCPU asked for: pools gain and lose VMs, and what they ask for each stays when they do. The first windows are only learnt from.
 */
import type { EstimatorSettings, HostUsage } from "../estimator/estimator.js";
import { createHeadroom } from "../estimator/headroom/headroom.js";
import { SliceHistory } from "../estimator/history.js";
import { maximumOf } from "../estimator/statistics.js";
import type { Milliseconds } from "../units.js";
import type { Forecast } from "./model.js";

/** Windows before a forecast is trusted: as many as an estimator of recorded hosts looks back on (docs/estimators.md). */
const WARM_WINDOWS = 4;
const DAY = 86_400_000;
/** Nobody's VMs are asked for: the estimator looks at the pool's usage alone. */
const NO_VMS = { booked: 1, peaks: 0, arithmetic: "decimal", fresh: 0, unseen: 0, count: 0 } as const;

function settingsOf(window: Milliseconds, history: number): EstimatorSettings {
  const perDay = DAY / window;
  return {
    resource: "cpu",
    history,
    slices: 1,
    dayWindows: Number.isInteger(perDay) ? perDay : null,
    faithful: false,
    percentile: 90,
    sigmas: 5,
    assessor: { isStable: () => true },
  };
}

/** A window that has not ended. Plain. */
export interface OpenWindow {
  readonly occurrence: number;
  readonly samples: readonly number[];
}

/** Plain, so that a process can go on where another one ended. */
export interface ForecasterState extends OpenWindow {
  readonly windows: number;
  readonly forecast: Forecast | null;
  readonly history: readonly (readonly number[])[];
  readonly estimator: unknown;
}

export class Forecaster {
  readonly #estimator;
  readonly #history: SliceHistory;
  readonly #window: Milliseconds;
  #occurrence = -1;
  #samples: number[] = [];
  #windows = 0;
  #forecast: Forecast | null = null;

  constructor(window: Milliseconds, history: number) {
    this.#estimator = createHeadroom(settingsOf(window, history));
    this.#history = new SliceHistory(history + 1);
    this.#window = window;
  }

  /** `at`: in milliseconds of a clock that never goes back. */
  observe(at: Milliseconds, demandPcpus: number, vcpus: number): void {
    const occurrence = Math.floor(at / this.#window);
    if (occurrence !== this.#occurrence) this.#close(occurrence);
    if (vcpus > 0) this.#samples.push(Math.min(1, demandPcpus / vcpus));
  }

  /** Null: too little was seen yet. */
  get forecast(): Forecast | null {
    return this.#windows < WARM_WINDOWS ? null : this.#forecast;
  }

  snapshot(): ForecasterState {
    return {
      occurrence: this.#occurrence,
      windows: this.#windows,
      samples: [...this.#samples],
      forecast: this.#forecast,
      history: this.#history.snapshot(),
      estimator: this.#estimator.snapshot(),
    };
  }

  /**
   * Goes on from a snapshot of a forecaster of the same settings. What was forecast of a window that has passed by `now` is of no use any more: the next
   * one to end gives a new one.
   */
  restore(state: ForecasterState, now: Milliseconds): void {
    const isPresent = Math.floor(now / this.#window) - state.occurrence <= 1;
    this.#occurrence = state.occurrence;
    this.#windows = state.windows;
    this.#samples = [...state.samples];
    this.#forecast = isPresent ? state.forecast : null;
    this.#history.restore(state.history);
    this.#estimator.restore(state.estimator);
  }

  /** What `observe` has taken of the window that has not ended: much smaller than a snapshot. */
  get open(): OpenWindow {
    return { occurrence: this.#occurrence, samples: this.#samples };
  }

  /** Takes up what was open after the snapshot that this one goes on from. */
  reopen({ occurrence, samples }: OpenWindow): void {
    if (occurrence !== this.#occurrence) this.#close(occurrence);
    this.#samples = [...samples];
  }

  /** When a window ends, the next one's peak is guessed. A window that began in its middle counts: it is only shorter. */
  #close(next: number): void {
    const ended = this.#occurrence;
    this.#occurrence = next;
    if (this.#samples.length === 0) return;
    const samples = Float64Array.from(this.#samples);
    this.#samples = [];
    this.#history.push(samples);
    this.#windows++;
    const facts = { occurrence: ended, slice: 0, capacity: 1, peak: maximumOf(samples) };
    const usage: HostUsage = { ...facts, samples, aggregated: samples, stable: true };
    const level = this.#estimator.update(usage, this.#history);
    const { need } = this.#estimator.predict({ ...facts, ...level }, NO_VMS);
    this.#forecast = { peak: Math.max(0, need), deviation: this.#history.moments().deviation };
  }
}
