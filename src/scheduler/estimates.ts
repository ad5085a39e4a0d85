/**
 * What hosts are expected to need, as the estimator publishes it: kept in memory with its age, the newest of each host. It may lag
 * behind and it may be lost with a leader; so it only ever adds to what is known by counting, and once it is stale it counts as
 * absent. How far placement follows it is the mode's (core/placement/estimate-mode.ts).
 */

import type { EstimateMode } from "../core/placement/estimate-mode.js";
import { forecastOf } from "../core/placement/forecast.js";
import type { HostForecast } from "../core/placement/model.js";
import { type Milliseconds, milliseconds } from "../core/units.js";
import type { Clock } from "../ports/clock.js";
import type { HostEstimate } from "../ports/estimates.js";

export interface KeptEstimate {
  /** The host's id in the cluster; `estimate.host` is its name in the sample store. */
  readonly id: string;
  readonly estimate: HostEstimate;
  /** Since the end of the window that was looked at. */
  readonly age: Milliseconds;
  /** It counts as absent. */
  readonly stale: boolean;
}

/** What became of published estimates. */
export interface Published {
  /** Hosts whose estimates were taken. */
  readonly taken: number;
  /** Names that are no host's of this cluster. */
  readonly unknown: readonly string[];
}

/** What remains of an estimate once the next one is there: for people who look at how it went. */
export interface PastEstimate {
  readonly at: Milliseconds;
  readonly horizonSeconds: number;
  readonly strategy: string;
  readonly cpu: PastResource;
  readonly memory: PastResource;
}

export type PastResource = Pick<HostEstimate["cpu"], "capacity" | "booked" | "need" | "peak">;

/** Of each host: a day of hourly windows, 60 MB at 10,000 hosts. */
const REMEMBERED = 24;

interface Held {
  readonly estimate: HostEstimate;
  readonly forecast: HostForecast;
  /** By the monotonic clock: whatever the publisher's clock says, it is not kept for longer than it was made for. */
  readonly until: Milliseconds;
  counts: boolean;
}

export interface EstimateSettings {
  readonly mode: EstimateMode;
  /** Share of a host by which what counts as free may pass what is measured free. */
  readonly margin: number;
}

export class Estimates {
  private readonly held = new Map<string, Held>();

  private readonly past = new Map<string, readonly PastEstimate[]>();

  constructor(
    private readonly settings: EstimateSettings,
    private readonly clock: Clock,
  ) {}

  /** For placement; null: none that counts. */
  forecastOf(host: string): HostForecast | null {
    const held = this.held.get(host);
    return this.settings.mode === "off" || held === undefined || !held.counts ? null : held.forecast;
  }

  /** By id. */
  kept(): readonly KeptEstimate[] {
    const all = [...this.held].map(([id, held]) => this.shown(id, held));
    return all.sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  /** The last estimates of a host, the newest last; empty: none. */
  course(id: string): readonly PastEstimate[] {
    return this.past.get(id) ?? [];
  }

  /** `allocated`: what the host's pools have promised now. False: it is older than what is known. */
  take(id: string, estimate: HostEstimate, allocated: Parameters<typeof forecastOf>[1]): boolean {
    const known = this.held.get(id);
    if (known !== undefined && estimate.at <= known.estimate.at) return false;
    const lifetime = Math.max(0, estimate.validUntil - estimate.at);
    const held = {
      estimate,
      forecast: forecastOf(estimate, allocated, this.settings.margin),
      until: milliseconds(this.clock.monotonic() + lifetime),
      counts: true,
    };
    held.counts = !this.isStale(held);
    this.held.set(id, held);
    this.past.set(id, [...this.course(id).slice(1 - REMEMBERED), pastOf(estimate)]);
    return true;
  }

  /** Hosts whose estimates have become stale since it was asked last. */
  *expired(): IterableIterator<string> {
    for (const [id, held] of this.held) {
      if (!held.counts || !this.isStale(held)) continue;
      held.counts = false;
      yield id;
    }
  }

  forget(host: string): void {
    this.held.delete(host);
    this.past.delete(host);
  }

  private isStale({ estimate, until }: Pick<Held, "estimate" | "until">): boolean {
    return this.clock.now() >= estimate.validUntil || this.clock.monotonic() >= until;
  }

  private shown(id: string, held: Held): KeptEstimate {
    const age = milliseconds(Math.max(0, this.clock.now() - held.estimate.at));
    return { id, estimate: held.estimate, age, stale: this.isStale(held) };
  }
}

function pastOf({ at, horizonSeconds, strategy, cpu, memory }: HostEstimate): PastEstimate {
  const resource = ({ capacity, booked, need, peak }: PastResource): PastResource => ({ capacity, booked, need, peak });
  return { at, horizonSeconds, strategy, cpu: resource(cpu), memory: resource(memory) };
}
