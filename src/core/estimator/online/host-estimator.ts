/**
 * One host, estimated online: the frames of both resources and the tracks of its VMs, fed a window at a time, as readings come
 * from a store rather than from a trace. What it decides beside them: which VMs are there (those with readings), how many
 * readings should have been there, and when too few came for the estimate to be told. Pure; its state survives as JSON.
 */
import type { VmTotals } from "../estimator.js";
import type { Estimate, EstimatorFrame } from "../frame.js";
import { type Calendar, makeFrame, makeTrack, type StrategyChoice } from "../make.js";
import { type PerResource, perResource, RESOURCES, type Resource } from "../resource.js";
import { maximumOf } from "../statistics.js";
import type { ObservedVmTrack } from "../vm-track.js";
import type { VmPart, VmWindow } from "../vm-window.js";
import { expectedReadings, type HostReadings } from "./readings.js";

export interface OnlineSettings extends Calendar {
  readonly choice: StrategyChoice;
  /** Share of a window's readings that may be missing before the estimate is withheld. */
  readonly mostMissing: number;
}

/** Amounts are in the unit of the readings: pCPUs, MB; in MiB once they leave the estimator (host-watch.ts). */
export interface ResourceEstimate {
  readonly capacity: number;
  /** Sizes of the VMs that were there. */
  readonly booked: number;
  /** Needed until the end of the next window; null: withheld, and whoever asks falls back on what is booked. */
  readonly need: number | null;
  /** Capacity less the need; less what is booked where that is withheld. Never below 0. */
  readonly free: number;
  /** Largest reading of the window; null: there is none. */
  readonly peak: number | null;
  readonly stable: boolean;
  /** Readings that the estimate rests on. */
  readonly samples: number;
  /** Share of the window's readings that did not come. */
  readonly missing: number;
  /** Why `need` is not the strategy's own word; null: it is. */
  readonly instead: Estimate["instead"] | "too few samples";
}

export interface OnlineWindow {
  /** Counted from the epoch. */
  readonly number: number;
  readonly host: HostReadings;
  /** Those that have readings. */
  readonly vms: ReadonlyMap<string, VmWindow>;
}

interface TrackedVm {
  readonly track: ObservedVmTrack;
  /** Last window in which it was there. */
  seenIn: number;
}

/** Plain, for snapshots. */
interface HostState {
  readonly frames: PerResource<ReturnType<EstimatorFrame["snapshot"]>>;
  readonly vms: readonly (readonly [name: string, seenIn: number, track: ReturnType<ObservedVmTrack["snapshot"]>])[];
  readonly interval: number | null;
  readonly first: number | null;
}

type Sums = { -readonly [Key in keyof VmTotals]: VmTotals[Key] };

const noSums = (): Sums => ({ booked: 0, peaks: 0, arithmetic: "decimal", fresh: 0, unseen: 0, count: 0 });

function add(sums: Sums, part: VmPart, isThere: boolean): void {
  sums.booked += part.booked;
  sums.peaks += part.peak;
  sums.fresh += part.fresh;
  sums.unseen += part.unseen;
  if (isThere) sums.count += 1;
  if (part.isNumpy) sums.arithmetic = "numpy";
}

export class HostEstimator {
  readonly #frames: PerResource<EstimatorFrame>;
  readonly #vms = new Map<string, TrackedVm>();
  /** Milliseconds between two readings, as the last window with several had them. */
  #interval: number | null = null;
  /** The host's first window; null: none yet. */
  #first: number | null = null;

  constructor(private readonly settings: OnlineSettings) {
    this.#frames = perResource((resource) => makeFrame(resource, settings.choice, settings));
  }

  /** In the order of windows; those in between that nobody tells of may be left out. Costs the window's readings. */
  update(window: OnlineWindow): PerResource<ResourceEstimate> {
    const { number, host } = window;
    const expected = expectedReadings(host.times, this.settings.sliceScope, this.#interval);
    this.#interval = expected.interval;
    const totals = this.#follow(window);
    return perResource((resource) => this.#estimate(resource, number, host, expected.count, totals[resource]));
  }

  #follow({ number, vms }: OnlineWindow): PerResource<VmTotals> {
    const { slices, history } = this.settings;
    const sums = perResource(noSums);
    this.#first ??= number;
    for (const name of vms.keys()) if (!this.#vms.has(name)) this.#vms.set(name, this.#newVm(number, this.#first));
    for (const [name, vm] of this.#vms) {
      const told = vms.get(name) ?? null;
      if (told !== null) vm.seenIn = number;
      // All that is known of it has left the history.
      if (number - vm.seenIn > (history + 1) * slices) {
        this.#vms.delete(name);
        continue;
      }
      const parts = vm.track.update(number % slices, told);
      for (const resource of RESOURCES) add(sums[resource], parts[resource], parts.isThere);
    }
    return sums;
  }

  /** It was not there in the windows that the host's history still has: their usage has not seen it. */
  #newVm(number: number, firstOfHost: number): TrackedVm {
    const { slices, history, choice } = this.settings;
    const track = makeTrack(choice, history);
    const from = Math.max(firstOfHost, number - (history + 1) * slices);
    for (let before = from; before < number; before++) track.update(before % slices, null);
    return { track, seenIn: number };
  }

  #estimate(
    resource: Resource,
    occurrence: number,
    host: HostReadings,
    expected: number,
    totals: VmTotals,
  ): ResourceEstimate {
    const frame = this.#frames[resource];
    const { capacity, usage: samples } = host[resource];
    const missing = Math.max(0, expected - samples.length);
    const slice = occurrence % this.settings.slices;
    const signal = frame.update({ occurrence, slice, capacity, samples, ownSamples: null, missing });
    const told = frame.predict(signal, totals);
    const { booked } = totals;
    const common = { capacity: signal.capacity, booked, samples: told.samples, missing: told.missing };
    const peak = samples.length === 0 ? null : maximumOf(samples);
    if (told.need !== null && signal.missing <= this.settings.mostMissing)
      return { ...common, need: told.need, free: told.free, peak, stable: told.stable, instead: told.instead };
    const instead = told.need === null ? told.instead : "too few samples";
    return { ...common, need: null, free: Math.max(0, signal.capacity - booked), peak, stable: false, instead };
  }

  snapshot(): HostState {
    const vms = [...this.#vms].map(([name, { seenIn, track }]) => [name, seenIn, track.snapshot()] as const);
    const frames = perResource((resource) => this.#frames[resource].snapshot());
    return { frames, vms, interval: this.#interval, first: this.#first };
  }

  /** Takes up what `snapshot` gave, in this or an earlier process of the same settings. */
  restore({ frames, vms, interval, first }: HostState): void {
    for (const resource of RESOURCES) this.#frames[resource].restore(frames[resource]);
    this.#vms.clear();
    for (const [name, seenIn, state] of vms) {
      const track = makeTrack(this.settings.choice, this.settings.history);
      track.restore(state);
      this.#vms.set(name, { track, seenIn });
    }
    this.#interval = interval;
    this.#first = first;
  }
}

/** What `restore` takes. */
export type HostEstimatorState = HostState;
