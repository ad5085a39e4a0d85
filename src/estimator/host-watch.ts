/** One host as the online estimator has it: its estimator, the window that comes next, its last estimate; and all that as a text. */
import { assert } from "../core/assert.js";
import {
  HostEstimator,
  type HostEstimatorState,
  type OnlineWindow,
  type ResourceEstimate,
} from "../core/estimator/online/host-estimator.js";
import { jsonOf } from "../core/json.js";
import { milliseconds } from "../core/units.js";
import type { HostEstimate } from "../ports/estimates.js";
import type { WatchSettings } from "./settings.js";

const FORMAT = "headroom-estimator-state";
/** Of the state's form; another one is begun anew from the store's history. */
const VERSION = 2;
const MS_PER_SECOND = 1000;
/** The seeds' megabyte is 1000 KiB. */
const MIB_PER_MB = 1000 / 1024;
/** An estimate is forgiven for so much of a window that its successor does not come. */
const PATIENCE = 1 / 4;

interface Stored {
  readonly format: string;
  readonly version: number;
  readonly host: string;
  readonly shape: string;
  readonly next: number;
  /** Last window that had readings. */
  readonly heardIn: number;
  readonly estimate: HostEstimate | null;
  readonly state: HostEstimatorState;
}

/** Whatever a state depends on: under other settings it means something else. */
const shapeOf = ({ choice, history, slices, sliceScope }: WatchSettings): string =>
  JSON.stringify([choice, history, slices, sliceScope]);

function scaled(estimate: ResourceEstimate, factor: number): ResourceEstimate {
  const { capacity, booked, need, free, peak } = estimate;
  return {
    ...estimate,
    capacity: capacity * factor,
    booked: booked * factor,
    need: need === null ? null : need * factor,
    free: free * factor,
    peak: peak === null ? null : peak * factor,
  };
}

/** When an estimate of a window that ended at `at` is stale. */
const validUntil = (at: number, windowMs: number, delay: number): number =>
  at + windowMs + Math.max(2 * delay, PATIENCE * windowMs);

export class HostWatch {
  readonly #estimator: HostEstimator;
  #estimate: HostEstimate | null = null;
  #unsaved = 0;

  private constructor(
    readonly host: string,
    private readonly settings: WatchSettings,
    /** Number of the window that is to be looked at next. */
    private nextWindow: number,
    private lastHeard: number,
    private hasBegun: boolean,
  ) {
    this.#estimator = new HostEstimator(settings);
  }

  /** With the first window from `first` on that has readings. */
  static begin(host: string, settings: WatchSettings, first: number): HostWatch {
    return new HostWatch(host, settings, first, first, false);
  }

  /** What `text` of an earlier process gave; null where it is of other settings or another version, or is no state. */
  static resume(text: string, settings: WatchSettings): HostWatch | null {
    const stored = parsed(text);
    if (stored === null || stored.shape !== shapeOf(settings)) return null;
    const watch = new HostWatch(stored.host, settings, stored.next, stored.heardIn, true);
    try {
      watch.#estimator.restore(stored.state);
    } catch (error) {
      // A release that remembers other things: the store's history has them.
      if (error instanceof TypeError) return null;
      throw error;
    }
    watch.#estimate = stored.estimate;
    return watch;
  }

  get next(): number {
    return this.nextWindow;
  }

  get heardIn(): number {
    return this.lastHeard;
  }

  /** Of the last window; null: none yet. */
  get estimate(): HostEstimate | null {
    return this.#estimate;
  }

  /** Leaves windows out: they are too long ago to be caught up on. */
  skipTo(window: number): void {
    this.nextWindow = Math.max(this.nextWindow, window);
  }

  /** Windows that were taken in since `text` was asked for. */
  get unsaved(): number {
    return this.#unsaved;
  }

  /** False: nothing was known of the host yet, and the window says nothing of it either. */
  take(window: OnlineWindow): boolean {
    assert(window.number === this.nextWindow, `window ${window.number} of ${this.host} is taken after its predecessor`);
    this.nextWindow += 1;
    const isHeard = window.host.times.length > 0 || window.vms.size > 0;
    if (isHeard) this.lastHeard = window.number;
    this.hasBegun ||= isHeard;
    if (!this.hasBegun) return false;
    this.#unsaved += 1;
    const { cpu, memory } = this.#estimator.update(window);
    const windowMs = this.settings.sliceScope * MS_PER_SECOND;
    const at = this.nextWindow * windowMs;
    this.#estimate = {
      host: this.host,
      at: milliseconds(at),
      horizonSeconds: this.settings.sliceScope,
      validUntil: milliseconds(validUntil(at, windowMs, this.settings.delay)),
      strategy: this.settings.choice.strategy,
      vms: window.vms.size,
      cpu: scaled(cpu, 1),
      memory: scaled(memory, MIB_PER_MB),
    };
    return true;
  }

  text(): string {
    this.#unsaved = 0;
    const stored: Stored = {
      format: FORMAT,
      version: VERSION,
      host: this.host,
      shape: shapeOf(this.settings),
      next: this.nextWindow,
      heardIn: this.lastHeard,
      estimate: this.#estimate,
      state: this.#estimator.snapshot(),
    };
    return `${JSON.stringify(stored)}\n`;
  }
}

/** Null: no state of ours. Only we write it, whole. */
function parsed(text: string): Stored | null {
  const stored = jsonOf(text) as Partial<Stored> | null | undefined;
  if (stored?.format !== FORMAT || stored.version !== VERSION || stored.state === undefined) return null;
  return stored as Stored;
}
