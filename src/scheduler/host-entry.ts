/** One host as the leader knows it, and the pure decisions about it: how long it may be silent, which report is newer. */
import type { HostLiveness } from "../core/placement/model.js";
import type { Milliseconds } from "../core/units.js";
import type { AgentClient, HostStatus, ReportedVm } from "../ports/agent-client.js";
import type { HostRecord } from "./record-model.js";
import type { HostState } from "./service.js";
import type { SchedulerSettings } from "./settings.js";

export interface HostEntry {
  readonly id: string;
  /** As it is in the store. */
  record: HostRecord;
  client: AgentClient;
  status: HostStatus | null;
  /** As of `reportedTag`, and what answers to requests have told since. */
  vms: Map<string, ReportedVm>;
  /** Of the last whole report; null: none yet. */
  reportedTag: string | null;
  /** Instances of its agent that were followed by another: what still comes from them is old. */
  readonly formerInstances: string[];
  /** By this scheduler's monotonic clock; the host's own clock decides nothing. Null: never in this leadership. */
  lastHeard: Milliseconds | null;
  /** A request to it got no answer since it was last heard of. */
  distrusted: boolean;
  state: HostState;
  skew: Milliseconds | null;
  problems: readonly string[];
  polling: boolean;
  lastPolled: Milliseconds | null;
}

export const newEntry = (record: HostRecord, client: AgentClient): HostEntry => ({
  id: record.id,
  record,
  client,
  status: null,
  vms: new Map(),
  reportedTag: null,
  formerInstances: [],
  lastHeard: null,
  distrusted: false,
  state: "new",
  skew: null,
  problems: [],
  polling: false,
  lastPolled: null,
});

type Patience = Pick<SchedulerSettings, "suspectAfter" | "downAfter">;

/** By silence alone. `since`: when this scheduler began to listen, for hosts that it has not heard of yet. */
export function hostState(entry: HostEntry, now: Milliseconds, since: Milliseconds, patience: Patience): HostState {
  const { lastHeard } = entry;
  const silence = now - (lastHeard ?? since);
  if (silence >= patience.downAfter) return "down";
  if (lastHeard === null) return "new";
  return entry.distrusted || silence >= patience.suspectAfter ? "suspect" : "up";
}

/** For placement: a host that was never heard of takes nothing. */
export const livenessOf = (state: HostState): HostLiveness => (state === "new" ? "suspect" : state);

/** Instances remembered: an answer is under way for seconds, and an agent does not start thrice in them. */
const FORMER_INSTANCES = 8;

/** newer: to be taken. older: of an earlier state than what is known; it is dropped. */
export function ageOf(entry: HostEntry, status: HostStatus): "newer" | "older" {
  const known = entry.status;
  if (known === null) return "newer";
  if (entry.formerInstances.includes(status.instance)) return "older";
  return known.instance !== status.instance || status.generation >= known.generation ? "newer" : "older";
}

export function takeStatus(entry: HostEntry, status: HostStatus): void {
  const former = entry.status?.instance;
  if (former !== undefined && former !== status.instance) {
    entry.formerInstances.push(former);
    if (entry.formerInstances.length > FORMER_INSTANCES) entry.formerInstances.shift();
  }
  entry.status = status;
}
