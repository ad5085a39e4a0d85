/** What the HTTP server is built from, and its limits with the reason for each default. */
import type { AgentMetrics } from "../agent/counters.js";
import type { AgentService } from "../agent/service.js";
import type { Ratio } from "../core/units.js";
import type { Clock } from "../ports/clock.js";
import type { Log } from "../ports/log.js";
import type { TokenTable } from "./auth.js";

export interface HttpLimits {
  /** Largest body; the largest call needs a few hundred bytes, a template of ratios some more. */
  readonly bodyBytes: number;
  /** Request line and headers together; Node's own default. */
  readonly headerBytes: number;
  /** Headers must be complete by then: a slow client holds a connection no longer. */
  readonly headersMs: number;
  /** The whole request must have arrived by then. */
  readonly requestMs: number;
  /** An idle connection is kept this long; a connection that neither reads nor writes is cut after twice that. */
  readonly keepAliveMs: number;
  /** Time for a change (deploy, remove, resize): after it 503, while the change goes on. */
  readonly changeMs: number;
  /** Requests under way at once; more get 503. */
  readonly inFlight: number;
  /** Changes queued at the agent at once, those included whose client has gone. */
  readonly changes: number;
  /** Open connections; more are dropped. Above `inFlight`, so that a 503 can still be said. */
  readonly connections: number;
  /** Readers of `/v1/events` at once. */
  readonly eventStreams: number;
  /** Unsent bytes of one event stream; a reader that lags further is cut off, and resumes by Last-Event-ID. */
  readonly eventBufferBytes: number;
  /** Comment lines that keep proxies from closing a quiet stream. */
  readonly eventHeartbeatMs: number;
  /** Answers remembered by Idempotency-Key, and for how long: a client retries for minutes, not for days. */
  readonly idempotencyKeys: number;
  readonly idempotencyMs: number;
}

export const DEFAULT_LIMITS: HttpLimits = {
  bodyBytes: 65_536,
  headerBytes: 16_384,
  headersMs: 5_000,
  requestMs: 10_000,
  keepAliveMs: 30_000,
  changeMs: 60_000,
  inFlight: 256,
  changes: 128,
  connections: 1_024,
  eventStreams: 32,
  eventBufferBytes: 262_144,
  eventHeartbeatMs: 15_000,
  idempotencyKeys: 10_000,
  idempotencyMs: 24 * 3_600_000,
};

/** Node looks for slow requests this often: they are cut off so much later at most. */
export const SLOW_CHECK_MS = 500;

/** From a change's headers to its answer, ms. A body may come as slowly as `requestMs` allows: 408 is always said first. */
export const changeDeadline = ({ requestMs, changeMs }: HttpLimits): number => requestMs + SLOW_CHECK_MS + changeMs;

/** PEM texts of the operator's certificate chain and its key. */
export interface Tls {
  readonly certificate: string;
  readonly key: string;
}

/** What every server of Headroom is made from. */
export interface ServerOptions {
  /** Null: no tokens are configured; everything is open, and only loopback may be listened on. */
  readonly tokens: TokenTable | null;
  readonly limits?: Partial<HttpLimits>;
  readonly log: Log;
  readonly clock: Clock;
  /** Serve the seeds' calls (spec 2.1), which change state on GET without authentication. */
  readonly seedCalls: boolean;
  readonly version: string;
  readonly tls?: Tls | null;
  /** Shown by `/metrics` behind the server's own; of other names. */
  readonly moreMetrics?: () => Promise<string>;
  /** Folder of the built dashboard; null or absent: none is served. */
  readonly dashboard?: string | null;
}

export interface AppOptions extends ServerOptions {
  readonly agent: AgentService;
  /** Largest allocation ratio that a request may ask for. */
  readonly maximumRatio: Ratio;
  /** Absolute folders below which disk images may lie. Empty: no image is accepted. */
  readonly imageFolders: readonly string[];
  /** Totals of the agent's process for `/metrics`; absent: none are shown. */
  readonly agentTotals?: () => AgentMetrics;
}
