/**
 * One request to a service that takes estimates, with a deadline over the whole answer. No answer, or one that says "not now", may
 * be repeated (`sink-unreachable`); any other refusal is the caller's to read, or to throw (`refused`: `sink-failed`).
 */
import { type Dispatcher, request } from "undici";
import { OperationalError } from "../../ports/errors.js";
import { joined } from "../../ports/signals.js";

export interface SinkCall {
  readonly method: "GET" | "POST" | "PUT";
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly signal: AbortSignal;
}

export interface SinkServer {
  /** How people call it. */
  readonly name: string;
  readonly deadlineMs: number;
  readonly dispatcher: Dispatcher;
}

export interface SinkAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}

/** Statuses that a repetition may mend. */
const PASSING = new Set([408, 425, 429]);
const LONGEST_TEXT = 300;

const messageOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause));

/** Throws `sink-unreachable`. */
export async function callSink(
  server: SinkServer,
  { method, url, headers, body, signal }: SinkCall,
): Promise<SinkAnswer> {
  const until = joined(signal, AbortSignal.timeout(server.deadlineMs));
  const answer = await exchanged(server, url, async () => {
    const {
      statusCode: status,
      headers: own,
      body: stream,
    } = await request(url, {
      method,
      headers: {
        accept: "application/json",
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...headers,
      },
      signal: until.signal,
      dispatcher: server.dispatcher,
      ...(body === undefined ? {} : { body }),
    });
    return { status, headers: own, text: await stream.text() };
  }).finally(until.release);
  if (answer.status < 500 && !PASSING.has(answer.status)) return answer;
  throw new OperationalError("sink-unreachable", `${server.name} cannot answer now: ${saidBy(answer)}`, true);
}

async function exchanged(server: SinkServer, url: string, exchange: () => Promise<SinkAnswer>): Promise<SinkAnswer> {
  try {
    return await exchange();
  } catch (cause) {
    const timedOut = cause instanceof Error && cause.name === "TimeoutError";
    const why = timedOut ? `no answer within ${server.deadlineMs / 1000} s` : messageOf(cause);
    const { origin } = new URL(url);
    const who = server.name.includes(origin) ? server.name : `${server.name} at ${origin}`;
    throw new OperationalError("sink-unreachable", `${who} does not answer: ${why}`, true, { cause });
  }
}

function saidBy({ status, text }: SinkAnswer): string {
  const said = text.trim().replace(/\s+/g, " ").slice(0, LONGEST_TEXT);
  return said === "" ? String(status) : `${status}, ${said}`;
}

/** For a refusal that a repetition does not mend. */
export const refused = (server: SinkServer, what: string, answer: SinkAnswer): OperationalError =>
  new OperationalError("sink-failed", `${server.name} refuses ${what}: ${saidBy(answer)}`, false);
