/**
 * The online estimator: at the end of each window, every host that the sample store knows. A pass takes in all windows that
 * have ended, one after the other, each exactly once: what a host's estimator remembers is written down together with which window
 * comes next, so that a process that is killed goes on from the last window that was written, and what it had made beyond
 * that is made again from the same readings. A store that does not answer holds the windows up; they are caught up on.
 */
import type { OnlineWindow } from "../core/estimator/online/host-estimator.js";
import { VM_METRICS, VM_SIZES } from "../core/estimator/online/readings.js";
import { asksForVmUsage } from "../core/estimator/registry.js";
import { compareText } from "../core/telemetry/sample-order.js";
import { type Milliseconds, milliseconds } from "../core/units.js";
import type { Clock } from "../ports/clock.js";
import { OperationalError } from "../ports/errors.js";
import type { EstimatorStates, HostEstimate } from "../ports/estimates.js";
import type { Log } from "../ports/log.js";
import type { SampleStore } from "../ports/sample-store.js";
import { HostWatch } from "./host-watch.js";
import { FORGOTTEN_MS, type WatchSettings } from "./settings.js";
import { type WindowRange, windowsOf, windowsOfMany } from "./windows.js";

export interface WatchParts {
  readonly store: SampleStore;
  readonly states: EstimatorStates;
  /** Told of what is new at the end of each pass, be it nothing, and of all at that of the first; must not throw and not wait. */
  readonly publish: (estimates: readonly HostEstimate[]) => void;
  readonly settings: WatchSettings;
  readonly clock: Clock;
  readonly log: Log;
}

export interface WatchStatus {
  readonly hosts: number;
  /** End of the last window that every host was looked at; null: none yet. */
  readonly lastWindowEnd: Milliseconds | null;
  readonly windows: number;
  /** How long the last pass that had work took. */
  readonly passSeconds: number;
  readonly failures: number;
  /** Hosts of which what was learnt last could not be written down. */
  readonly unsaved: number;
  /** Why estimates do not come at the moment; null: they do. */
  readonly problem: string | null;
}

const MS_PER_SECOND = 1000;
/** While many windows are caught up on, what was learnt is written down after so many. */
const SAVE_EVERY = 24;
/**
 * Hosts whose windows are read by one question, where the store says nothing else: what that costs besides its answer is shared, and no more
 * than some hundred thousand samples are in memory for each. Of longer windows one host's are enough.
 */
const READ_TOGETHER = 8;
const LONGEST_TOGETHER_MS = 3_600_000;

export class EstimatorWatch {
  readonly #hosts = new Map<string, HostWatch>();
  readonly #windowMs: number;
  #lastWindow: number | null = null;
  #windows = 0;
  #passSeconds = 0;
  #failures = 0;
  #problem: string | null = null;
  /** By host; the last failure. */
  readonly #unsaved = new Map<string, OperationalError>();
  #hasTold = false;
  #foundHosts = true;

  private constructor(private readonly parts: WatchParts) {
    this.#windowMs = parts.settings.sliceScope * MS_PER_SECOND;
  }

  /** Takes up what an earlier process left. Throws `OperationalError`. */
  static async open(parts: WatchParts): Promise<EstimatorWatch> {
    const watch = new EstimatorWatch(parts);
    const { states, settings, log } = parts;
    for (const { host, text } of await states.load()) {
      const resumed = HostWatch.resume(text, settings);
      if (resumed === null) log.warn({ host }, "what was learnt under other settings is left behind, and learnt anew");
      else if (watch.#isWanted(resumed.host)) watch.#hosts.set(resumed.host, resumed);
    }
    return watch;
  }

  /** By host; one for each that had a window so far. */
  estimates(): readonly HostEstimate[] {
    const all = [...this.#hosts.values()].flatMap(({ estimate }) => estimate ?? []);
    return all.sort((a, b) => (a.host < b.host ? -1 : 1));
  }

  estimate(host: string): HostEstimate | null {
    return this.#hosts.get(host)?.estimate ?? null;
  }

  status(): WatchStatus {
    return {
      hosts: this.#hosts.size,
      lastWindowEnd: this.#lastWindow === null ? null : milliseconds((this.#lastWindow + 1) * this.#windowMs),
      windows: this.#windows,
      passSeconds: this.#passSeconds,
      failures: this.#failures,
      unsaved: this.#unsaved.size,
      problem: this.#problem,
    };
  }

  /** Until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, settings } = this.parts;
    while (!signal.aborted) {
      await this.pass(signal);
      const next = this.#newestWindow() + 1;
      const due = (next + 1) * this.#windowMs + settings.delay - clock.now();
      const wait = this.#problem === null ? due : Math.min(due, settings.retry);
      await clock.sleep(milliseconds(Math.max(1, wait)), signal);
    }
  }

  /** Every window that has ended and was not looked at. Failures of the store are told, and the next pass tries again. */
  async pass(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.parts;
    const last = this.#newestWindow();
    const began = clock.monotonic();
    const before = this.#windows;
    const fresh: HostEstimate[] = [];
    try {
      await this.#discover(last);
      const problem = await this.#takeAll(last, fresh, signal);
      this.#tell(problem, last);
      this.#tellUnsaved();
      await this.#forgetSilent(last);
    } catch (error) {
      if (!(error instanceof OperationalError)) throw error;
      this.#tell(error, last);
    }
    this.parts.publish(this.#hasTold ? fresh : this.#valid());
    this.#hasTold = true;
    if (this.#windows === before) return;
    this.#passSeconds = (clock.monotonic() - began) / MS_PER_SECOND;
    log.info(
      { hosts: this.#hosts.size, windows: this.#windows - before, seconds: Number(this.#passSeconds.toFixed(3)) },
      "estimated",
    );
  }

  /** A process that died may have written an estimate down and not told of it. */
  #valid(): readonly HostEstimate[] {
    const now = this.parts.clock.now();
    return this.estimates().filter(({ validUntil }) => validUntil > now);
  }

  /** Number of the last window whose readings should have come. */
  #newestWindow(): number {
    return Math.floor((this.parts.clock.now() - this.parts.settings.delay) / this.#windowMs) - 1;
  }

  /** A problem that lasts is told once, and its end. */
  #tell(problem: OperationalError | null, last: number): void {
    const { log } = this.parts;
    const before = this.#problem;
    this.#problem = problem === null ? null : problem.message;
    if (problem === null) {
      this.#lastWindow = last;
      if (before !== null) log.info({}, "windows can be read again");
      this.#tellWhetherFound(last);
      return;
    }
    this.#failures += 1;
    const level = before === problem.message ? "debug" : "warn";
    log[level]({ err: problem }, "windows could not be read, and are caught up on later");
  }

  #tellWhetherFound(last: number): void {
    const { log, settings } = this.parts;
    const found = this.#hosts.size > 0;
    if (!found && this.#foundHosts) {
      const until = new Date((last + 1) * this.#windowMs).toISOString();
      const fields = { until, ...(settings.hosts.length === 0 ? {} : { hosts: settings.hosts }) };
      log.warn(fields, "no host has samples in the window that ended last: nothing is estimated");
    }
    this.#foundHosts = found;
  }

  #tellUnsaved(): void {
    const [first] = this.#unsaved.values();
    if (first === undefined) return;
    const message = "what was learnt could not be written down: a process that starts anew learns it again";
    this.parts.log.warn({ err: first, hosts: this.#unsaved.size }, message);
  }

  #isWanted(host: string): boolean {
    const { hosts } = this.parts.settings;
    return hosts.length === 0 || hosts.includes(host);
  }

  /** Hosts that have readings in the newest window and were not known. */
  async #discover(last: number): Promise<void> {
    const { store, settings } = this.parts;
    if (this.#lastWindow !== null && this.#lastWindow >= last) return;
    const [from, to] = [milliseconds(last * this.#windowMs), milliseconds((last + 1) * this.#windowMs)];
    const found = new Set(await (store.hosts?.({ from, to }) ?? allHosts(store, { from, to })));
    const first = Math.max(0, last - settings.pastWindows);
    for (const host of found)
      if (!this.#hosts.has(host) && this.#isWanted(host)) this.#hosts.set(host, HostWatch.begin(host, settings, first));
  }

  /** Several hosts at once; one that fails holds no other up. Null: all went well. */
  async #takeAll(last: number, fresh: HostEstimate[], signal: AbortSignal): Promise<OperationalError | null> {
    const { settings } = this.parts;
    const waiting = [...this.#hosts.values()].filter(({ next }) => next <= last);
    for (const watch of waiting) watch.skipTo(last - Math.max(settings.pastWindows, SAVE_EVERY));
    // Neighbours by name lie together in an embedded store.
    waiting.sort((a, b) => compareText(a.host, b.host));
    let problem: OperationalError | null = null;
    const worker = async (): Promise<void> => {
      while (waiting.length > 0 && !signal.aborted) {
        const group = this.#nextGroup(waiting);
        await this.#takeTogether(group, last, signal);
        for (const watch of group) {
          try {
            if (watch.next <= last && !signal.aborted) await this.#take(watch, last, signal);
          } catch (error) {
            if (!(error instanceof OperationalError)) throw error;
            problem = error;
          }
          if (watch.estimate !== null && watch.next > last) fresh.push(watch.estimate);
        }
      }
    };
    await Promise.all(Array.from({ length: settings.atOnce }, worker));
    return problem;
  }

  /** Hosts whose next window is the same, as many as may be read together. */
  #nextGroup(waiting: HostWatch[]): readonly HostWatch[] {
    const { readHosts, hostsTogether = READ_TOGETHER } = this.parts.store;
    const most = readHosts === undefined || this.#windowMs > LONGEST_TOGETHER_MS ? 1 : hostsTogether;
    const others = waiting.slice(0, most).findIndex(({ next }) => next !== waiting[0]!.next);
    return waiting.splice(0, others === -1 ? most : others);
  }

  /** Where that fails, each has to ask for itself what is left. */
  async #takeTogether(group: readonly HostWatch[], last: number, signal: AbortSignal): Promise<void> {
    const { store, log } = this.parts;
    if (group.length < 2 || store.readHosts === undefined) return;
    const hosts = group.map(({ host }) => host);
    try {
      const range = this.#range(group[0]!, last);
      for await (const windows of windowsOfMany((query) => store.readHosts!(query), hosts, range)) {
        for (const watch of group) await this.#takeOne(watch, windows.get(watch.host)!);
        if (signal.aborted) break;
      }
    } catch (error) {
      if (!(error instanceof OperationalError)) throw error;
      log.debug({ err: error, hosts: hosts.length }, "several hosts could not be read together");
    } finally {
      for (const watch of group) if (watch.unsaved > 0) await this.#save(watch);
    }
  }

  async #take(watch: HostWatch, last: number, signal: AbortSignal): Promise<void> {
    try {
      for await (const window of windowsOf(this.parts.store, this.#range(watch, last))) {
        await this.#takeOne(watch, window);
        if (signal.aborted) break;
      }
    } finally {
      if (watch.unsaved > 0) await this.#save(watch);
    }
  }

  async #takeOne(watch: HostWatch, window: OnlineWindow): Promise<void> {
    if (watch.take(window)) this.#windows += 1;
    if (watch.unsaved >= SAVE_EVERY) await this.#save(watch);
  }

  #range({ host, next }: HostWatch, last: number): WindowRange {
    const vmMetrics = asksForVmUsage(this.parts.settings.choice.strategy) ? VM_METRICS : VM_SIZES;
    return { host, first: next, last, windowMs: this.#windowMs, vmMetrics };
  }

  /** What cannot be written now is written with the next window; a crash until then costs the work, not the estimates. */
  async #save(watch: HostWatch): Promise<void> {
    try {
      await this.parts.states.save(watch.host, watch.text());
      this.#unsaved.delete(watch.host);
    } catch (error) {
      if (!(error instanceof OperationalError)) throw error;
      this.#failures += 1;
      this.#unsaved.set(watch.host, error);
    }
  }

  async #forgetSilent(last: number): Promise<void> {
    const { states, log, settings } = this.parts;
    const patience = Math.max(FORGOTTEN_MS / this.#windowMs, (settings.history + 1) * settings.slices);
    for (const [host, { heardIn }] of this.#hosts) {
      if (last - heardIn <= patience) continue;
      this.#hosts.delete(host);
      this.#unsaved.delete(host);
      await states.forget(host);
      log.info({ host }, "a host that has been silent for days is forgotten");
    }
  }
}

const allHosts = async (store: SampleStore, range: Parameters<SampleStore["sources"]>[0]): Promise<readonly string[]> =>
  (await store.sources(range)).map(({ host }) => host);
