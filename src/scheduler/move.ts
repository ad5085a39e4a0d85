/**
 * Moving a VM from its host to another, as a request that stays unsettled for a while: its record names both hosts and the one
 * request that both agents know it by. Every step is a question that can be asked again, so whoever leads takes the move up
 * where it is (docs/decisions/0010-live-migration.md). Callers hold the VM's lock, for one round of questions at a time.
 *
 * Where the VM is follows from what agents say alone, and the source speaks first: as long as it has not said that it holds
 * nothing any more, the VM counts as moving, even where the destination says that it has arrived. Otherwise the VM could be
 * removed there, and a source that comes back, finding it nowhere, would let its paused copy go on. To stop a move the source
 * is asked first, too; the destination gives the room back only then.
 */
import type { RevokeOutcome } from "../ports/agent-client.js";
import { ask } from "./asking.js";
import type { HostEntry } from "./host-entry.js";
import type { Place, VmRecord } from "./record-model.js";
import { afterReceive, afterSend, type Confirmed, confirmed, migratingRecord, sourceAfter } from "./record-steps.js";
import type { OwedRoom, Reign } from "./reign.js";
import { confirmGone, confirmPlaced, forgetReported, loseMachine } from "./written.js";

/** Claims the room, writes the move down and asks both agents for the first time. `why`: for events. Gives the record as it was written. */
export async function startMove(reign: Reign, record: VmRecord, target: HostEntry, why = ""): Promise<VmRecord> {
  const { name, host } = record;
  const place = { host: target.id, machineId: target.record.machineId, agentRequest: reign.ports.newId() };
  const moving = migratingRecord(record, place);
  reign.room.claim(target.id, moving);
  try {
    await reign.vms.put(moving, "once");
  } catch (error) {
    reign.room.release(target.id, name);
    throw error;
  }
  reign.events.emit("vm-moving", { vm: name, host: target.id }, `from ${host} to ${target.id}${why}`);
  await settleMove(reign, moving);
  return moving;
}

/** Ends a move that is under way, unless the VM has arrived: it is where it was, or where it went. False: an agent did not say yet. */
export const stopMove = (reign: Reign, record: VmRecord, why: string): Promise<boolean> => conclude(reign, record, why);

/** One round of questions about a moving VM. True: it is settled. */
export async function settleMove(reign: Reign, record: VmRecord): Promise<boolean> {
  const { target } = record;
  const there = target === null ? null : entryAt(reign, target);
  if (there === null) return conclude(reign, record, `${target?.host} is not the host any more that it was`);
  if (entryAt(reign, record) === null) return conclude(reign, record, `${record.host} is gone`);
  const room = afterReceive(await ask(reign, there, () => there.client.receive(wanted(reign, record), reign.lost)));
  if (room.kind === "none") return conclude(reign, record, `${there.id}: ${room.why}`);
  // A silent host may be back in a moment; a lasting silence ends the move, if its source can be asked.
  if (room.kind === "unknown")
    return there.state === "down" ? conclude(reign, record, `${there.id}: ${room.why}`) : false;
  return handOver(reign, record, room);
}

/** The record's host, as long as it is the machine that the record means. */
function entryAt(reign: Reign, { host, machineId }: Place): HostEntry | null {
  const entry = reign.entries.get(host);
  return entry === undefined || (machineId !== null && entry.record.machineId !== machineId) ? null : entry;
}

const wanted = (reign: Reign, { name, uuid, vcpus, memoryMiB, ratio, pending }: VmRecord) => ({
  requestId: pending ?? "",
  epoch: reign.epoch,
  name,
  uuid: uuid ?? "",
  vcpus,
  memoryMiB,
  ratio,
});

async function handOver(
  reign: Reign,
  record: VmRecord,
  { address, pins }: { readonly address: string; readonly pins: readonly string[] },
): Promise<boolean> {
  const source = reign.entries.get(record.host);
  if (source === undefined) return false;
  const { name, uuid, pending } = record;
  const request = { requestId: pending ?? "", epoch: reign.epoch, name, uuid: uuid ?? "", address, pins };
  const step = afterSend(await ask(reign, source, () => source.client.send(request, reign.lost)));
  if (step.kind === "gone") return conclude(reign, record, "");
  return step.kind === "stays" ? conclude(reign, record, step.why, step.passing) : false;
}

/** Bars the move from happening later, finds out where the VM is, and writes it down. False: an agent did not say. */
async function conclude(reign: Reign, record: VmRecord, why: string, passing = false): Promise<boolean> {
  const here = entryAt(reign, record);
  const source = sourceAfter(here === null ? null : await revoke(reign, here, record), record.uuid);
  if (source.kind === "unknown") return false;
  const { target } = record;
  const there = target === null ? null : entryAt(reign, target);
  const outcome = there === null ? null : await revoke(reign, there, record);
  if (source.kind === "kept") {
    if (target !== null && outcome !== null && !isAnswer(outcome))
      reign.owed.add({ name: record.name, target, pending: record.pending ?? "" });
    return stays(reign, record, source.vm, { why, passing });
  }
  if (target === null || there === null || outcome === null) return lost(reign, moved(record));
  if (!isAnswer(outcome)) return false;
  if (outcome.vm?.uuid === record.uuid) return arrived(reign, record, confirmed(outcome.vm, null));
  if (here === null) return lost(reign, record);
  reign.events.emit("vm-vanished", { vm: record.name, host: target.host }, "the VM is on neither host any more");
  await confirmGone(reign, record);
  return true;
}

const isAnswer = (outcome: RevokeOutcome): outcome is Extract<RevokeOutcome, { kind: "done" | "revoked" }> =>
  outcome.kind === "done" || outcome.kind === "revoked";

/** True: the host is told, or it is not the machine any more that it was. */
export async function giveBack(reign: Reign, { name, target, pending }: OwedRoom): Promise<boolean> {
  const there = entryAt(reign, target);
  return (
    there === null ||
    isAnswer(
      await ask(reign, there, () => there.client.revoke({ requestId: pending, epoch: reign.epoch, name }, reign.lost)),
    )
  );
}

const revoke = (reign: Reign, entry: HostEntry, { name, pending }: VmRecord): Promise<RevokeOutcome> =>
  ask(reign, entry, () => entry.client.revoke({ requestId: pending ?? "", epoch: reign.epoch, name }, reign.lost));

/** As if it had arrived: which machine it was on in the end. */
const moved = (record: VmRecord): VmRecord =>
  record.target === null ? record : { ...record, ...record.target, target: null };

async function arrived(reign: Reign, record: VmRecord, vm: Confirmed): Promise<boolean> {
  const { name, host, target } = record;
  await confirmPlaced(reign, moved(record), vm);
  reign.entries.get(host)?.vms.delete(name);
  forgetReported(reign, name, host);
  reign.room.refresh(host);
  reign.moves.delete(name);
  reign.events.emit("vm-moved", { vm: name, host: target?.host ?? host }, `it came from ${host}, without a stop`);
  return true;
}

async function stays(
  reign: Reign,
  record: VmRecord,
  vm: Confirmed,
  { why, passing }: { readonly why: string; readonly passing: boolean },
): Promise<boolean> {
  const { name, host, target } = record;
  await confirmPlaced(reign, { ...record, target: null }, vm);
  const tried = new Set(reign.moves.get(name)?.tried ?? []);
  if (target !== null && !passing) tried.add(target.host);
  reign.moves.set(name, { reason: why, tried, since: reign.now(), final: false });
  reign.events.emit("vm-move-failed", { vm: name, host }, `it stays: ${why}`);
  return true;
}

async function lost(reign: Reign, record: VmRecord): Promise<boolean> {
  await loseMachine(reign, record);
  return true;
}
