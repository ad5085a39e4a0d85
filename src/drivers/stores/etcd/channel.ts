/**
 * The way to the cluster: one connection at a time, to one of the endpoints. It is left for the next endpoint when it cannot
 * answer: broken, silent (a frozen server keeps its connections open), or cut off from its cluster. A probe that needs a
 * quorum finds this out within `PROBE_EVERY_MS + PROBE_DEADLINE_MS`, also for the streams, which have no deadline.
 *
 * Calls have deadlines. Questions are repeated until theirs; changes are sent once, unless they were surely not seen.
 */
import { milliseconds } from "../../../core/units.js";
import type { Clock } from "../../../ports/clock.js";
import { OperationalError } from "../../../ports/errors.js";
import type { Log } from "../../../ports/log.js";
import { GrpcConnection, GrpcError, type MessageStream, STATUS, type Tls } from "./grpc.js";
import { AUTHENTICATE, type Method, RANGE } from "./messages.js";

const CONNECT_MS = 1_000;
const PROBE_EVERY_MS = 1_000;
const PROBE_DEADLINE_MS = 1_500;
/** One attempt of a call; after it the next endpoint is asked. */
const ATTEMPT_MS = 2_000;
const DEADLINE_MS = 5_000;
/** Between rounds through all endpoints. */
const PAUSE_MS = 100;

export interface ChannelSettings {
  /** `http://host:port` or `https://host:port`; tried in this order. */
  readonly endpoints: readonly string[];
  readonly tls?: Tls;
  readonly auth?: { readonly user: string; readonly password: string };
  /** How long a question or a commit may take, through all endpoints; 5 s without it. */
  readonly deadlineMs?: number;
  readonly clock: Clock;
  readonly log: Log;
}

/** Statuses after which another endpoint, or the same one later, may answer. The others are the server's word. */
const PASSING: ReadonlySet<number> = new Set([
  STATUS.cancelled,
  STATUS.unknown,
  STATUS.deadlineExceeded,
  STATUS.internal,
  STATUS.unavailable,
]);

export const isPassing = (error: unknown): error is GrpcError =>
  error instanceof GrpcError && PASSING.has(error.status);

export class Channel {
  private current: GrpcConnection | null = null;
  private connecting: Promise<GrpcConnection> | null = null;
  private next = 0;
  private lastAnswer: number | null = null;
  private problem: string | null = "not connected yet";
  /** Whether the log says already that no server answers: it is told once, not with every attempt. */
  private isToldSilent = false;
  private readonly closed = new AbortController();
  /** How long a question or a commit may take, with all its attempts. */
  readonly deadlineMs: number;

  constructor(private readonly settings: ChannelSettings) {
    this.deadlineMs = settings.deadlineMs ?? DEADLINE_MS;
    if (settings.endpoints.length === 0) throw new OperationalError("bad-settings", "etcd needs an endpoint", false);
    for (const endpoint of settings.endpoints) checkEndpoint(endpoint);
  }

  get endpoint(): string {
    const { endpoints } = this.settings;
    const name = this.current?.endpoint ?? endpoints[this.next % endpoints.length]!;
    return endpoints.length === 1 ? name : `${name} (of ${endpoints.length})`;
  }

  get silenceMs(): number | null {
    return this.lastAnswer === null ? null : this.settings.clock.monotonic() - this.lastAnswer;
  }

  get whyUnreachable(): string | null {
    return this.problem;
  }

  get closing(): AbortSignal {
    return this.closed.signal;
  }

  close(): void {
    this.problem = "it is closed";
    this.closed.abort(new OperationalError("store-unreachable", "the cluster's store is closed", false));
    this.current?.close("closed");
    this.current = null;
  }

  /** For what may be asked twice: repeats until the deadline. Throws `store-unreachable` or `store-timeout`. */
  async ask<Q, A>(method: Method<Q, A>, question: Q, deadlineMs = this.deadlineMs): Promise<A> {
    const { clock } = this.settings;
    const until = clock.monotonic() + deadlineMs;
    for (;;) {
      const left = until - clock.monotonic();
      try {
        return await this.once(method, question, Math.min(left, ATTEMPT_MS));
      } catch (error) {
        if (!isPassing(error)) throw refused(error);
        if (clock.monotonic() + PAUSE_MS >= until) throw unanswered(error);
        await clock.sleep(milliseconds(PAUSE_MS), this.closed.signal);
      }
    }
  }

  /** One attempt. Throws `GrpcError`; a connection that did not answer is left. */
  async once<Q, A>(method: Method<Q, A>, question: Q, deadlineMs = ATTEMPT_MS): Promise<A> {
    const until = this.settings.clock.monotonic() + deadlineMs;
    const left = (): number => Math.max(1, until - this.settings.clock.monotonic());
    let connection = await within(this.connection(), deadlineMs);
    try {
      return this.answered(await connection.ask(method, question, left()));
    } catch (error) {
      if (isPassing(error)) this.leave(connection, error.message);
      if (!(error instanceof GrpcError) || error.status !== STATUS.unauthenticated) throw error;
    }
    // The token has run out; a new connection has a new one. A call that was refused so has done nothing.
    this.leave(connection, "the token has expired");
    connection = await within(this.connection(), left());
    return this.answered(await connection.ask(method, question, left()));
  }

  /** A stream on the present connection. Throws `GrpcError` when there is none to be had. */
  async stream<Q, A>(method: Method<Q, A>): Promise<MessageStream<Q, A>> {
    return (await this.connection()).stream(method);
  }

  /** Leaves the present connection, since a stream on it got no answers. */
  leaveCurrent(reason: string): void {
    if (this.current) this.leave(this.current, reason);
  }

  /** Notes that something came from the server. */
  answered<A>(answer: A): A {
    this.lastAnswer = this.settings.clock.monotonic();
    if (!this.closed.signal.aborted) this.problem = null;
    return answer;
  }

  private connection(): Promise<GrpcConnection> {
    if (this.closed.signal.aborted) return Promise.reject(this.closed.signal.reason);
    if (this.current?.isOpen) return Promise.resolve(this.current);
    this.connecting ??= this.connect().finally(() => {
      this.connecting = null;
    });
    return this.connecting;
  }

  private leave(connection: GrpcConnection, reason: string): void {
    connection.close(reason);
    if (this.current !== connection) return;
    this.current = null;
    this.next++;
    this.problem = `${connection.endpoint}: ${reason}`;
    if (!this.closed.signal.aborted)
      this.settings.log.warn({ endpoint: connection.endpoint, reason }, "left an etcd server");
  }

  /** Each endpoint once. */
  private async connect(): Promise<GrpcConnection> {
    const { endpoints, tls } = this.settings;
    const reasons: string[] = [];
    for (let i = 0; i < endpoints.length && !this.closed.signal.aborted; i++) {
      const endpoint = endpoints[this.next % endpoints.length]!;
      try {
        const connection = await GrpcConnection.open(endpoint, tls, CONNECT_MS);
        await this.prove(connection);
        if (this.closed.signal.aborted) connection.close("closed");
        this.current = connection;
        this.isToldSilent = false;
        void this.guard(connection);
        return connection;
      } catch (error) {
        if (!isPassing(error)) throw error;
        reasons.push(`${endpoint}: ${error.message}`);
        this.next++;
      }
    }
    this.problem = reasons.join("; ");
    if (!this.isToldSilent && !this.closed.signal.aborted)
      this.settings.log.warn({ reason: this.problem }, "no etcd server answers; asking until one does");
    this.isToldSilent = true;
    throw new GrpcError(STATUS.unavailable, this.problem, false);
  }

  /** Logs in, and asks something that only a member in touch with its cluster can answer. */
  private async prove(connection: GrpcConnection): Promise<void> {
    try {
      if (this.closed.signal.aborted) throw new GrpcError(STATUS.unavailable, "closed", false);
      const { auth } = this.settings;
      if (auth) connection.setMetadata("token", await connection.ask(AUTHENTICATE, auth, PROBE_DEADLINE_MS));
      await this.probe(connection);
    } catch (error) {
      connection.close("not usable");
      if (!(error instanceof GrpcError)) throw error;
      // The caller's own call has not been sent.
      throw new GrpcError(error.status, error.message, false);
    }
  }

  private async guard(connection: GrpcConnection): Promise<void> {
    const { clock } = this.settings;
    while (connection.isOpen) {
      await clock.sleep(milliseconds(PROBE_EVERY_MS), this.closed.signal);
      if (!connection.isOpen) break;
      try {
        await this.probe(connection);
      } catch (error) {
        this.leave(connection, error instanceof Error ? error.message : String(error));
      }
    }
    this.leave(connection, "the connection is closed");
  }

  private async probe(connection: GrpcConnection): Promise<void> {
    try {
      this.answered(await connection.ask(RANGE, { key: "/", limit: 1 }, PROBE_DEADLINE_MS));
    } catch (error) {
      // No right to read that key, or an expired token, is an answer as well; the calls themselves will say so.
      if (isPassing(error) || !(error instanceof GrpcError)) throw error;
      this.answered(error);
    }
  }
}

/** The way to a server is looked for by all calls together, and may take longer than one of them has. */
function within<T>(connecting: Promise<T>, deadlineMs: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const late = new GrpcError(STATUS.unavailable, `no server found in ${Math.round(deadlineMs)} ms`, false);
    const timer = setTimeout(() => reject(late), deadlineMs);
    connecting.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

function checkEndpoint(endpoint: string): void {
  const url = URL.canParse(endpoint) ? new URL(endpoint) : null;
  if (url && (url.protocol === "http:" || url.protocol === "https:") && url.pathname === "/") return;
  const message = `${JSON.stringify(endpoint)} is no etcd endpoint: http://HOST:PORT or https://HOST:PORT is wanted`;
  throw new OperationalError("bad-settings", message, false);
}

/** The server's word: repeating it changes nothing. */
export function refused(error: unknown): unknown {
  if (!(error instanceof GrpcError)) return error;
  const retryable = error.status === STATUS.resourceExhausted && error.message.includes("too many requests");
  return new OperationalError("store-failed", `etcd refuses: ${error.message}`, retryable, { cause: error });
}

/** No answer to a question, or not even a way to ask it. */
export const unanswered = (error: GrpcError): OperationalError =>
  error.wasSent
    ? new OperationalError("store-timeout", `etcd did not answer: ${error.message}`, true, { cause: error })
    : new OperationalError("store-unreachable", `etcd cannot be reached: ${error.message}`, true, { cause: error });
