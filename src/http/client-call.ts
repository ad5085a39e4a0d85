/**
 * Calls of `/v1` for typed clients: answers are checked against the schemas that the server writes them from; problems become
 * `ProblemError`, a server that cannot be asked an `agent-unreachable`. Leaves out retries: a caller that repeats a change
 * passes the same Idempotency-Key.
 */
import { type Dispatcher, request } from "undici";
import type { z } from "zod";
import { jsonOf } from "../core/json.js";
import { OperationalError } from "../ports/errors.js";
import { type ProblemAnswer, problemAnswer } from "./schemas/answers.js";

export interface ClientOptions {
  /** `http://127.0.0.1:8099` or `https://...`; a path in front of `/v1` is kept. */
  readonly baseUrl: string;
  readonly token?: string | null;
  /** For connecting, for the headers and for the body of the answer, each. */
  readonly timeoutMs: number;
  /** Connections to share between clients; undici's own when absent. */
  readonly dispatcher?: Dispatcher;
}

/** The answer was a problem. `message` is its detail. */
export class ProblemError extends Error {
  override readonly name = "ProblemError";
  constructor(readonly problem: ProblemAnswer) {
    super(problem.detail);
  }
  get code(): string {
    return this.problem.code;
  }
}

interface CallOptions extends ClientOptions {
  /** What is asked, in words: `agent`, `scheduler`. */
  readonly server: string;
}

interface Call<S extends z.ZodType> {
  readonly method: "GET" | "POST" | "DELETE";
  /** Below the base URL, with its query. */
  readonly path: string;
  readonly answer: S;
  readonly body?: unknown;
  readonly key?: string | undefined;
}

export interface Caller {
  call<S extends z.ZodType>(one: Call<S>): Promise<z.output<S>>;
  get<S extends z.ZodType>(path: string, answer: S): Promise<z.output<S>>;
  post<S extends z.ZodType>(path: string, answer: S, body?: unknown, key?: string): Promise<z.output<S>>;
}

/** Throws `bad-settings` when the URL is none. All calls throw `ProblemError` or `OperationalError`. */
export function callerOf(options: CallOptions): Caller {
  const base = baseOf(options.baseUrl);
  const call: Caller["call"] = (one) => ask(options, base, one);
  return {
    call,
    get: (path, answer) => call({ method: "GET", path, answer }),
    post: (path, answer, body, key) => call({ method: "POST", path, answer, body, key }),
  };
}

function baseOf(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !["http:", "https:"].includes(url.protocol) || url.search !== "" || url.hash !== "")
    throw new OperationalError("bad-settings", `"${text}" is no URL of a server; expected http://host:port`, false);
  return url.href.replace(/\/+$/, "");
}

export function queryOf(values: Readonly<Record<string, string | number | undefined>>): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) if (value !== undefined) query.set(name, String(value));
  return query.size === 0 ? "" : `?${query}`;
}

/** Every item, page after page. */
export async function allPages<T>(
  page: (cursor: string | undefined) => Promise<{ readonly items: readonly T[]; readonly next: string | null }>,
): Promise<readonly T[]> {
  const items: T[] = [];
  for (let cursor: string | undefined; ; ) {
    const { items: more, next } = await page(cursor);
    items.push(...more);
    if (next === null) return items;
    cursor = next;
  }
}

async function ask<S extends z.ZodType>(options: CallOptions, base: string, call: Call<S>): Promise<z.output<S>> {
  const { status, text } = await exchange(options, base, call);
  const answer = jsonOf(text);
  if (status >= 400) {
    const problem = problemAnswer.safeParse(answer);
    if (problem.success) throw new ProblemError(problem.data);
    throw notOurs(options.server, base, `status ${status} without a problem document`);
  }
  const parsed = call.answer.safeParse(answer);
  if (!parsed.success)
    throw notOurs(options.server, base, `an answer of another shape (${parsed.error.issues[0]?.message ?? "?"})`);
  return parsed.data;
}

async function exchange(
  { token, timeoutMs, dispatcher, server }: CallOptions,
  base: string,
  { method, path, body, key }: Call<z.ZodType>,
): Promise<{ status: number; text: string }> {
  const headers: Record<string, string> = { accept: "application/json, application/problem+json" };
  if (token) headers.authorization = `Bearer ${token}`;
  if (key !== undefined) headers["idempotency-key"] = key;
  if (body !== undefined) headers["content-type"] = "application/json";
  try {
    const response = await request(base + path, {
      method,
      headers,
      headersTimeout: timeoutMs,
      bodyTimeout: timeoutMs,
      signal: AbortSignal.timeout(2 * timeoutMs),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(dispatcher === undefined ? {} : { dispatcher }),
    });
    return { status: response.statusCode, text: await response.body.text() };
  } catch (error) {
    throw unreachable(server, base, error, timeoutMs);
  }
}

const HINTS: Readonly<Record<string, string>> = {
  ECONNREFUSED: "nothing listens there; is it running?",
  ENOTFOUND: "the host name is not known",
  EAI_AGAIN: "the host name cannot be looked up now",
  EHOSTUNREACH: "there is no route to the host",
  ECONNRESET: "the connection was cut",
  DEPTH_ZERO_SELF_SIGNED_CERT: "its certificate is self-signed; trust it through NODE_EXTRA_CA_CERTS",
  SELF_SIGNED_CERT_IN_CHAIN: "its certificate's authority is not known; trust it through NODE_EXTRA_CA_CERTS",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "its certificate's authority is not known; trust it through NODE_EXTRA_CA_CERTS",
  UND_ERR_SOCKET: "the connection was cut; is it https on one side only?",
};

function unreachable(server: string, base: string, error: unknown, timeoutMs: number): OperationalError {
  const { code = "", name, message } = error as { code?: string; name?: string; message?: string };
  const late = name === "TimeoutError" || code.endsWith("_TIMEOUT");
  const hint = late ? `no answer within ${timeoutMs} ms` : (HINTS[code] ?? message ?? String(error));
  return new OperationalError("agent-unreachable", `Cannot reach the ${server} at ${base}: ${hint}`, true, {
    cause: error,
  });
}

const notOurs = (server: string, base: string, got: string): OperationalError =>
  new OperationalError("agent-unreachable", `What answers at ${base} is not a Headroom ${server}: ${got}`, false);
