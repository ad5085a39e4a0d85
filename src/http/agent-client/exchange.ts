/**
 * One question to an agent over HTTP, and what came back: an answer as JSON, or the reason why there is none and whether the
 * question can have arrived. Connections are kept and shared by all clients of a scheduler (pool.ts).
 */
import { type Dispatcher, request } from "undici";
import { jsonOf } from "../../core/json.js";
import type { Unanswered, Unauthorised } from "../../ports/agent-client.js";
import { endingAt } from "./ending.js";

export interface Question {
  readonly method: "GET" | "POST" | "DELETE";
  /** Below the agent's address, with its query. */
  readonly path: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly deadlineMs: number;
  readonly signal?: AbortSignal | undefined;
}

export interface Answered {
  readonly kind: "answered";
  readonly status: number;
  /** Undefined: no JSON. */
  readonly body: unknown;
}

export interface Line {
  readonly url: string;
  readonly token: string | null;
  readonly dispatcher: Dispatcher;
}

export async function exchange(line: Line, question: Question): Promise<Answered | Unanswered | Unauthorised> {
  const { method, path, body, deadlineMs, signal } = question;
  if (signal?.aborted) return notAsked(line.url);
  const ending = endingAt(deadlineMs, signal);
  const headers: Record<string, string> = { accept: "application/json, application/problem+json", ...question.headers };
  if (line.token !== null) headers.authorization = `Bearer ${line.token}`;
  if (body !== undefined) headers["content-type"] = "application/json";
  try {
    const response = await request(line.url + path, {
      method,
      headers,
      // The deadline ends all three at once.
      headersTimeout: 0,
      bodyTimeout: 0,
      signal: ending.signal,
      dispatcher: line.dispatcher,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { kind: "answered", status: response.statusCode, body: jsonOf(await response.body.text()) };
  } catch (error) {
    return noAnswer(line.url, error, ending.late ? deadlineMs : null);
  } finally {
    ending.release();
  }
}

const notAsked = (url: string): Unanswered => ({
  kind: "unanswered",
  reason: `the agent at ${url} was not asked: nobody waits for the answer`,
  notSent: false,
});

/** The connection was never made. */
const NOT_SENT = new Set([
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "EADDRNOTAVAIL",
  "UND_ERR_CONNECT_TIMEOUT",
]);

const WORDS: Readonly<Record<string, string>> = {
  ECONNREFUSED: "nothing listens there",
  ENOTFOUND: "its name is not known",
  EAI_AGAIN: "its name cannot be looked up now",
  EHOSTUNREACH: "there is no route to it",
  ENETUNREACH: "there is no route to it",
  UND_ERR_CONNECT_TIMEOUT: "no connection in time",
  ECONNRESET: "the connection was cut",
  UND_ERR_SOCKET: "the connection was cut",
};

const isCertificateFault = (code: string): boolean =>
  code.startsWith("ERR_TLS_") || code.includes("CERT") || code === "UNABLE_TO_VERIFY_LEAF_SIGNATURE";

function noAnswer(url: string, error: unknown, deadlineMs: number | null): Unanswered | Unauthorised {
  const { code: thrown, message = String(error) } = error as { code?: unknown; message?: string };
  // An aborted signal's exception has a number.
  const code = typeof thrown === "string" ? thrown : "";
  if (isCertificateFault(code))
    return {
      kind: "unauthorised",
      reason: `the agent at ${url} shows a certificate that the cluster's authority does not vouch for (${code})`,
    };
  const why = deadlineMs === null ? (WORDS[code] ?? message) : `no answer within ${deadlineMs} ms`;
  return { kind: "unanswered", reason: `the agent at ${url} did not answer: ${why}`, notSent: NOT_SENT.has(code) };
}
