/**
 * History in a server that takes Prometheus's remote write and answers PromQL: Prometheus itself, VictoriaMetrics, Mimir,
 * Thanos. Raw values come back through a range selector in an instant query. Retention and summaries are the server's.
 */
import { Agent } from "undici";
import type { Clock } from "../../../../ports/clock.js";
import { OperationalError } from "../../../../ports/errors.js";
import type { Log } from "../../../../ports/log.js";
import type {
  Sample,
  SampleQuery,
  SampleStore,
  SampleStoreStatus,
  SourceSpan,
} from "../../../../ports/sample-store.js";
import type { RemoteServer } from "../remote/http.js";
import { Outbox } from "../remote/outbox.js";
import { Assembly, bounded, narrowed, type Piece, Pieces } from "../remote/pieces.js";
import { keyOf, selector } from "./names.js";
import { millisecondsOf, rawValues, type Series } from "./query.js";
import { findSpans } from "./spans.js";
import { remoteWrite } from "./write.js";

export interface PrometheusSettings {
  /** Where queries go: `/api/v1/query` is below it. */
  readonly url: string;
  /** Where remote write goes; null: `/api/v1/write` below the address of queries. */
  readonly writeUrl: string | null;
  readonly token: string | null;
  readonly clock: Clock;
  readonly log: Log;
  readonly deadlineMs?: number;
}

const DEADLINE_MS = 30_000;

export function prometheusSamples(settings: PrometheusSettings): SampleStore {
  return new PrometheusStore(settings);
}

class PrometheusStore implements SampleStore {
  private readonly server: RemoteServer;
  private readonly outbox: Outbox;
  private readonly dispatcher = new Agent({ connect: { timeout: 5_000 } });
  private isClosed = false;

  constructor(private readonly settings: PrometheusSettings) {
    const url = settings.url.replace(/\/+$/, "");
    const authorization = settings.token === null ? null : `Bearer ${settings.token}`;
    const deadlineMs = settings.deadlineMs ?? DEADLINE_MS;
    this.server = { url, name: "Prometheus", authorization, deadlineMs, dispatcher: this.dispatcher };
    const writeUrl = settings.writeUrl ?? `${url}/api/v1/write`;
    this.outbox = new Outbox(`Prometheus at ${url}`, settings.log, (samples) =>
      remoteWrite(this.server, writeUrl, samples),
    );
  }

  write(samples: readonly Sample[]): Promise<void> {
    return this.outbox.write(samples);
  }

  flush(): Promise<void> {
    return this.outbox.flush();
  }

  async sources(range: Parameters<SampleStore["sources"]>[0]): Promise<readonly SourceSpan[]> {
    this.outbox.mustBeOpen();
    return findSpans(this.server, range.host ?? null, bounded(range, this.settings.clock));
  }

  async *read(query: SampleQuery): AsyncIterable<Sample> {
    this.outbox.mustBeOpen();
    if (typeof query.of !== "string" && query.of.length === 0) return;
    const range = bounded(query, this.settings.clock);
    const pieces = new Pieces(await narrowed(range, () => findSpans(this.server, query.host, range)));
    for (let piece = pieces.take(); piece !== null; piece = pieces.take()) {
      const series = await this.seriesOf(query, piece, pieces);
      if (series === null) continue;
      const assembly = assembled(query.host, series, piece);
      pieces.had(assembly.size);
      yield* assembly.samples();
    }
  }

  status(): SampleStoreStatus {
    const { unflushed } = this.outbox;
    const problem = this.isClosed ? "it is closed" : this.outbox.problem;
    return { kind: "prometheus", where: this.server.url, reachable: problem === null, problem, unflushed };
  }

  async close(): Promise<void> {
    if (this.isClosed) return;
    this.isClosed = true;
    try {
      await this.outbox.close();
    } finally {
      await this.dispatcher.close();
    }
  }

  /** Null: the piece was too much for the server, and comes again in parts. */
  private async seriesOf(query: SampleQuery, piece: Piece, pieces: Pieces): Promise<readonly Series[] | null> {
    try {
      return await rawValues(this.server, selector(query), piece);
    } catch (error) {
      const isTooMuch = error instanceof OperationalError && /too many samples|more than|limit/i.test(error.message);
      if (!isTooMuch || !pieces.splitLast(piece)) throw error;
      return null;
    }
  }
}

function assembled(host: string, series: readonly Series[], { from, to }: Piece): Assembly {
  const assembly = new Assembly(host);
  for (const { metric, values } of series) {
    const key = keyOf(metric.__name__ ?? "");
    for (const [seconds, value] of values) {
      const at = millisecondsOf(seconds);
      if (at >= from && at < to) assembly.add(metric.vm ?? null, at, key, Number(value));
    }
  }
  return assembly;
}
