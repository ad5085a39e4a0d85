/**
 * What a host's agent says to the schedulers of its cluster: that it is there, what it has, and that it is still there. Answers
 * are values, also the ones that did not come. Changes go the other way (agent-client.ts).
 */
import type { Milliseconds } from "../core/units.js";
import type { HostReport } from "./agent-client.js";

/** An agent announces itself, and again whenever a scheduler asks for it. */
export interface Registration {
  /** Where its agent is reached. */
  readonly url: string;
  readonly report: HostReport;
  /** The host's wall clock. */
  readonly at: Milliseconds;
}

/** An unchanged host costs this much. */
export interface Heartbeat {
  readonly host: string;
  readonly machineId: string;
  /** `reportTag` of the host's present state. */
  readonly tag: string;
  readonly at: Milliseconds;
}

export interface HeartbeatAnswer {
  /** report: register again, with the whole report. nothing: known already. */
  readonly wants: "report" | "nothing";
  readonly epoch: number;
  /** When to be heard of next. */
  readonly next: Milliseconds;
}

export type SchedulerOutcome =
  | { readonly kind: "answered"; readonly answer: HeartbeatAnswer }
  /** It does not lead. `leader`: address of the one that does; null: nobody, or it does not know. */
  | { readonly kind: "elsewhere"; readonly leader: string | null }
  /** It does not want this host (`host-taken`), or not from us (`unauthenticated`, `forbidden`). */
  | { readonly kind: "refused"; readonly code: string; readonly reason: string }
  | { readonly kind: "unanswered"; readonly reason: string };

/** Every call ends, at the latest, at its deadline. */
export interface SchedulerClient {
  register(registration: Registration, signal?: AbortSignal): Promise<SchedulerOutcome>;
  heartbeat(beat: Heartbeat, signal?: AbortSignal): Promise<SchedulerOutcome>;
}

/** Makes the client of the scheduler at an address, such as `http://10.0.0.1:8100`. */
export type SchedulerClients = (url: string) => SchedulerClient;
