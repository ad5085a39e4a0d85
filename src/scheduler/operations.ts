/** What operators do with hosts: cordon, uncordon, drain, forget. Written to the store before it holds. */
import { drainMoves } from "./drain.js";
import type { HostEntry } from "./host-entry.js";
import { mourn } from "./inventory.js";
import type { HostRecord } from "./record-model.js";
import { accept, refuseWith, unknownHost } from "./refusals.js";
import type { Reign } from "./reign.js";
import type { ClusterHost, ClusterResult, Drain, DrainMove } from "./service.js";
import { shownHost, shownVm } from "./shown.js";
import { forgetReported } from "./written.js";

type Marks = Partial<Pick<HostRecord, "cordoned" | "draining">>;

function changeHost<T>(
  reign: Reign,
  host: string,
  change: (entry: HostEntry) => Promise<ClusterResult<T>>,
): Promise<ClusterResult<T>> {
  return reign.hostLocks.run(host, async () => {
    reign.mustLead();
    const entry = reign.entries.get(host);
    return entry === undefined ? unknownHost(host) : change(entry);
  });
}

async function mark(reign: Reign, entry: HostEntry, marks: Marks): Promise<boolean> {
  const record = { ...entry.record, ...marks };
  if (record.cordoned === entry.record.cordoned && record.draining === entry.record.draining) return false;
  await reign.hosts.put(record, "once");
  entry.record = record;
  reign.room.refresh(entry.id);
  return true;
}

export const cordonHost = (reign: Reign, host: string): Promise<ClusterResult<ClusterHost>> =>
  changeHost(reign, host, async (entry) => {
    if (await mark(reign, entry, { cordoned: true }))
      reign.events.emit("host-cordoned", { host }, "the host takes no new VMs");
    return accept(shownHost(reign, entry));
  });

export const uncordonHost = (reign: Reign, host: string): Promise<ClusterResult<ClusterHost>> =>
  changeHost(reign, host, async (entry) => {
    reign.emptied.delete(host);
    if (await mark(reign, entry, { cordoned: false, draining: false }))
      reign.events.emit("host-uncordoned", { host }, "the host takes new VMs again");
    return accept(shownHost(reign, entry));
  });

/** Closes the host; the rounds of the leader empty it (drain.ts). */
export const drainHost = (reign: Reign, host: string): Promise<ClusterResult<Drain>> =>
  changeHost(reign, host, async (entry) => {
    if (await mark(reign, entry, { cordoned: true, draining: true })) {
      for (const name of reign.room.claimsOn(host).keys()) reign.moves.delete(name);
      reign.emptied.delete(host);
      reign.events.emit("host-draining", { host }, "the host takes no new VMs, and is to be emptied");
    }
    return accept(drainOf(reign, entry));
  });

export async function drainProgress(reign: Reign, host: string): Promise<ClusterResult<Drain>> {
  const entry = reign.entries.get(host);
  return entry === undefined ? unknownHost(host) : accept(drainOf(reign, entry));
}

function drainOf(reign: Reign, entry: HostEntry): Drain {
  const moves = drainMoves(reign, entry);
  const remaining = moves.flatMap(({ vm }) => {
    const record = reign.vms.get(vm);
    return record === null ? [] : [shownVm(reign, record)];
  });
  return { host: shownHost(reign, entry), remaining, moves, advice: adviceFor(entry, moves) };
}

function adviceFor({ id, record }: HostEntry, moves: readonly DrainMove[]): string {
  if (!record.draining) return `${id} is not being emptied`;
  if (moves.length === 0) return `${id} is empty: it can be switched off`;
  const stuck = moves.filter(({ state }) => state === "stuck").length;
  const moving = `${moves.length - stuck} of ${moves.length} VMs are being moved, or will be`;
  const again = "remove them, or mend the reason; it is tried again every minute";
  if (stuck === moves.length) return `of ${stuck} VMs none can be moved for now: ${again}`;
  return stuck === 0 ? moving : `${moving}; ${stuck} cannot be moved for now: ${again}`;
}

/** Only for a host that is silent: the operator says what the scheduler must not guess. */
export const forgetHost = (reign: Reign, host: string): Promise<ClusterResult<ClusterHost>> =>
  changeHost(reign, host, async (entry) => {
    if (entry.state === "up") {
      const reason = `${host} answers: stop its agent first, or drain it`;
      return refuseWith({ code: "host-alive", reason, details: { host } });
    }
    const last = shownHost(reign, entry);
    const names = [...reign.room.claimsOn(host).keys()];
    await reign.hosts.delete(host, "once");
    reign.entries.delete(host);
    reign.estimates.forget(host);
    reign.room.refresh(host);
    for (const [url, id] of reign.listed) if (id === host) reign.listed.set(url, null);
    for (const name of entry.vms.keys()) forgetReported(reign, name, host);
    reign.events.emit("host-forgotten", { host }, "an operator gave the host up: its VMs are lost");
    for (const name of names) reign.bereaved.add(name);
    await Promise.all(names.map((name) => reign.locks.run(name, () => mourn(reign, name))));
    return accept(last);
  });
