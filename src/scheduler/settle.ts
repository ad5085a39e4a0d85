/**
 * Settles requests whose answers did not come: asks the agent, and brings the record in line with what it says. For callers
 * that still wait, for the resolver that runs beside them, and for what a former leader left. Callers hold the VM's lock.
 */
import { ask } from "./asking.js";
import type { Persistence } from "./book.js";
import type { HostEntry } from "./host-entry.js";
import type { VmRecord } from "./record-model.js";
import {
  afterDeployRevoked,
  afterMachineLost,
  afterRemove,
  afterResizeRevoked,
  backToPlaced,
  type Confirmed,
  type DeploySettled,
  placedRecord,
  type RemoveStep,
  type ResizeSettled,
} from "./record-steps.js";
import type { Reign } from "./reign.js";

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

// Writing down what was learnt

export async function confirmPlaced(reign: Reign, record: VmRecord, vm: Confirmed): Promise<VmRecord> {
  const entry = reign.entries.get(record.host);
  const machineId = entry?.status?.machineId ?? record.machineId;
  const placed = { ...placedRecord(record, vm), machineId };
  await reign.vms.put(placed, "insist");
  entry?.vms.set(record.name, {
    name: record.name,
    uuid: vm.uuid,
    requestId: record.pending,
    ...vm.size,
    vcpuRatios: vm.view?.vcpuRatios ?? [],
    image: record.image,
    state: vm.view?.state ?? "running",
  });
  return placed;
}

/** The record goes. A VM that was there leaves behind which requests made and removed it. */
export async function dropRecord(reign: Reign, record: VmRecord, persistence: Persistence): Promise<void> {
  const wasThere = record.uuid !== null && (record.requestId !== null || record.removal !== null);
  const alongside = wasThere ? reign.removals.alongside(record, reign.ports.newId()) : null;
  await reign.vms.delete(record.name, persistence, alongside);
}

export async function confirmGone(reign: Reign, record: VmRecord): Promise<void> {
  const { name, host } = record;
  await dropRecord(reign, record, "insist");
  const wasSeen = reign.entries.get(host)?.vms.delete(name) === true;
  forgetReported(reign, name, host);
  // The request made no VM, and yet the host showed one: somebody else's of the same name.
  if (wasSeen && record.phase === "reserved") reign.doubt({ name, host });
}

export function noteReported(reign: Reign, name: string, host: string): void {
  const hosts = reign.reportedOn.get(name);
  if (hosts === undefined) reign.reportedOn.set(name, new Set([host]));
  else hosts.add(host);
}

export function forgetReported(reign: Reign, name: string, host: string): void {
  const hosts = reign.reportedOn.get(name);
  if (hosts?.delete(host) === true && hosts.size === 0) reign.reportedOn.delete(name);
}

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

/** The machine of the record's host is gone for good. */
export async function loseMachine(reign: Reign, record: VmRecord): Promise<void> {
  const left = afterMachineLost(record);
  if (left === null) {
    await confirmGone(reign, record);
    return;
  }
  await reign.vms.put(left, "insist");
  reign.events.emit("vm-lost", { vm: record.name, host: record.host }, `the VM was on a machine that is gone`);
}
