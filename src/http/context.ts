/** What every route gets: what requests share, and what is the agent's (or the scheduler's) own. */
import type { AgentService } from "../agent/service.js";
import type { Clock } from "../ports/clock.js";
import type { Log } from "../ports/log.js";
import type { App } from "./app-type.js";
import type { EventStreams } from "./event-stream.js";
import type { Gate } from "./gate.js";
import type { HostRules } from "./host-rules.js";
import type { IdempotencyStore } from "./idempotency.js";
import type { OpenapiDocument } from "./openapi.js";
import type { HttpLimits } from "./options.js";
import type { ServerMetrics } from "./server-metrics.js";

/** The same for agents and schedulers. */
export interface SharedContext {
  readonly log: Log;
  readonly clock: Clock;
  readonly limits: HttpLimits;
  readonly version: string;
  readonly changes: Gate;
  readonly idempotency: IdempotencyStore;
  readonly events: EventStreams;
  readonly metrics: ServerMetrics;
  readonly openapi: () => OpenapiDocument;
  /** The dashboard's page; null: it was not built. */
  readonly dashboard: string | null;
}

export interface HttpContext extends SharedContext {
  readonly agent: AgentService;
  /** Asked per request: the template and the pCPUs are known once the agent has looked at its host. */
  readonly hostRules: () => HostRules;
  /** The host's id in the API. */
  readonly hostId: () => string;
}

/** Adds its routes to the app. */
export type Routes<C extends SharedContext = HttpContext> = (app: App, context: C) => void;
