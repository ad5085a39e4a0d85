/** What every route gets: the agent, the rules of its host, and what requests share. */
import type { AgentService } from "../agent/service.js";
import type { Clock } from "../ports/clock.js";
import type { Log } from "../ports/log.js";
import type { App } from "./app-type.js";
import type { EventStreams } from "./event-stream.js";
import type { Gate } from "./gate.js";
import type { HostRules } from "./host-rules.js";
import type { IdempotencyStore } from "./idempotency.js";
import type { HttpMetrics } from "./metrics.js";
import type { OpenapiDocument } from "./openapi.js";
import type { HttpLimits } from "./options.js";

export interface HttpContext {
  readonly agent: AgentService;
  readonly log: Log;
  readonly clock: Clock;
  readonly limits: HttpLimits;
  readonly version: string;
  /** Asked per request: the template and the pCPUs are known once the agent has looked at its host. */
  readonly hostRules: () => HostRules;
  /** The host's id in the API. */
  readonly hostId: () => string;
  readonly changes: Gate;
  readonly idempotency: IdempotencyStore;
  readonly events: EventStreams;
  readonly metrics: HttpMetrics;
  readonly openapi: () => OpenapiDocument;
}

/** Adds its routes to the app. */
export type Routes = (app: App, context: HttpContext) => void;
