/**
 * One endpoint under the collector's eye: scraped at its interval from a moment of its own, so that a thousand endpoints spread over
 * it; each text made into a reading, each reading against the one before into samples. Nothing that an endpoint does leaves here but
 * samples and counts.
 */
import type { Endpoint } from "../../core/telemetry/endpoints.js";
import { advance, type CounterState, type SubjectValues } from "../../core/telemetry/rates.js";
import { readScrape } from "../../core/telemetry/read-scrape.js";
import type { Reading } from "../../core/telemetry/reading.js";
import { type Milliseconds, milliseconds } from "../../core/units.js";
import type { Clock } from "../../ports/clock.js";
import type { Log } from "../../ports/log.js";
import type { Sample } from "../../ports/sample-store.js";
import type { FetchedText, FetchText, ScrapeFault } from "./fetch-text.js";
import type { Turnstile } from "./turnstile.js";

export interface WatchParts {
  readonly fetchText: FetchText;
  readonly put: (samples: readonly Sample[]) => void;
  /** Limits how many scrapes are under way at once. */
  readonly turnstile: Turnstile;
  readonly clock: Clock;
  readonly log: Log;
  /** From 0 to 1. */
  readonly random: () => number;
  /** Null: as often as each endpoint's probe reads. */
  readonly interval: Milliseconds | null;
}

export interface EndpointStatus {
  readonly endpoint: Endpoint;
  /** Null: not scraped yet. */
  readonly up: boolean | null;
  readonly problem: string | null;
  readonly scrapes: number;
  readonly failures: Readonly<Partial<Record<ScrapeFault, number>>>;
  /** Readings that had been seen before. */
  readonly repeated: number;
  readonly samples: number;
  /** Of the last scrape. */
  readonly duration: Milliseconds;
  /** When the last reading was made, by its probe's clock; null: none yet. */
  readonly readAt: Milliseconds | null;
}

/** Until the first reading says how often the probe reads. */
const FIRST_INTERVAL_MS = 15_000;
const SHORTEST_INTERVAL_MS = 1_000;
const LONGEST_INTERVAL_MS = 3_600_000;
/** After so many intervals of silence, and at least ten minutes, an average says nothing of any moment. */
const GAP_INTERVALS = 4;
const SHORTEST_GAP_MS = 600_000;
/** A probe's clock may run ahead by so much; samples of the future would hide those that come. */
const FUTURE_MS = 600_000;
const MS_PER_SECOND = 1_000;

export class EndpointWatch {
  readonly #endpoint: Endpoint;
  readonly #parts: WatchParts;
  #state: CounterState | null = null;
  #up: boolean | null = null;
  #problem: string | null = null;
  #scrapes = 0;
  readonly #failures: Partial<Record<ScrapeFault, number>> = {};
  #repeated = 0;
  #samples = 0;
  #duration = milliseconds(0);
  #probeInterval: Milliseconds | null = null;

  constructor(endpoint: Endpoint, parts: WatchParts) {
    this.#endpoint = endpoint;
    this.#parts = parts;
  }

  status(): EndpointStatus {
    return {
      endpoint: this.#endpoint,
      up: this.#up,
      problem: this.#problem,
      scrapes: this.#scrapes,
      failures: this.#failures,
      repeated: this.#repeated,
      samples: this.#samples,
      duration: this.#duration,
      readAt: this.#state?.at ?? null,
    };
  }

  /** Until `signal` aborts. Rounds that were missed, by a slow endpoint or a busy machine, are not made up for. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, random } = this.#parts;
    let due = clock.monotonic() + random() * this.#interval();
    while (!signal.aborted) {
      await clock.sleep(milliseconds(due - clock.monotonic()), signal);
      if (signal.aborted) return;
      await this.scrape(signal);
      const [interval, late] = [this.#interval(), clock.monotonic() - due];
      due += interval * Math.max(1, Math.ceil(late / interval));
    }
  }

  /** One scrape, now. */
  async scrape(signal: AbortSignal): Promise<void> {
    const { turnstile, clock, fetchText } = this.#parts;
    const leave = await turnstile.enter(signal);
    if (leave === null) return;
    const began = clock.monotonic();
    let fetched: FetchedText;
    try {
      fetched = await fetchText(this.#endpoint.url, signal);
    } finally {
      leave();
    }
    if (signal.aborted) return;
    this.#scrapes++;
    this.#duration = milliseconds(clock.monotonic() - began);
    if (fetched.ok) this.#take(fetched.text);
    else this.#fail(fetched.fault, fetched.problem);
  }

  #interval(): Milliseconds {
    const wanted = this.#parts.interval ?? this.#probeInterval ?? FIRST_INTERVAL_MS;
    return milliseconds(Math.min(Math.max(wanted, SHORTEST_INTERVAL_MS), LONGEST_INTERVAL_MS));
  }

  #take(text: string): void {
    const result = readScrape(text, this.#endpoint.prefix);
    if (!result.ok) {
      this.#fail(result.fault, result.problem);
      return;
    }
    const ahead = result.reading.at - this.#parts.clock.now();
    if (ahead > FUTURE_MS) this.#fail("clock", `its clock is ${Math.round(ahead / MS_PER_SECOND)} s ahead`);
    else this.#succeed(result.reading);
  }

  #succeed(reading: Reading): void {
    const { log, put } = this.#parts;
    if (this.#up === false) log.info({ host: this.#endpoint.host }, "the endpoint answers again");
    this.#up = true;
    this.#problem = null;
    this.#probeInterval = milliseconds(reading.host.values.probe_delay ?? FIRST_INTERVAL_MS);
    const longestGap = milliseconds(Math.max(SHORTEST_GAP_MS, GAP_INTERVALS * this.#interval()));
    const next = advance(this.#state, reading, longestGap);
    if (next.repeated) {
      this.#repeated++;
      return;
    }
    this.#state = next.state;
    if (next.anew !== null && next.anew !== "first")
      log.info({ host: this.#endpoint.host, reason: next.anew }, "the host's counters begin anew");
    for (const vm of next.restarted) log.debug({ host: this.#endpoint.host, vm }, "the VM was started anew");
    this.#samples += next.samples.length;
    put(samplesOf(this.#endpoint.host, reading.at, next.samples));
  }

  #fail(fault: ScrapeFault, problem: string): void {
    this.#failures[fault] = (this.#failures[fault] ?? 0) + 1;
    const { host, url } = this.#endpoint;
    if (this.#up !== false)
      this.#parts.log.warn({ host, url, fault, reason: problem }, "the endpoint gives no readings");
    this.#up = false;
    this.#problem = problem;
  }
}

/** The host's own before its VMs', as stores give them back. */
const samplesOf = (host: string, at: Milliseconds, subjects: readonly SubjectValues[]): readonly Sample[] =>
  [...subjects]
    .sort((a, b) => (a.vm === null ? -1 : b.vm === null ? 1 : 0))
    .map(({ vm, values }) => ({ host, vm, at, values }));
