/**
 * Emptying a host: its VMs are moved away, a few at a time, to the hosts that suit them best; what cannot be moved is listed
 * with the reason, and tried again after a while. That a host is draining is written in its record, so a new leader goes on.
 */
import type { ReportedVm } from "../ports/agent-client.js";
import type { HostEntry } from "./host-entry.js";
import { startMove } from "./move.js";
import type { VmRecord } from "./record-model.js";
import type { Reign } from "./reign.js";
import { constraintsOfRecord, shapeOf } from "./room.js";
import type { DrainMove } from "./service.js";

/** Begins as many moves as are allowed at once. One round; the next one goes on. */
export async function drainRound(reign: Reign, entry: HostEntry): Promise<void> {
  const names = [...reign.room.claimsOn(entry.id).keys()].sort();
  const here = names.flatMap((name) => recordOn(reign, entry, name));
  let free = reign.settings.movesAtOnce - here.filter(({ phase }) => phase === "migrating").length;
  for (const { name, phase } of here) {
    if (free <= 0 || !entry.record.draining) return;
    if (phase !== "placed" || reign.locks.isHeld(name) || isResting(reign, name)) continue;
    if (await reign.locks.run(name, () => beginMove(reign, entry, name))) free--;
  }
  tellEmpty(reign, entry, names.length);
}

function recordOn(reign: Reign, entry: HostEntry, name: string): VmRecord[] {
  const record = reign.vms.get(name);
  return record === null || record.host !== entry.id ? [] : [record];
}

/** Hosts of which it was told that they are empty are told of once. */
function tellEmpty(reign: Reign, { id }: HostEntry, left: number): void {
  if (left > 0) reign.emptied.delete(id);
  else if (!reign.emptied.has(id)) {
    reign.emptied.add(id);
    reign.events.emit("host-drained", { host: id }, "the host is empty: it can be switched off");
  }
}

/** A VM that could not be moved is left alone for a while. */
function isResting(reign: Reign, name: string): boolean {
  const note = reign.moves.get(name);
  if (note === undefined) return false;
  if (reign.now() - note.since < (note.final ? reign.settings.moveRetryInterval : 0)) return true;
  if (note.final) reign.moves.delete(name);
  return false;
}

/** True: a move is under way. Callers hold the VM's lock. */
async function beginMove(reign: Reign, source: HostEntry, name: string): Promise<boolean> {
  const record = reign.vms.get(name);
  if (record === null || record.phase !== "placed" || record.host !== source.id) return false;
  const verdict = verdictOn(reign, source, record);
  if ("reason" in verdict) {
    note(reign, name, verdict.reason);
    return false;
  }
  await startMove(reign, record, verdict.target);
  return reign.vms.get(name)?.phase === "migrating";
}

/** Tried everywhere, or impossible: the last reason that an agent gave says more than that nobody else is left. */
function note(reign: Reign, name: string, reason: string): void {
  const before = reign.moves.get(name);
  const tried = before?.tried ?? new Set<string>();
  reign.moves.set(name, { reason: before?.reason ?? reason, tried, since: reign.now(), final: true });
}

type Verdict = { readonly target: HostEntry } | { readonly reason: string };

/** Where the VM would go, or why nowhere. Changes nothing. */
function verdictOn(reign: Reign, source: HostEntry, record: VmRecord): Verdict {
  const obstacle = obstacleOf(source, record, source.vms.get(record.name), reign.conflicts.has(record.name));
  if (obstacle !== null) return { reason: obstacle };
  const { kept, counts } = candidates(reign, source, record);
  const exclude = new Set([...reign.entries.keys()].filter((id) => !kept.has(id)));
  const chosen = reign.room.choose(shapeOf(record), constraintsOfRecord(record), exclude);
  const target = chosen === null ? undefined : reign.entries.get(chosen);
  if (target !== undefined) return { target };
  if (kept.size > 0) counts.set("no room, or closed", kept.size);
  const why = [...counts].map(([what, count]) => `${what}: ${count}`).join(", ");
  return { reason: counts.size === 0 ? "there is no other host" : `no other host takes it (${why})` };
}

/** Pure. Null: the source knows nothing against it. */
export function obstacleOf(
  source: HostEntry,
  record: VmRecord,
  vm: ReportedVm | undefined,
  conflict: boolean,
): string | null {
  if (conflict) return "another host has a VM of this name too";
  if (source.state !== "up") return `${source.id} is ${source.state}`;
  if (record.uuid === null || vm === undefined) return "its host has not shown it yet";
  if (vm.state !== "running") return `it is ${vm.state}: only running VMs are moved`;
  return source.status?.migrationAddress == null
    ? `${source.id} takes no part in live migration: its agent has no HEADROOM_MIGRATION_URI`
    : null;
}

/** Hosts that could take it as far as moving goes, and how many could not, by reason. Room is the placer's business. */
function candidates(
  reign: Reign,
  source: HostEntry,
  { name, constraints }: VmRecord,
): { readonly kept: ReadonlySet<string>; readonly counts: Map<string, number> } {
  const kept = new Set<string>();
  const counts = new Map<string, number>();
  const tried = reign.moves.get(name)?.tried;
  for (const entry of reign.entries.values()) {
    if (entry === source) continue;
    const why = tried?.has(entry.id) ? "tried" : unfit(source, entry, constraints?.hosts ?? null);
    if (why === null) kept.add(entry.id);
    else counts.set(why, (counts.get(why) ?? 0) + 1);
  }
  return { kept, counts };
}

/** Why a VM cannot be moved from one to the other, whatever room there is; null: it can. */
export function unfit(
  { status: from }: HostEntry,
  { id, status: to, state }: HostEntry,
  named: readonly string[] | null,
) {
  if (named !== null && !named.includes(id)) return "not among the hosts that it may be on";
  if (state !== "up" || to === null) return "silent";
  if (to.migrationAddress === null) return "no live migration";
  return from?.hypervisor.accelerator === to.hypervisor.accelerator ? null : "another kind of hypervisor";
}

/** What becomes of each VM on the host, for people. */
export function drainMoves(reign: Reign, entry: HostEntry): readonly DrainMove[] {
  const names = [...reign.room.claimsOn(entry.id).keys()].sort();
  return names.flatMap((vm): DrainMove[] => {
    const record = reign.vms.get(vm);
    if (record === null) return [];
    if (record.host !== entry.id)
      return [{ vm, state: "waiting", to: null, reason: `it is on its way from ${record.host}` }];
    if (record.phase === "migrating") return [{ vm, state: "moving", to: record.target?.host ?? null, reason: null }];
    if (record.phase !== "placed")
      return [{ vm, state: "waiting", to: null, reason: `a request about it is under way (${record.phase})` }];
    const known = reign.moves.get(vm);
    if (known?.final) return [{ vm, state: "stuck", to: null, reason: known.reason }];
    const verdict = verdictOn(reign, entry, record);
    return "reason" in verdict
      ? [{ vm, state: "stuck", to: null, reason: known?.reason ?? verdict.reason }]
      : [{ vm, state: "waiting", to: verdict.target.id, reason: known?.reason ?? null }];
  });
}
