/**
 * The agent's client of schedulers (ports/scheduler-client.ts) over their HTTP interface. An answer that is not the scheduler's
 * own (a proxy's page, half a body) counts as none.
 */
import { type Dispatcher, request } from "undici";
import { jsonOf } from "../core/json.js";
import { milliseconds } from "../core/units.js";
import type {
  Heartbeat,
  Registration,
  SchedulerClient,
  SchedulerClients,
  SchedulerOutcome,
} from "../ports/scheduler-client.js";
import { joined } from "../ports/signals.js";
import { heartbeatAnswer } from "./scheduler/schemas/answers.js";
import { problemAnswer } from "./schemas/answers.js";

export interface SchedulerClientSettings {
  /** Presented to schedulers; null: none. */
  readonly token: string | null;
  readonly deadlineMs: number;
  /** undici's own when absent. */
  readonly dispatcher?: Dispatcher;
}

/** A leader answers from memory; one that takes longer is as good as gone, and the next is asked. */
export const SCHEDULER_DEADLINE_MS = 5_000;

export const schedulerClients =
  (settings: SchedulerClientSettings): SchedulerClients =>
  (url) =>
    new HttpSchedulerClient(settings, url.replace(/\/+$/, ""));

class HttpSchedulerClient implements SchedulerClient {
  constructor(
    private readonly settings: SchedulerClientSettings,
    private readonly url: string,
  ) {}

  register(registration: Registration, signal?: AbortSignal): Promise<SchedulerOutcome> {
    return this.post("/v1/hosts", registration, signal);
  }

  heartbeat({ host, ...beat }: Heartbeat, signal?: AbortSignal): Promise<SchedulerOutcome> {
    return this.post(`/v1/hosts/${encodeURIComponent(host)}/heartbeat`, beat, signal);
  }

  private async post(path: string, body: unknown, signal: AbortSignal | undefined): Promise<SchedulerOutcome> {
    const { token, deadlineMs, dispatcher } = this.settings;
    const deadline = AbortSignal.timeout(deadlineMs);
    const until = signal === undefined ? null : joined(deadline, signal);
    try {
      const response = await request(this.url + path, {
        method: "POST",
        headers: {
          accept: "application/json, application/problem+json",
          "content-type": "application/json",
          ...(token === null ? {} : { authorization: `Bearer ${token}` }),
        },
        body: JSON.stringify(body),
        signal: until?.signal ?? deadline,
        ...(dispatcher === undefined ? {} : { dispatcher }),
      });
      const text = await response.body.text();
      return outcomeOf(this.url, response.statusCode, response.headers, text);
    } catch (error) {
      const { code, message = String(error) } = error as { code?: string; message?: string };
      const why = deadline.aborted ? `no answer within ${deadlineMs} ms` : (code ?? message);
      return { kind: "unanswered", reason: `${this.url}: ${why}` };
    } finally {
      until?.release();
    }
  }
}

type Headers = Readonly<Record<string, string | string[] | undefined>>;

/** What an HTTP answer means. Pure. */
export function outcomeOf(url: string, status: number, headers: Headers, text: string): SchedulerOutcome {
  const body = jsonOf(text);
  if (status >= 300 && status < 400) return { kind: "elsewhere", leader: originOf(headers.location, url) };
  if (status < 300) {
    const answer = heartbeatAnswer.safeParse(body);
    if (!answer.success) return noScheduler(url, `status ${status}`);
    const { wants, epoch, next } = answer.data;
    return { kind: "answered", answer: { wants, epoch, next: milliseconds(next) } };
  }
  const problem = problemAnswer.safeParse(body);
  if (!problem.success) return noScheduler(url, `status ${status}`);
  const { code, detail, details } = problem.data;
  if (code === "not-leader") {
    const leader = details?.leader;
    return { kind: "elsewhere", leader: typeof leader === "string" ? leader : null };
  }
  // It may do better in a moment, or another scheduler now.
  if (status >= 500) return { kind: "unanswered", reason: `${url}: ${detail}` };
  return { kind: "refused", code, reason: `${url}: ${detail}` };
}

function originOf(location: string | string[] | undefined, base: string): string | null {
  if (typeof location !== "string" || !URL.canParse(location, base)) return null;
  return new URL(location, base).origin;
}

const noScheduler = (url: string, got: string): SchedulerOutcome => ({
  kind: "unanswered",
  reason: `what answers at ${url} is not a Headroom scheduler of this version: ${got}`,
});
