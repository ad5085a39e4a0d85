/**
 * One scrape over HTTP: the text, or why there is none. Whatever the other side does, it is over by the deadline and has cost no more
 * than the largest text: answers that do not come, never end, come drop by drop, are no text, or lead elsewhere.
 */
import { type Dispatcher, request } from "undici";
import { type Milliseconds, milliseconds } from "../../core/units.js";
import { joined } from "../../ports/signals.js";

export const SCRAPE_FAULTS = [
  "unreachable",
  "timeout",
  "status",
  "too-large",
  "not-text",
  "no-values",
  "clock",
] as const;
export type ScrapeFault = (typeof SCRAPE_FAULTS)[number];

export type FetchedText =
  | { readonly ok: true; readonly text: string }
  | { readonly ok: false; readonly fault: ScrapeFault; readonly problem: string };

export interface FetchSettings {
  readonly deadline: Milliseconds;
  readonly maximumBytes: number;
  /** Presented to every endpoint; null: none. */
  readonly token: string | null;
  readonly dispatcher?: Dispatcher;
}

export type FetchText = (url: string, signal: AbortSignal) => Promise<FetchedText>;

const ACCEPT = "text/plain;version=0.0.4;q=1,*/*;q=0.1";
/** What a web page or an API answers with, of which no line would be an exposition's. */
const NOT_METRICS = /^(?:text\/html|application\/(?:json|problem\+json|xml))\b/i;
/** A server closes an idle connection in the moment in which it is used again: nothing was heard, so it may be asked once more. */
const CLOSED_IDLE: ReadonlySet<unknown> = new Set(["UND_ERR_SOCKET", "ECONNRESET", "EPIPE"]);

export const fetchText =
  (settings: FetchSettings): FetchText =>
  async (url, signal) => {
    const deadline = AbortSignal.timeout(settings.deadline);
    const { signal: until, release } = joined(deadline, signal);
    try {
      return await ask(url, settings, until).catch((error: unknown) => {
        if (until.aborted || !CLOSED_IDLE.has((error as { code?: unknown }).code)) throw error;
        return ask(url, settings, until);
      });
    } catch (error) {
      if (deadline.aborted)
        return failed("timeout", `no whole answer within ${milliseconds(settings.deadline) / 1000} s`);
      return failed("unreachable", reasonOf(error));
    } finally {
      release();
    }
  };

const failed = (fault: ScrapeFault, problem: string): FetchedText => ({ ok: false, fault, problem });

/** undici gathers the failures of all addresses of a name. */
function reasonOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return reasonOf(error.errors[0]);
  return error instanceof Error ? error.message : String(error);
}

async function ask(url: string, settings: FetchSettings, signal: AbortSignal): Promise<FetchedText> {
  const { token, maximumBytes, dispatcher } = settings;
  const { statusCode, headers, body } = await request(url, {
    headers: {
      accept: ACCEPT,
      "accept-encoding": "identity",
      ...(token === null ? {} : { authorization: `Bearer ${token}` }),
    },
    signal,
    ...(dispatcher === undefined ? {} : { dispatcher }),
  });
  const refuse = (fault: ScrapeFault, problem: string): FetchedText => {
    // The connection goes with the rest of the answer, which nobody waits for. Its end is no news.
    body.on("error", () => undefined).destroy();
    return failed(fault, problem);
  };
  if (statusCode !== 200) return refuse("status", `status ${statusCode}`);
  const type = String(headers["content-type"] ?? "");
  if (NOT_METRICS.test(type)) return refuse("not-text", `content type ${type}`);
  const encoding = headers["content-encoding"] ?? "identity";
  if (encoding !== "identity")
    return refuse("not-text", `content encoding ${String(encoding)}, which was not asked for`);
  const tooLarge = `more than ${maximumBytes} bytes`;
  if (Number(headers["content-length"] ?? 0) > maximumBytes) return refuse("too-large", tooLarge);
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of body as AsyncIterable<Buffer>) {
    bytes += piece.length;
    // Leaving the loop ends the body, and its connection.
    if (bytes > maximumBytes) return failed("too-large", tooLarge);
    pieces.push(piece);
  }
  return decode(Buffer.concat(pieces));
}

function decode(bytes: Buffer): FetchedText {
  try {
    return { ok: true, text: new TextDecoder("utf-8", { fatal: true }).decode(bytes) };
  } catch (error) {
    if (error instanceof TypeError) return failed("not-text", "not UTF-8");
    throw error;
  }
}
