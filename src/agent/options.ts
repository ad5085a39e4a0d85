/** What an agent is made from, and how it is run. */
import type { PoolPolicy } from "../core/pool/policy.js";
import type { Milliseconds } from "../core/units.js";
import type { Clock } from "../ports/clock.js";
import type { DiskImages, DurableText, GrowingText, HostProbe } from "../ports/host.js";
import type { Hypervisor } from "../ports/hypervisor.js";
import type { Log } from "../ports/log.js";
import type { AgentMetrics } from "./counters.js";
import type { Recorder } from "./recorder.js";
import type { MachineFacts } from "./report.js";
import type { AgentService } from "./service.js";
import type { AgentSettings } from "./settings.js";
import type { TickOutcome } from "./tick.js";

export interface AgentOptions {
  readonly policy: PoolPolicy;
  readonly hypervisor: Hypervisor;
  readonly clock: Clock;
  readonly log: Log;
  readonly journal: DurableText;
  /** Where a journal that cannot be read is put aside before it is replaced. */
  readonly corruptJournal?: DurableText;
  /** Where what was learnt of pools that follow their usage is kept across restarts; absent: nowhere. */
  readonly forecasts?: DurableText;
  /** Where the window that has not ended is kept, added to at every tick: need not outlive a power cut. */
  readonly openWindow?: GrowingText;
  readonly images: DiskImages;
  /** Null or absent: usage of the host is the sum of its VMs. */
  readonly hostProbe?: HostProbe | null;
  /** Writes every state as a trace (spec 3). */
  readonly recorder?: Recorder | null;
  readonly settings?: Partial<AgentSettings>;
  /** What schedulers are told of the machine, beyond what the agent sees. */
  readonly machine?: Partial<MachineFacts>;
  /** Fresh uuids; replaced in tests. */
  readonly newUuid?: () => string;
}

export interface Agent extends AgentService {
  /**
   * Connects, reads the journal and takes the first tick. Throws `hypervisor-unreachable` with what to do, and
   * `bad-settings` when the topology has pCPUs that the host lacks. What the first tick could not do, later ones do.
   */
  start(): Promise<void>;
  /** One tick now, after the requests that wait. Operational failures are in the answer; bugs are thrown. */
  tick(): Promise<TickReport>;
  /** Ticks until `signal` aborts or the agent is stopped: on the interval, and early when something happens. */
  run(signal: AbortSignal): Promise<void>;
  /** Finishes the step in progress, turns waiting requests away, closes recording and connection. Guests run on. */
  stop(): Promise<void>;
  metrics(): AgentMetrics;
}

export interface TickReport extends TickOutcome {
  readonly at: Milliseconds;
  readonly durationMs: Milliseconds;
  /** Why the tick could not be carried out; null: it was. */
  readonly failure: string | null;
}
