/**
 * Doubts: a host's report and the records tell differently. A report may be old by the time it is read, so nothing follows
 * from it but a question: the host is asked about that one VM, while no other change of it is under way, and the answer is
 * later than all that the record tells. What follows is decided by `judge`, a pure function.
 */
import type { HostReport, ReportedVm } from "../ports/agent-client.js";
import { ask } from "./asking.js";
import type { HostEntry } from "./host-entry.js";
import type { VmRecord } from "./record-model.js";
import { adoptedRecord, confirmed, hostsOf } from "./record-steps.js";
import type { Doubt, Reign } from "./reign.js";
import { confirmGone, confirmPlaced, forgetReported, noteReported } from "./written.js";

/** Names of the VMs about which a host's report and the records differ. Pure. `here`: VMs that records place on the host. */
export function doubtsIn(
  report: HostReport,
  host: string,
  here: Iterable<string>,
  recordOf: (name: string) => VmRecord | null,
): string[] {
  const names: string[] = [];
  const reported = new Set<string>();
  for (const vm of report.vms) {
    reported.add(vm.name);
    if (!agrees(recordOf(vm.name), vm, host)) names.push(vm.name);
  }
  for (const name of here) if (!reported.has(name) && recordOf(name)?.phase === "placed") names.push(name);
  return names;
}

function agrees(record: VmRecord | null, vm: ReportedVm, host: string): boolean {
  if (record === null || !hostsOf(record).includes(host) || record.phase === "lost") return false;
  // What is under way is settled by asking what became of the request; it may not be the request that made this VM.
  if (record.phase === "reserved") return record.pending === vm.requestId;
  if (record.phase !== "placed") return true;
  return record.uuid === vm.uuid && isSameSize(record, vm);
}

const isSameSize = (record: VmRecord, vm: ReportedVm): boolean =>
  record.vcpus === vm.vcpus && record.memoryMiB === vm.memoryMiB && record.ratio === vm.ratio;

export type Judgement =
  /** Nothing to do: they agree now. */
  | { readonly kind: "nothing" }
  /** A request is under way: to be looked at again when it is settled. */
  | { readonly kind: "wait" }
  | { readonly kind: "adopt" }
  | { readonly kind: "vanished" }
  /** The record takes over uuid, size and host from what is there. */
  | { readonly kind: "correct" }
  /** The record places the VM on another host: that one is to be asked too. */
  | { readonly kind: "elsewhere" };

/** `vm`: what `host` has under the record's name now. Pure. */
export function judge(record: VmRecord | null, host: string, vm: ReportedVm | null): Judgement {
  if (vm === null) return { kind: record?.host === host && record.phase === "placed" ? "vanished" : "nothing" };
  if (record === null) return { kind: "adopt" };
  // Its own machine is back, or another VM has taken the name of the one that is gone.
  if (record.phase === "lost") return { kind: record.uuid === vm.uuid ? "correct" : "adopt" };
  if (!hostsOf(record).includes(host)) {
    // It has left already, and its host has not noticed yet.
    return { kind: vm.state === "migrating" ? "wait" : "elsewhere" };
  }
  if (agrees(record, vm, host)) return { kind: "nothing" };
  return { kind: record.pending === null ? "correct" : "wait" };
}

/** Asks about the VM; callers hold its lock. False: the host did not answer, and the doubt stays. */
export async function examine(reign: Reign, doubt: Doubt): Promise<boolean> {
  const { name, host } = doubt;
  const entry = reign.entries.get(host);
  if (entry === undefined) return settled(reign, doubt);
  const outcome = await ask(reign, entry, () => entry.client.vm(name, reign.epoch, reign.lost));
  if (outcome.kind !== "vm") return false;
  noteWhere(reign, entry, name, outcome.vm);
  const record = reign.vms.get(name);
  const { kind } = judge(record, host, outcome.vm);
  if (kind === "wait") return false;
  const about = { vm: name, host };
  if (kind === "vanished" && record !== null) {
    reign.events.emit("vm-vanished", about, "the VM is not on its host any more: its record is released");
    await confirmGone(reign, record);
  } else if (kind === "adopt" && outcome.vm !== null) {
    await reign.vms.put(adoptedRecord(outcome.vm, host, entry.record.machineId), "insist");
    reign.events.emit("vm-adopted", about, "found on the host without a record");
  } else if (kind === "correct" && record !== null && outcome.vm !== null) {
    await correct(reign, { ...record, host }, outcome.vm);
  } else if (kind === "elsewhere" && record !== null && outcome.vm !== null) {
    return compareHosts(reign, doubt, record, outcome.vm);
  }
  return settled(reign, doubt);
}

function settled(reign: Reign, doubt: Doubt): true {
  reign.dispel(doubt);
  const hosts = reign.conflicts.get(doubt.name);
  if (hosts !== undefined) narrow(reign, doubt.name, hosts);
  return true;
}

/** A conflict ends when at most one of its hosts still reports the VM. */
function narrow(reign: Reign, name: string, hosts: readonly string[]): void {
  const still = hosts.filter((host) => reign.entries.get(host)?.vms.has(name) === true);
  if (still.length > 1) return;
  reign.conflicts.delete(name);
  for (const host of hosts) reign.doubt({ name, host });
}

async function correct(reign: Reign, record: VmRecord, vm: ReportedVm): Promise<void> {
  const before = reign.vms.get(record.name);
  await confirmPlaced(reign, record, confirmed(vm, null));
  if (before?.phase === "lost" || before?.host !== record.host)
    reign.events.emit("vm-adopted", { vm: record.name, host: record.host }, "found again on this host");
}

/** Two hosts may have the VM. Neither is touched: which one is right is the operator's to say. */
async function compareHosts(reign: Reign, doubt: Doubt, record: VmRecord, here: ReportedVm): Promise<boolean> {
  const { name } = record;
  const other = reign.entries.get(record.host);
  const outcome =
    other === undefined ? null : await ask(reign, other, () => other.client.vm(name, reign.epoch, reign.lost));
  if (other !== undefined && outcome?.kind === "vm") {
    noteWhere(reign, other, name, outcome.vm);
    // It left the host of its record (moved by hand) and is here now. Under way: its request will tell.
    if (outcome.vm === null && record.phase === "placed") {
      reign.conflicts.delete(name);
      await correct(reign, { ...record, host: doubt.host }, here);
      return settled(reign, doubt);
    }
  }
  conflict(reign, name, [record.host, doubt.host]);
  return false;
}

function conflict(reign: Reign, name: string, found: readonly string[]): void {
  const known = reign.conflicts.get(name) ?? [];
  const hosts = [...new Set([...known, ...found])].sort();
  if (hosts.length === known.length) return;
  reign.conflicts.set(name, hosts);
  const message = `hosts ${hosts.join(" and ")} both have a VM named ${name}; neither is touched until one is removed`;
  reign.events.emit("vm-conflict", { vm: name }, message);
}

function noteWhere(reign: Reign, entry: HostEntry, name: string, vm: ReportedVm | null): void {
  if (vm === null) {
    entry.vms.delete(name);
    forgetReported(reign, name, entry.id);
  } else {
    entry.vms.set(name, vm);
    noteReported(reign, name, entry.id);
  }
  reign.room.refresh(entry.id);
}
