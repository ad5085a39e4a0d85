/** The connections of one scheduler to all of its agents: kept between calls, few to each, with the operator's authority. */
import { Agent, type Dispatcher } from "undici";

export interface ConnectionSettings {
  /** Certificate authority (PEM) that agents' certificates must be of; null: the system's. */
  readonly authority: string | null;
  /** For making a connection. A host that does not answer at all must not look as if it had been asked. */
  readonly connectMs: number;
  /** To one agent at once; more calls wait. An agent carries changes out one by one: more would only wait there. */
  readonly perAgent: number;
}

export const DEFAULT_CONNECTIONS: ConnectionSettings = { authority: null, connectMs: 2_000, perAgent: 16 };

/** Longer than between two polls, so that a connection is there for the next; shorter than the agent's own limit (30 s). */
const IDLE_MS = 20_000;

export function agentConnections(settings: Partial<ConnectionSettings> = {}): Dispatcher {
  const { authority, connectMs, perAgent } = { ...DEFAULT_CONNECTIONS, ...settings };
  return new Agent({
    connections: perAgent,
    // A second request on a connection whose first is not answered could be lost with it, and nobody would know which.
    pipelining: 1,
    keepAliveTimeout: IDLE_MS,
    keepAliveMaxTimeout: IDLE_MS,
    connect: { timeout: connectMs, ...(authority === null ? {} : { ca: authority }) },
  });
}
