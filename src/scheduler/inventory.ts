/**
 * Which hosts there are: agents register themselves and heartbeat, or are polled at listed addresses; both end here. A name
 * belongs to one machine. Another machine under the name of a host that is silent, or at its very address, replaces it; under
 * the name of one that is alive it is turned away.
 */
import { assert } from "../core/assert.js";
import { milliseconds } from "../core/units.js";
import { type HostReport, reportTag } from "../ports/agent-client.js";
import { heard } from "./asking.js";
import { ageOf, type HostEntry, newEntry } from "./host-entry.js";
import { doubtsIn } from "./look.js";
import type { HostRecord, VmRecord } from "./record-model.js";
import { accept, refuseWith } from "./refusals.js";
import type { Reign } from "./reign.js";
import type { ClusterResult, Heartbeat, HeartbeatAnswer, Registration } from "./service.js";
import { settle } from "./settle.js";
import { forgetReported, loseMachine, noteReported } from "./written.js";

/** As the store's keys and the API's paths have it. */
const HOST_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,252}$/;

export async function register(reign: Reign, registration: Registration): Promise<ClusterResult<HeartbeatAnswer>> {
  const entry = await introduce(reign, registration.url, registration.report, "agent");
  if (!entry.ok) return entry;
  noteClock(reign, entry.value, registration.at);
  return accept(answer(reign, "nothing"));
}

export async function heartbeat(reign: Reign, beat: Heartbeat): Promise<ClusterResult<HeartbeatAnswer>> {
  const entry = reign.entries.get(beat.host);
  if (entry === undefined || entry.record.machineId !== beat.machineId) return accept(answer(reign, "report"));
  heard(reign, entry, null);
  noteClock(reign, entry, beat.at);
  return accept(answer(reign, beat.tag === entry.reportedTag ? "nothing" : "report"));
}

const answer = (reign: Reign, wants: HeartbeatAnswer["wants"]): HeartbeatAnswer => ({
  wants,
  epoch: reign.epoch,
  next: reign.settings.heartbeatInterval,
});

function noteClock(reign: Reign, entry: HostEntry, at: number): void {
  entry.skew = milliseconds(at - reign.ports.clock.now());
}

/**
 * A report that came from `url`: of a known host, a new one, or another machine under a known name. `told`: who says that the
 * host is reached there. Its agent's word counts; a list may name a host that is known by another address already.
 */
export function introduce(
  reign: Reign,
  url: string,
  report: HostReport,
  told: "agent" | "list",
): Promise<ClusterResult<HostEntry>> {
  const { host, machineId } = report.status;
  if (!HOST_NAME.test(host)) {
    const reason = `"${host}" is no name for a host; allowed: letters, digits, dots, underscores and hyphens`;
    return Promise.resolve(refuseWith({ code: "unknown-host", reason, details: { host } }));
  }
  return reign.hostLocks.run(host, async () => {
    reign.mustLead();
    const known = reign.entries.get(host);
    if (known !== undefined && known.record.machineId !== machineId && known.record.url !== url && known.state === "up")
      return refuseWith({
        code: "host-taken",
        reason: `the name ${host} belongs to the machine ${known.record.machineId} at ${known.record.url}, which is alive`,
        details: { host },
      });
    const same = known?.record.machineId === machineId && known.state === "up" && told === "list";
    const address = same ? known.record.url : url;
    const entry = await enter(reign, { id: host, url: address, machineId, cordoned: false, draining: false });
    takeReport(reign, entry, report);
    return accept(entry);
  });
}

/** The host's entry, its record written where it is new or has changed. */
async function enter(reign: Reign, told: HostRecord): Promise<HostEntry> {
  const known = reign.entries.get(told.id);
  if (known !== undefined && known.record.url === told.url && known.record.machineId === told.machineId) return known;
  const record: HostRecord = known === undefined ? told : { ...known.record, url: told.url, machineId: told.machineId };
  await reign.hosts.put(record, "once");
  const replaced = known !== undefined && known.record.machineId !== told.machineId;
  if (known !== undefined && !replaced) {
    known.record = record;
    known.client = reign.ports.clients(record.url);
    return known;
  }
  const entry = newEntry(record, reign.ports.clients(record.url));
  reign.entries.set(record.id, entry);
  if (replaced) replace(reign, entry);
  else reign.events.emit("host-registered", { host: record.id }, `a new host at ${record.url}`);
  return entry;
}

/** The records of the old machine's VMs follow in the background: each waits for what is under way with it. */
function replace(reign: Reign, entry: HostEntry): void {
  reign.events.emit(
    "host-replaced",
    { host: entry.id },
    `another machine (${entry.record.machineId}) has taken the host's name: the VMs of the former one are lost`,
  );
  for (const name of [...reign.room.claimsOn(entry.id).keys()]) reign.bereaved.add(name);
}

/** Whether the record's VM was on a machine that its host is not any more. */
export const isBereaved = (reign: Reign, record: VmRecord): boolean => {
  const entry = reign.entries.get(record.host);
  return (
    record.phase !== "lost" &&
    (entry === undefined || (record.machineId !== null && record.machineId !== entry.record.machineId))
  );
};

/** Marks the VM lost if its machine is gone. Callers hold its lock. False: the new machine has to be asked again. */
export async function mourn(reign: Reign, name: string): Promise<boolean> {
  const record = reign.vms.get(name);
  if (record?.phase === "migrating") {
    // One of its two hosts is gone: what the other one says decides.
    if (!(await settle(reign, name))) return false;
  } else if (record !== null && isBereaved(reign, record)) {
    // A request may still be on its way to the address, where the new machine would take it.
    const asked = record.phase === "reserved" || record.phase === "removing";
    if (asked && reign.entries.has(record.host) && !(await settle(reign, name))) return false;
    const left = reign.vms.get(name);
    if (left !== null && isBereaved(reign, left)) await loseMachine(reign, left);
  }
  reign.bereaved.delete(name);
  // It may be on the new machine after all (moved there by hand before).
  for (const host of reign.reportedOn.get(name) ?? []) reign.doubt({ name, host });
  return true;
}

/** A whole report: what it tells differently from the records is to be asked about. */
export function takeReport(reign: Reign, entry: HostEntry, report: HostReport): void {
  const { status, vms } = report;
  assert(status.machineId === entry.record.machineId, "a report is taken for the machine that it is from");
  const older = ageOf(entry, status) === "older";
  heard(reign, entry, status);
  if (older) return;
  for (const name of entry.vms.keys()) forgetReported(reign, name, entry.id);
  entry.vms = new Map(vms.map((vm) => [vm.name, vm]));
  for (const { name } of vms) noteReported(reign, name, entry.id);
  entry.reportedTag = reportTag(status);
  reign.room.refresh(entry.id);
  const here = reign.room.claimsOn(entry.id).keys();
  for (const name of doubtsIn(report, entry.id, here, (one) => reign.vms.get(one)))
    reign.doubt({ name, host: entry.id });
}
