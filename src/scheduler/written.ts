/** Writing down what was learnt of a VM: the record first, then what the leader remembers of its hosts. */
import type { Persistence } from "./book.js";
import type { VmRecord } from "./record-model.js";
import { afterMachineLost, type Confirmed, leavesTrace, placedRecord } from "./record-steps.js";
import type { Reign } from "./reign.js";

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

/** The record goes. */
export async function dropRecord(reign: Reign, record: VmRecord, persistence: Persistence): Promise<void> {
  const alongside = leavesTrace(record) ? reign.removals.alongside(record, reign.ports.newId()) : null;
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
