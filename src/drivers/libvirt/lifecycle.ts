/** libvirt's lifecycle events as Headroom's: `virDomainEventType` and, where it decides, its detail. Pure. */
import type { HypervisorEvent } from "../../ports/hypervisor.js";
import type { LifecycleMessage } from "./session.js";
import { uuidText } from "./wire-types.js";

type Kind = Exclude<HypervisorEvent["kind"], "disconnected" | "reconnected" | "rebooted">;

/** SHUTDOWN (6) announces the end only; PMSUSPENDED (7) is a guest that sleeps. */
const KINDS: readonly (Kind | null)[] = [
  "defined",
  "undefined",
  "started",
  "paused",
  "resumed",
  "stopped",
  null,
  "paused",
  "crashed",
];
const STOPPED = 5;
const STOPPED_CRASHED = 2;

/** Null: nothing that Headroom acts on. */
export function lifecycleEvent({ domain, event, detail }: LifecycleMessage): HypervisorEvent | null {
  const kind = event === STOPPED && detail === STOPPED_CRASHED ? "crashed" : (KINDS[event] ?? null);
  return kind === null ? null : { kind, name: domain.name, uuid: uuidText(domain.uuid) };
}
