/**
 * History in a server that takes Prometheus's remote write and answers PromQL: Prometheus itself, VictoriaMetrics, Mimir,
 * Thanos. Raw values come back through a range selector in an instant query. Retention and summaries are the server's.
 */
import { Agent } from "undici";
import type { Clock } from "../../../../ports/clock.js";
import type { Log } from "../../../../ports/log.js";
import type {
  HostsQuery,
  Sample,
  SampleQuery,
  SampleStore,
  SampleStoreStatus,
  SourceSpan,
} from "../../../../ports/sample-store.js";
import type { RemoteServer } from "../remote/http.js";
import { Outbox } from "../remote/outbox.js";
import { type Assembly, bounded, type Piece, type Wanted } from "../remote/pieces.js";
import { HOSTS_TOGETHER, RemoteReader } from "../remote/reader.js";
import { keyOf, selector } from "./names.js";
import { millisecondsOf, presentHosts, rawValues } from "./query.js";
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
  readonly hostsTogether = HOSTS_TOGETHER;
  private readonly outbox: Outbox;
  private readonly reader: RemoteReader;
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
    this.reader = new RemoteReader({
      clock: settings.clock,
      spans: (range, host) => findSpans(this.server, host, range),
      fill: (assembly, wanted, piece) => fill(this.server, assembly, wanted, piece),
      isTooMuch: ({ message }) => /too many samples|more than|limit/i.test(message),
    });
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

  async *read({ host, of, metrics, ...range }: SampleQuery): AsyncIterable<Sample> {
    this.outbox.mustBeOpen();
    yield* this.reader.read({ hosts: [host], of, metrics }, range);
  }

  async *readHosts({ hosts, metrics, ...range }: HostsQuery): AsyncIterable<Sample> {
    this.outbox.mustBeOpen();
    yield* this.reader.read({ hosts, of: "all", metrics }, range);
  }

  async hosts(range: Piece): Promise<readonly string[]> {
    this.outbox.mustBeOpen();
    const { from, to } = bounded(range, this.settings.clock);
    return from < to ? presentHosts(this.server, { from, to }) : [];
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
}

async function fill(server: RemoteServer, assembly: Assembly, wanted: Wanted, piece: Piece): Promise<void> {
  for (const { metric, values } of await rawValues(server, selector(wanted), piece)) {
    const add = assembly.adder(metric.host ?? "", metric.vm ?? null, keyOf(metric.__name__ ?? ""));
    for (const [seconds, value] of values) {
      const at = millisecondsOf(seconds);
      if (at >= piece.from && at < piece.to) add(at, Number(value));
    }
  }
}
