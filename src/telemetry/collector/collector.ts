/**
 * The collector: watches all endpoints that its sources name, starts and ends watches as the sources change, and hands samples to the
 * writer. Endpoints are independent of one another; a watch that goes on keeps what it knows of its host.
 */
import { distinctEndpoints, type Endpoint } from "../../core/telemetry/endpoints.js";
import type { Milliseconds } from "../../core/units.js";
import { joined } from "../../ports/signals.js";
import type { EndpointSource } from "./endpoint-sources.js";
import { type EndpointStatus, EndpointWatch, type WatchParts } from "./endpoint-watch.js";
import type { SampleWriter, WriterCounts } from "./sample-writer.js";

export interface CollectorParts extends Omit<WatchParts, "put"> {
  readonly sources: readonly EndpointSource[];
  readonly writer: SampleWriter;
  /** How often the sources are asked. */
  readonly refresh: Milliseconds;
}

export interface CollectorStatus {
  readonly endpoints: readonly EndpointStatus[];
  readonly writer: WriterCounts;
  /** Of watches that are no more. */
  readonly past: { readonly scrapes: number; readonly failures: number; readonly samples: number };
}

interface Running {
  readonly watch: EndpointWatch;
  readonly stop: AbortController;
  readonly ended: Promise<void>;
}

const keyOf = ({ url, host, prefix }: Endpoint): string => JSON.stringify([url, host, prefix]);

export class Collector {
  readonly #parts: CollectorParts;
  readonly #running = new Map<string, Running>();
  readonly #told = new Set<string>();
  #past = { scrapes: 0, failures: 0, samples: 0 };

  constructor(parts: CollectorParts) {
    this.#parts = parts;
  }

  status(): CollectorStatus {
    const endpoints = [...this.#running.values()].map(({ watch }) => watch.status());
    return { endpoints, writer: this.#parts.writer.counts(), past: this.#past };
  }

  /** Until `signal` aborts: watches end first, then what they gave is written. Rejects on a bug, or a store that is broken for good. */
  async run(signal: AbortSignal): Promise<void> {
    const writing = new AbortController();
    const failing = new AbortController();
    const written = this.#parts.writer.run(writing.signal).catch((error: unknown) => failing.abort(error));
    const { signal: until, release } = joined(signal, failing.signal);
    while (!until.aborted) {
      await this.refresh(failing);
      await this.#parts.clock.sleep(this.#parts.refresh, until);
    }
    release();
    await this.#endAll([...this.#running.keys()]);
    writing.abort();
    await written;
    if (failing.signal.aborted) throw failing.signal.reason;
  }

  /** Asks the sources, and starts and ends watches. */
  async refresh(failing: AbortController): Promise<void> {
    const lists = await Promise.all(this.#parts.sources.map((source) => source.endpoints()));
    const { endpoints, doubled } = distinctEndpoints(lists.flat());
    for (const sentence of doubled) {
      if (this.#told.has(sentence)) continue;
      this.#told.add(sentence);
      this.#parts.log.warn({}, sentence);
    }
    const wanted = new Map(endpoints.map((endpoint) => [keyOf(endpoint), endpoint]));
    await this.#endAll([...this.#running.keys()].filter((key) => !wanted.has(key)));
    for (const [key, endpoint] of wanted) if (!this.#running.has(key)) this.#start(key, endpoint, failing);
  }

  #start(key: string, endpoint: Endpoint, failing: AbortController): void {
    const stop = new AbortController();
    const watch = new EndpointWatch(endpoint, { ...this.#parts, put: (samples) => this.#parts.writer.put(samples) });
    const ended = watch.run(stop.signal).catch((error: unknown) => failing.abort(error));
    this.#running.set(key, { watch, stop, ended });
  }

  async #endAll(keys: readonly string[]): Promise<void> {
    const ending = keys.flatMap((key) => this.#running.get(key) ?? []);
    for (const { stop } of ending) stop.abort();
    await Promise.all(ending.map(({ ended }) => ended));
    for (const key of keys) this.#running.delete(key);
    for (const { watch } of ending) {
      const { scrapes, failures, samples } = watch.status();
      const failed = Object.values(failures).reduce((sum, count) => sum + count, 0);
      this.#past = {
        scrapes: this.#past.scrapes + scrapes,
        failures: this.#past.failures + failed,
        samples: this.#past.samples + samples,
      };
    }
  }
}
