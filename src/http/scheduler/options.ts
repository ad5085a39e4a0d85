/** What the scheduler's HTTP application is built from. */
import type { Dispatcher } from "undici";
import type { Ratio } from "../../core/units.js";
import type { SchedulerService } from "../../scheduler/service.js";
import type { HttpLimits, ServerOptions } from "../options.js";

export interface SchedulerAppOptions extends ServerOptions {
  readonly scheduler: SchedulerService;
  /** Largest allocation ratio that a request may ask for. */
  readonly maximumRatio: Ratio;
  /** Absolute folders below which disk images may lie. Empty: no image is accepted. */
  readonly imageFolders: readonly string[];
  /** Presented to the leader where a request without a token is passed on, and to agents; null: none. */
  readonly clusterToken: string | null;
  /** Connections to other schedulers, and to agents for what readers ask of them; undici's own when absent. */
  readonly dispatcher?: Dispatcher;
}

/**
 * Every agent of the cluster holds a connection open between heartbeats, and all may speak within the same second after a
 * change of leaders; a deploy waits for its agent, so more are under way at once than on one host.
 */
export const SCHEDULER_LIMITS: Partial<HttpLimits> = {
  inFlight: 4_096,
  changes: 2_048,
  connections: 32_768,
  idempotencyKeys: 100_000,
};

/** A report of a host with a thousand VMs is some 300 kB. */
export const REPORT_BYTES = 4 * 1024 * 1024;
