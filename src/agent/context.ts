/** What the parts of an agent share: its ports, its policy, its state, and the counters that it shows. */
import type { HostState, VmPins } from "../core/pool/model.js";
import type { PoolPolicy } from "../core/pool/policy.js";
import type { VmRecord } from "../core/reconcile/model.js";
import type { Clock } from "../ports/clock.js";
import type { DiskImages, DurableText, GrowingText } from "../ports/host.js";
import type { DomainState, Hypervisor } from "../ports/hypervisor.js";
import type { Log } from "../ports/log.js";
import type { HostMemoryKeeper } from "./balloon/host-memory.js";
import type { Counters } from "./counters.js";
import type { EventLog } from "./events.js";
import type { Departures } from "./migration/departures.js";
import type { Pinner } from "./pinner.js";
import type { VmView } from "./service.js";
import type { AgentSettings } from "./settings.js";
import type { StateStore } from "./store.js";

/** How a VM is shown, given the pools that it is in. */
export type ViewOf = (vm: VmRecord, host: HostState) => VmView;

export interface AgentContext {
  readonly policy: PoolPolicy;
  readonly hypervisor: Hypervisor;
  readonly clock: Clock;
  readonly log: Log;
  readonly images: DiskImages;
  /** What pools were seen to need, across restarts; null: not kept. */
  readonly forecasts: DurableText | null;
  readonly openWindow: GrowingText | null;
  readonly settings: AgentSettings;
  readonly store: StateStore;
  readonly events: EventLog;
  readonly pinner: Pinner;
  readonly departures: Departures;
  readonly counters: Counters;
  readonly memory: HostMemoryKeeper;
  /** How a VM is shown. */
  readonly view: ViewOf;
  /** A fresh uuid. */
  readonly newUuid: () => string;
  /** Asks for a tick before its time. */
  readonly wake: () => void;
}

const plannedPins = new WeakMap<HostState, VmPins>();

/** The policy's pins of a host state, worked out once for each state. */
export function pinsOf(policy: PoolPolicy, host: HostState): VmPins {
  const known = plannedPins.get(host);
  if (known !== undefined) return known;
  const pins = policy.pins(host);
  plannedPins.set(host, pins);
  return pins;
}

/** Has vCPUs that run or could at once. `other` counts (a guest that is shutting down still holds its room). */
export const isActive = (state: DomainState): boolean => state !== "stopped" && state !== "crashed";
