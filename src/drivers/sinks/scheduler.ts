/**
 * A cluster's schedulers as a sink: any of them takes estimates, and passes them on to the one that leads. A leader keeps them in its memory,
 * so a new one lacks them; and whatever a leader had not heard of yet, it did not take.
 */
import { Agent } from "undici";
import { OperationalError } from "../../ports/errors.js";
import type { EstimateSink, HostEstimate } from "../../ports/estimates.js";
import type { Log } from "../../ports/log.js";
import { callSink, refused, type SinkServer } from "./http-call.js";

export interface SchedulerSinkSettings {
  readonly urls: readonly string[];
  readonly token: string | null;
  /** Certificate authority (PEM); null: the system's. */
  readonly authority: string | null;
  readonly log: Log;
  readonly deadlineMs?: number;
}

const DEADLINE_MS = 10_000;

/** What a scheduler answers. */
interface Published {
  readonly taken: number;
  readonly unknown: readonly string[];
}

export function schedulerSink(settings: SchedulerSinkSettings): EstimateSink {
  const { urls, token, authority, log, deadlineMs = DEADLINE_MS } = settings;
  const dispatcher = new Agent({
    connect: { timeout: deadlineMs, ...(authority === null ? {} : { ca: authority }) },
  });
  const headers = token === null ? {} : { authorization: `Bearer ${token}` };
  const told = new Set<string>();
  /** Hosts whose estimates were taken, of the last that were told. */
  let taken = 0;
  /** Something was not taken that a later attempt may bring. */
  let isOwing = false;

  const serverOf = (url: string): SinkServer => ({ name: `the scheduler ${url}`, deadlineMs, dispatcher });
  const addressOf = (url: string): string => `${url.replace(/\/+$/, "")}/v1/estimates`;

  async function publish(url: string, estimates: readonly HostEstimate[], signal: AbortSignal): Promise<void> {
    const server = serverOf(url);
    const body = JSON.stringify({ estimates });
    const answer = await callSink(server, { method: "POST", url: addressOf(url), headers, body, signal });
    if (answer.status !== 200) throw refused(server, "estimates", answer);
    const { taken: now, unknown } = JSON.parse(answer.text) as Published;
    taken = now;
    if (now + unknown.length < estimates.length) isOwing = true;
    const fresh = unknown.filter((name) => !told.has(name));
    for (const name of fresh) told.add(name);
    if (fresh.length > 0) log.info({ hosts: fresh }, "hosts of the sample store that the cluster does not know");
  }

  async function holdsNone(url: string, signal: AbortSignal): Promise<boolean> {
    const server = serverOf(url);
    const answer = await callSink(server, { method: "GET", url: `${addressOf(url)}?limit=1`, headers, signal });
    if (answer.status !== 200) throw refused(server, "to show estimates", answer);
    return (JSON.parse(answer.text) as { readonly items: readonly object[] }).items.length === 0;
  }

  /** The first scheduler that answers. */
  async function any<T>(ask: (url: string) => Promise<T>): Promise<T> {
    let failure: unknown = new OperationalError("sink-unreachable", "there is no scheduler to tell", true);
    for (const url of urls) {
      try {
        return await ask(url);
      } catch (error) {
        failure = error;
      }
    }
    throw failure;
  }

  return {
    name: "scheduler",
    async deliver(estimates, signal) {
      try {
        await any((url) => publish(url, estimates, signal));
      } catch (error) {
        isOwing = true;
        throw error;
      }
    },
    async isLacking(signal) {
      const isEmpty = await any((url) => holdsNone(url, signal));
      const lacks = isOwing || (isEmpty && taken > 0);
      isOwing = false;
      return lacks;
    },
    close: () => dispatcher.close(),
  };
}
