/**
 * Settles requests whose answers did not come: asks the agent, and brings the record in line with what it says. For callers
 * that still wait, for the resolver that runs beside them, and for what a former leader left. Callers hold the VM's lock.
 */
import { ask } from "./asking.js";
import type { HostEntry } from "./host-entry.js";
import { settleMove } from "./move.js";
import type { VmRecord } from "./record-model.js";
import {
  afterDeployRevoked,
  afterRemove,
  afterResizeRevoked,
  backToPlaced,
  type DeploySettled,
  type RemoveStep,
  type ResizeSettled,
} from "./record-steps.js";
import type { Reign } from "./reign.js";
import { confirmGone, confirmPlaced } from "./written.js";

const NO_HOST = { kind: "unknown", why: "its host is not known" } as const;

/** Bars the deploy from happening later, and tells whether it happened. */
export async function askAboutDeploy(reign: Reign, record: VmRecord): Promise<DeploySettled> {
  const entry = reign.entries.get(record.host);
  if (entry === undefined || record.pending === null) return NO_HOST;
  return afterDeployRevoked(await revoke(reign, entry, record, record.pending));
}

export async function askToRemove(reign: Reign, record: VmRecord): Promise<RemoveStep> {
  const entry = reign.entries.get(record.host);
  const { pending, name, uuid } = record;
  if (entry === undefined || pending === null) return NO_HOST;
  const request = { requestId: pending, epoch: reign.epoch, name, uuid };
  return afterRemove(await ask(reign, entry, () => entry.client.remove(request, reign.lost)));
}

export async function askAboutResize(reign: Reign, record: VmRecord): Promise<ResizeSettled> {
  const entry = reign.entries.get(record.host);
  if (entry === undefined || record.pending === null) return NO_HOST;
  return afterResizeRevoked(await revoke(reign, entry, record, record.pending));
}

const revoke = (reign: Reign, entry: HostEntry, { name }: VmRecord, requestId: string) =>
  ask(reign, entry, () => entry.client.revoke({ requestId, epoch: reign.epoch, name }, reign.lost));

/** The record once a resize is settled; null when the VM turned out to be gone. */
export async function confirmResize(
  reign: Reign,
  record: VmRecord,
  settled: Extract<ResizeSettled, { kind: "settled" }>,
): Promise<VmRecord | null> {
  if (settled.vm !== null) return confirmPlaced(reign, record, settled.vm);
  reign.events.emit("vm-vanished", { vm: record.name, host: record.host }, "the VM is not on its host any more");
  await confirmGone(reign, record);
  return null;
}

/** One question about an unsettled record. True: it is settled. */
export async function settle(reign: Reign, name: string): Promise<boolean> {
  const record = reign.vms.get(name);
  if (record === null || record.pending === null) return true;
  if (record.phase === "migrating") return settleMove(reign, record);
  const settled = await settleRecord(reign, record);
  if (settled !== null)
    reign.events.emit("vm-resolved", { vm: name, host: record.host }, `an unanswered request is settled: ${settled}`);
  return settled !== null;
}

/** In words, what became of it; null: nobody knows yet. */
async function settleRecord(reign: Reign, record: VmRecord): Promise<string | null> {
  if (record.phase === "reserved") {
    const step = await askAboutDeploy(reign, record);
    if (step.kind === "unknown") return null;
    if (step.kind === "placed") await confirmPlaced(reign, record, step.vm);
    else await confirmGone(reign, record);
    return step.kind === "placed" ? "the VM is placed" : "the VM was not deployed, and will not be";
  }
  if (record.phase === "resizing") {
    const step = await askAboutResize(reign, record);
    if (step.kind === "unknown") return null;
    await confirmResize(reign, record, step);
    return step.done ? "the VM has its new size" : "the VM keeps its size";
  }
  const step = await askToRemove(reign, record);
  if (step.kind === "unknown") return null;
  if (step.kind === "gone") {
    await confirmGone(reign, record);
    return "the VM is removed";
  }
  await reign.vms.put(backToPlaced(record), "insist");
  return `the VM stays: ${step.refusal.reason}`;
}
