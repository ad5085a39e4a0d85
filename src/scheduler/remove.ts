/** Removing one VM: its record says so first, then its host is asked until it confirms, then the record goes. */
import { reused } from "./answers.js";
import { unsettledError, until } from "./asking.js";
import { examine } from "./look.js";
import type { VmRecord } from "./record-model.js";
import { backToPlaced, removingRecord } from "./record-steps.js";
import { accept, beingMoved, inConflict, refuseWith, unknownVm } from "./refusals.js";
import type { Reign } from "./reign.js";
import type { ClusterResult, ClusterVm } from "./service.js";
import { askToRemove, settle } from "./settle.js";
import { shownVm } from "./shown.js";
import { clusterVm, NO_FACTS } from "./views.js";
import { confirmGone, dropRecord } from "./written.js";

/** `removal`: the caller's id of the request, or made up for it. */
export function removeVm(reign: Reign, name: string, removal: string): Promise<ClusterResult<ClusterVm>> {
  // Room is not made any more for a VM that is not wanted: its deploy, which comes first, is refused. A removal of before, repeated, is none.
  if (reign.removals.removedBy(removal) === null) reign.makings.withdraw(name, "the VM was removed meanwhile");
  return reign.locks.run(name, async () => {
    reign.mustLead();
    const removed = reign.removals.removedBy(removal);
    if (removed !== null) return removed.name === name ? accept(clusterVm(removed, NO_FACTS)) : reused(removal);
    const conflict = reign.conflicts.get(name);
    if (conflict !== undefined) return inConflict(name, conflict);
    const record = await settledRecord(reign, name);
    if (record === null) return unknownVm(name);
    if (record.phase === "migrating") return beingMoved(record);
    if (record.phase === "lost") return removeLost(reign, { ...record, removal });
    return carryOut(reign, record, removal);
  });
}

/** The record once nothing but a removal or a move is under way; found on a host, it is adopted first. Null: there is no such VM. */
export async function settledRecord(reign: Reign, name: string): Promise<VmRecord | null> {
  if (reign.vms.get(name) === null)
    for (const host of reign.reportedOn.get(name) ?? []) await examine(reign, { name, host });
  const record = reign.vms.get(name);
  if (record === null || record.pending === null || record.phase === "removing") return record;
  if (record.phase === "migrating") {
    await settle(reign, name);
    return reign.vms.get(name);
  }
  const { kind } = await until(reign, async () => ({ kind: (await settle(reign, name)) ? "settled" : "unknown" }));
  if (kind === "unknown") throw unsettledError(record.host, `has ${name}`, "no answer");
  return reign.vms.get(name);
}

async function removeLost(reign: Reign, record: VmRecord): Promise<ClusterResult<ClusterVm>> {
  await dropRecord(reign, record, "once");
  reign.events.emit("vm-removed", { vm: record.name, host: record.host }, "the record of a lost VM is removed");
  return accept(shownVm(reign, record));
}

async function carryOut(reign: Reign, before: VmRecord, removal: string): Promise<ClusterResult<ClusterVm>> {
  const last = shownVm(reign, before.phase === "removing" ? before : backToPlaced(before));
  // One that a former request left half-way is this one's to finish: whoever is told that it removed the VM did so alone.
  const mine = before.phase === "removing" && before.removal === removal;
  const record = mine ? before : removingRecord(before, removal, before.pending ?? reign.ports.newId());
  if (!mine) await reign.vms.put(record, "once");
  const step = await until(reign, () => askToRemove(reign, record));
  if (step.kind === "unknown") throw unsettledError(record.host, `removed ${record.name}`, step.why);
  if (step.kind === "kept") {
    await reign.vms.put(backToPlaced(record), "insist");
    return refuseWith(step.refusal);
  }
  await confirmGone(reign, record);
  reign.events.emit("vm-removed", { vm: record.name, host: record.host }, "removed");
  return accept({ ...last, view: step.view });
}
