/**
 * The frame around every strategy: one per resource of one host. It keeps the history, asks the assessor, and is cautious for
 * all of them alike, so that no strategy has to be (Google's cluster-resource-forecast does the same): a host of too little
 * history needs what is booked, VMs of too little history count in full (vm-track.ts), and a window without samples is not
 * guessed at: its estimate is withheld, and whoever asks falls back on what is booked. The faithful form does none of that.
 */
import {
  type Estimator,
  type EstimatorSettings,
  type HostUsage,
  justLevel,
  type Prediction,
  type VmTotals,
  type WindowSignal,
} from "./estimator.js";
import { Histories } from "./history.js";
import type { Resource } from "./resource.js";
import { seedTiers, type Tiers } from "./seed-rounding.js";
import { aggregated, maximumOf } from "./statistics.js";

/** One resource of the host in one window, as it is told. */
export interface HostWindow {
  readonly occurrence: number;
  readonly slice: number;
  /** Null: not told; the last one holds on. */
  readonly capacity: number | null;
  /** In order of time, finite; copied where kept. */
  readonly samples: Float64Array;
  /** What the statistics of one window are taken of, where that is not `samples`. */
  readonly ownSamples: Float64Array | null;
  /** Samples that should have been there. */
  readonly missing: number;
}

export interface FrameSettings extends EstimatorSettings {
  /** Samples averaged in the statistics of one window; 1: none. */
  readonly aggregation: number;
  /** See above; never with `faithful`. */
  readonly caution: boolean;
}

/** What is known of a window once the host's samples are in. */
export interface Signal extends WindowSignal {
  readonly stable: boolean;
  /** The history is full. */
  readonly warm: boolean;
  /** Samples that the estimate rests on. */
  readonly samples: number;
  /** Share of this window's samples that did not come; 1 where none did. */
  readonly missing: number;
}

export interface Estimate {
  /** Cores or MB needed, up to the end of the horizon; null: withheld. */
  readonly need: number | null;
  readonly free: number;
  readonly stable: boolean;
  readonly deviations: number | null;
  /** Rounded as the seed does; faithful only. */
  readonly tiers: Tiers | null;
  readonly samples: number;
  readonly missing: number;
  /** Why `need` is not the strategy's own word; null: it is. */
  readonly instead: "no samples" | "warming up" | null;
}

/** Also what `snapshot` gives, as JSON. */
interface FrameState {
  readonly histories: ReturnType<Histories["snapshot"]>;
  readonly capacity: number;
  readonly estimator: unknown;
}

export class EstimatorFrame {
  readonly #histories: Histories;
  #capacity = 0;

  constructor(
    readonly resource: Resource,
    private readonly estimator: Estimator,
    private readonly settings: FrameSettings,
  ) {
    this.#histories = new Histories(settings.history + 1);
  }

  /** Costs the window's samples. In the order of windows. */
  update(window: HostWindow): Signal {
    const { occurrence, slice, samples } = window;
    this.#capacity = window.capacity ?? this.#capacity;
    const history = this.#histories.of(slice);
    const told = samples.length + window.missing;
    const missing = told === 0 ? 1 : window.missing / told;
    const facts = { occurrence, slice, capacity: this.#capacity, missing };
    if (samples.length === 0) {
      const nothing = { ...justLevel(Number.NaN), peak: Number.NaN, stable: false };
      return { ...facts, ...nothing, warm: history.isFull, samples: 0 };
    }
    const { assessor } = this.estimator;
    const stable = assessor === null || (history.isFull && assessor.isStable(history.all(), samples, this.#capacity));
    history.push(samples);
    const own = aggregated(window.ownSamples ?? samples, this.settings.aggregation);
    const usage: HostUsage = { ...facts, samples, aggregated: own, peak: maximumOf(own), stable };
    const level = this.estimator.update(usage, history);
    return { ...facts, ...level, peak: usage.peak, stable, warm: history.isFull, samples: history.count };
  }

  /** What the host needs, once its VMs are known. In the order of windows. */
  predict(signal: Signal, totals: VmTotals): Estimate {
    const { stable, deviations, samples, missing, capacity } = signal;
    const common = { stable, deviations, samples, missing };
    if (samples === 0) {
      const free = Math.max(0, capacity - totals.booked);
      return { ...common, need: null, free, tiers: null, instead: "no samples" };
    }
    const prediction = this.estimator.predict(signal, totals);
    if (this.settings.faithful) {
      const tiers = seedTiers(this.resource, prediction.need, capacity, prediction.arithmetic);
      return { ...common, need: prediction.need, free: tiers.tier2, tiers, instead: null };
    }
    const need = this.#cautious(prediction, signal, totals);
    const instead = this.settings.caution && !signal.warm ? "warming up" : null;
    return { ...common, need, free: Math.max(0, capacity - need), tiers: null, instead };
  }

  #cautious({ need }: Prediction, { warm, peak }: Signal, { booked, unseen }: VmTotals): number {
    if (!this.settings.caution) return need;
    // A host uses a little beyond its VMs; and where no VMs are told of, usage is all there is to go by.
    if (!warm) return Math.max(booked, peak);
    return this.estimator.restsOn === "usage" ? need + unseen : need;
  }

  snapshot(): FrameState {
    return {
      histories: this.#histories.snapshot(),
      capacity: this.#capacity,
      estimator: this.estimator.snapshot(),
    };
  }

  restore(state: FrameState): void {
    this.#histories.restore(state.histories);
    this.#capacity = state.capacity;
    this.estimator.restore(state.estimator);
  }
}
