/** A cluster's schedulers as a sink: any of them takes estimates, and passes them on to the one that leads. */
import { Agent } from "undici";
import { OperationalError } from "../../ports/errors.js";
import type { EstimateSink, HostEstimate } from "../../ports/estimates.js";
import type { Log } from "../../ports/log.js";
import { callSink, refused } from "./http-call.js";

export interface SchedulerSinkSettings {
  readonly urls: readonly string[];
  readonly token: string | null;
  /** Certificate authority (PEM); null: the system's. */
  readonly authority: string | null;
  readonly log: Log;
  readonly deadlineMs?: number;
}

const DEADLINE_MS = 10_000;

export function schedulerSink(settings: SchedulerSinkSettings): EstimateSink {
  const { urls, token, authority, log, deadlineMs = DEADLINE_MS } = settings;
  const dispatcher = new Agent({
    connect: { timeout: deadlineMs, ...(authority === null ? {} : { ca: authority }) },
  });
  const headers = token === null ? {} : { authorization: `Bearer ${token}` };
  const told = new Set<string>();

  async function publish(url: string, estimates: readonly HostEstimate[], signal: AbortSignal): Promise<void> {
    const server = { name: `the scheduler ${url}`, deadlineMs, dispatcher };
    const address = `${url.replace(/\/+$/, "")}/v1/estimates`;
    const body = JSON.stringify({ estimates });
    const answer = await callSink(server, { method: "POST", url: address, headers, body, signal });
    if (answer.status !== 200) throw refused(server, "estimates", answer);
    const { unknown = [] } = JSON.parse(answer.text) as { readonly unknown?: readonly string[] };
    const fresh = unknown.filter((name) => !told.has(name));
    for (const name of fresh) told.add(name);
    if (fresh.length > 0) log.info({ hosts: fresh }, "hosts of the sample store that the cluster does not know");
  }

  return {
    name: "scheduler",
    async deliver(estimates, signal) {
      let failure: unknown = new OperationalError("sink-unreachable", "there is no scheduler to tell", true);
      for (const url of urls) {
        try {
          return await publish(url, estimates, signal);
        } catch (error) {
          failure = error;
        }
      }
      throw failure;
    },
    close: () => dispatcher.close(),
  };
}
