/**
 * History in a server that takes Prometheus's remote write and answers PromQL: Prometheus itself, VictoriaMetrics, Mimir,
 * Thanos. Raw values come back through a range selector in an instant query. Retention and summaries are the server's.
 */
import { Agent } from "undici";
import type { Clock } from "../../../../ports/clock.js";
import type { Log } from "../../../../ports/log.js";
import type { Sample, SampleStore } from "../../../../ports/sample-store.js";
import type { RemoteServer } from "../remote/http.js";
import type { Assembly, Piece, Wanted } from "../remote/pieces.js";
import { RemoteStore } from "../remote/store.js";
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
  const { token, clock, log, deadlineMs = DEADLINE_MS } = settings;
  const url = settings.url.replace(/\/+$/, "");
  const authorization = token === null ? null : `Bearer ${token}`;
  const dispatcher = new Agent({ connect: { timeout: 5_000 } });
  const server: RemoteServer = { url, name: "Prometheus", authorization, deadlineMs, dispatcher };
  const writeUrl = settings.writeUrl ?? `${url}/api/v1/write`;
  const store = {
    kind: "prometheus" as const,
    name: server.name,
    url,
    write: (samples: readonly Sample[]) => remoteWrite(server, writeUrl, samples),
    spans: (range: Piece, host: string | null) => findSpans(server, host, range),
    hosts: (range: Piece) => presentHosts(server, range),
    fill: (assembly: Assembly, wanted: Wanted, piece: Piece) => fill(server, assembly, wanted, piece),
    isTooMuch: ({ message }: Error) => /too many samples|more than|limit/i.test(message),
    close: () => dispatcher.close(),
  };
  return new RemoteStore(store, clock, log);
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
