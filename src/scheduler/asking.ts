/** Asking an agent, and what its answer or its silence says about the host, whatever was asked. */
import { type Milliseconds, milliseconds } from "../core/units.js";
import type { HostStatus, NoAnswer } from "../ports/agent-client.js";
import { OperationalError } from "../ports/errors.js";
import { ageOf, type HostEntry, hostState, takeStatus } from "./host-entry.js";
import type { Reign } from "./reign.js";
import type { HostState } from "./service.js";

type Outcome = { readonly kind: string; readonly status?: HostStatus } | NoAnswer;

/** Throws `NotLeader` when the leadership ended meanwhile: the answer is the next leader's to find out. */
export async function ask<T extends Outcome>(reign: Reign, entry: HostEntry, question: () => Promise<T>): Promise<T> {
  reign.mustLead();
  const outcome = await question();
  reign.mustLead();
  note(reign, entry, outcome);
  return outcome;
}

function note(reign: Reign, entry: HostEntry, outcome: Outcome): void {
  if (outcome.kind === "unanswered") distrust(reign, entry);
  else if (outcome.kind === "unauthorised" && "reason" in outcome) entry.problems = [outcome.reason];
  else heard(reign, entry, "status" in outcome ? (outcome.status ?? null) : null);
  if (outcome.kind === "stale-leader" && "reason" in outcome) entry.problems = [outcome.reason];
  // It is alive, but what it was asked it could not do: others first, until its next heartbeat.
  if (outcome.kind === "failed" && "reason" in outcome) {
    distrust(reign, entry);
    entry.problems = [outcome.reason];
  }
}

/** `status`: null where the host said something, but not how it is. */
export function heard(reign: Reign, entry: HostEntry, status: HostStatus | null): void {
  // Another machine behind the same address: the next poll or registration finds out properly.
  if (status !== null && status.machineId !== entry.record.machineId) {
    entry.lastPolled = null;
    return;
  }
  entry.lastHeard = reign.now();
  entry.distrusted = false;
  entry.problems = [];
  const newer = status !== null && status !== entry.status && ageOf(entry, status) === "newer";
  if (newer) takeStatus(entry, status);
  if (!moveState(reign, entry) && newer) reign.room.refresh(entry.id);
}

/** A request got no answer, or failed: no new VM goes there until it is heard of again. */
export function distrust(reign: Reign, entry: HostEntry): void {
  entry.distrusted = true;
  moveState(reign, entry);
}

const EVENTS = { up: "host-up", suspect: "host-suspect", down: "host-down" } as const;

/** True when the state changed; placement then knows. */
export function moveState(reign: Reign, entry: HostEntry): boolean {
  const before = entry.state;
  const after = hostState(entry, reign.now(), reign.startedAt, reign.settings);
  if (before === after) return false;
  entry.state = after;
  reign.room.refresh(entry.id);
  if (after !== "new")
    reign.events.emit(EVENTS[after], { host: entry.id }, stateMessage(entry, after, before, reign.now()));
  return true;
}

function stateMessage(entry: HostEntry, state: HostState, before: HostState, now: Milliseconds): string {
  if (state === "up") return before === "new" ? "the host answers" : "the host is back";
  const silent =
    entry.lastHeard === null ? "since this scheduler leads" : `for ${Math.round((now - entry.lastHeard) / 1000)} s`;
  return state === "suspect"
    ? `the host does not answer (silent ${silent}): it takes no new VM`
    : `the host is taken for down (silent ${silent}); its VMs stay as they are`;
}

/** The answer that was not got in time, for callers. */
export const unsettledError = (host: string, what: string, why: string): OperationalError =>
  new OperationalError(
    "agent-unreachable",
    `the agent of ${host} did not say whether it ${what} (${why}); repeat the request with the same id to learn it`,
    true,
  );

/** Asks again and again until it is known, or the caller's patience ends (then the last answer). */
export async function until<T extends { readonly kind: string }>(reign: Reign, question: () => Promise<T>): Promise<T> {
  const deadline = milliseconds(reign.now() + reign.settings.settlePatience);
  for (;;) {
    const answer = await question();
    if (answer.kind !== "unknown" || reign.now() >= deadline) return answer;
    await reign.sleep(reign.settings.settleInterval);
    reign.mustLead();
  }
}
