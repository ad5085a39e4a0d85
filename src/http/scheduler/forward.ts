/**
 * Passing a request on to the leader. A standby forwards changes, instead of sending their client away: clients know one
 * address (a proxy's, or the one in an old script), not who leads, and a leader changes while they run. It forwards once (a
 * request that was forwarded already is answered 503 `not-leader`), never repeats, and says of an answer that did not come
 * whether the request was sent: a client repeats with the same Idempotency-Key either way (docs/decisions/0006).
 */
import type { FastifyRequest } from "fastify";
import { type Dispatcher, request as send } from "undici";
import { changeDeadline, type HttpLimits } from "../options.js";
import { RequestError } from "../problem.js";

/** Marks a request that a standby has passed on. */
export const FORWARDED = "headroom-forwarded";
/** In answers: who leads, or who answered. */
export const LEADER = "headroom-leader";

export interface Forwarded {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

interface ForwarderOptions {
  readonly limits: HttpLimits;
  readonly token: string | null;
  readonly dispatcher?: Dispatcher | undefined;
}

/** Headers of the answer that mean something to the client. */
const KEPT = ["content-type", "retry-after", "idempotency-replayed", "www-authenticate"] as const;
/** The connection was never made: nothing was sent. */
const NOT_SENT = new Set([
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "UND_ERR_CONNECT_TIMEOUT",
]);
const CONNECT_MS = 2_000;

export class Forwarder {
  constructor(private readonly options: ForwarderOptions) {}

  /**
   * `key`: for the request to be known by, where the client gave none. Throws `RequestError`: `not-leader` (nothing was
   * done), `deadline-exceeded` (nobody knows).
   */
  async forward(request: FastifyRequest, leader: string | null, key: string): Promise<Forwarded> {
    if (leader === null) throw notLeader(leader, "No scheduler leads the cluster now");
    if (request.headers[FORWARDED] !== undefined)
      throw notLeader(leader, "Another scheduler took this one for the leader; it is not any more");
    try {
      const answer = await send(leader.replace(/\/+$/, "") + request.raw.url, this.callOf(request, key));
      const body = await answer.body.text();
      return { status: answer.statusCode, headers: { ...keptHeaders(answer.headers), [LEADER]: leader }, body };
    } catch (error) {
      throw unanswered(leader, error);
    }
  }

  private callOf(request: FastifyRequest, key: string): Parameters<typeof send>[1] {
    const { limits, dispatcher } = this.options;
    const hasBody = request.body !== undefined && request.body !== null;
    const authorization =
      request.headers.authorization ?? (this.options.token === null ? null : `Bearer ${this.options.token}`);
    const headers: Record<string, string> = { [FORWARDED]: "1", accept: "application/json, application/problem+json" };
    if (authorization !== null) headers.authorization = authorization;
    if (request.method !== "GET") headers["idempotency-key"] = key;
    if (hasBody) headers["content-type"] = "application/json";
    const deadline = changeDeadline(limits);
    return {
      method: request.method === "DELETE" ? "DELETE" : request.method === "POST" ? "POST" : "GET",
      headers,
      headersTimeout: deadline,
      bodyTimeout: limits.requestMs,
      signal: AbortSignal.timeout(deadline + CONNECT_MS),
      ...(hasBody ? { body: JSON.stringify(request.body) } : {}),
      ...(dispatcher === undefined ? {} : { dispatcher }),
    };
  }
}

function keptHeaders(headers: Readonly<Record<string, string | string[] | undefined>>): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const name of KEPT) {
    const value = headers[name];
    if (typeof value === "string") kept[name] = value;
  }
  return kept;
}

/** Nothing was done; `leader` is where to ask. */
export function notLeader(leader: string | null, detail: string): RequestError {
  return new RequestError("not-leader", detail, [], leader === null ? {} : { [LEADER]: leader }, { leader });
}

function unanswered(leader: string, error: unknown): RequestError {
  const { code, message = String(error) } = error as { code?: unknown; message?: string };
  if (typeof code === "string" && NOT_SENT.has(code))
    return notLeader(leader, `The leader at ${leader} does not answer (${code}); nothing was done`);
  return new RequestError(
    "deadline-exceeded",
    `The leader at ${leader} took the request and did not answer (${message}). Repeat it with the same Idempotency-Key`,
    [],
    { [LEADER]: leader },
    { leader },
  );
}
