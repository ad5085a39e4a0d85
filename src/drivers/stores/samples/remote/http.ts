/**
 * One request to a server that keeps samples, and what its failure means: not asked or no answer in time, overloaded (a
 * repetition may help), or refused (it does not). Deadlines cover the whole answer.
 */
import { type Dispatcher, request } from "undici";
import { type FailureCode, OperationalError } from "../../../../ports/errors.js";

export interface RemoteServer {
  /** Without a slash at its end. */
  readonly url: string;
  /** How people call it: Prometheus. */
  readonly name: string;
  /** The whole value of the header; null: none. */
  readonly authorization: string | null;
  readonly deadlineMs: number;
  readonly dispatcher: Dispatcher;
}

export interface RemoteRequest {
  readonly method: "GET" | "POST";
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
}

type Answer = Dispatcher.ResponseData;

const LONGEST_TEXT = 300;

const remoteFailure = (code: FailureCode, message: string, retryable: boolean, cause?: unknown): OperationalError =>
  new OperationalError(code, message, retryable, { cause });

/** The answer's head, whatever its status; its body is the caller's to read. Throws `store-unreachable`. */
export async function send(server: RemoteServer, { method, url, headers, body }: RemoteRequest): Promise<Answer> {
  try {
    return await request(url, {
      method,
      headers: { ...headers, ...(server.authorization === null ? {} : { authorization: server.authorization }) },
      headersTimeout: 0,
      bodyTimeout: server.deadlineMs,
      signal: AbortSignal.timeout(server.deadlineMs),
      dispatcher: server.dispatcher,
      ...(body === undefined ? {} : { body }),
    });
  } catch (cause) {
    throw noAnswer(server, cause);
  }
}

export function noAnswer({ name, url, deadlineMs }: Pick<RemoteServer, "name" | "url" | "deadlineMs">, cause: unknown) {
  const { name: kind, message = String(cause) } = cause as { name?: string; message?: string };
  const why = kind === "TimeoutError" ? `no answer within ${deadlineMs / 1000} s` : message;
  return remoteFailure("store-unreachable", `${name} at ${url} does not answer: ${why}`, true, cause);
}

/** The failure that an answer with a status of 400 or more is. */
export function refusal({ name, url }: Pick<RemoteServer, "name" | "url">, status: number, text: string) {
  const said = text.trim().replace(/\s+/g, " ").slice(0, LONGEST_TEXT);
  const what = `${status}${said === "" ? "" : `, ${said}`}`;
  if (status === 401 || status === 403)
    return remoteFailure("store-failed", `${name} at ${url} does not accept the token: ${what}`, false);
  if (status === 429 || status >= 500)
    return remoteFailure("store-unreachable", `${name} at ${url} cannot answer now: ${what}`, true);
  return remoteFailure("store-failed", `${name} at ${url} refuses: ${what}`, false);
}

/** The body as text. Throws what the failure means, `refusal` for a status of 400 or more. */
export async function textOf(server: RemoteServer, answer: Answer): Promise<string> {
  let text: string;
  try {
    text = await answer.body.text();
  } catch (cause) {
    throw noAnswer(server, cause);
  }
  if (answer.statusCode >= 400) throw refusal(server, answer.statusCode, text);
  return text;
}
