/** Giving a VM another size: its host decides; the record says which request is under way, and then what the VM is. */
import { plural } from "../core/plural.js";
import { ask, unsettledError, until } from "./asking.js";
import type { HostEntry } from "./host-entry.js";
import { makeRoom } from "./making-room.js";
import type { VmRecord, VmSize } from "./record-model.js";
import { afterResize, backToPlaced, type ResizeSettled, type ResizeStep, resizingRecord } from "./record-steps.js";
import { accept, beingMoved, inConflict, refuseWith, unknownVm } from "./refusals.js";
import type { Reign } from "./reign.js";
import { settledRecord } from "./remove.js";
import { growthNeed } from "./room-plan.js";
import type { ClusterRefusal, ClusterRefusalCode, ClusterResize, ClusterResult, ClusterVm } from "./service.js";
import { askAboutResize, confirmResize } from "./settle.js";
import { shownVm } from "./shown.js";
import { confirmPlaced } from "./written.js";

export function resizeVm(reign: Reign, request: ClusterResize): Promise<ClusterResult<ClusterVm>> {
  const { name } = request;
  return reign.locks.run(name, async () => {
    reign.mustLead();
    const conflict = reign.conflicts.get(name);
    if (conflict !== undefined) return inConflict(name, conflict);
    const record = await settledRecord(reign, name);
    if (record === null || record.phase === "lost") return unknownVm(name);
    if (record.phase === "migrating") return beingMoved(record);
    const entry = reign.entries.get(record.host);
    if (record.phase === "removing" || entry === undefined)
      return refuseWith({ code: "busy", reason: `the VM ${name} is being removed`, details: { vm: name } });
    const answer = await carryOut(reign, entry, record, request);
    return answer.ok || !FOR_WANT_OF_ROOM.has(answer.refusal.code) ? answer : withRoom(reign, request, answer);
  });
}

const FOR_WANT_OF_ROOM: ReadonlySet<ClusterRefusalCode> = new Set(["no-cpu-capacity", "no-memory-capacity"]);

/** Asks once more when others have been moved away, where there is a budget for that. */
async function withRoom(
  reign: Reign,
  request: ClusterResize,
  refused: { readonly ok: false; readonly refusal: ClusterRefusal },
): Promise<ClusterResult<ClusterVm>> {
  const record = reign.vms.get(request.name);
  const entry = record === null ? undefined : reign.entries.get(record.host);
  if (reign.settings.migrationBudget === 0 || record?.phase !== "placed" || entry === undefined) return refused;
  const need = growthNeed(reign, record, sizeAfter(record, request));
  const room = await makeRoom(reign, need);
  if (room.kind === "none") return room.why === null ? refused : refuseWith(explained(refused.refusal, room.why));
  try {
    return await carryOut(reign, entry, record, request);
  } finally {
    reign.room.release(room.host, need.claim.name);
  }
}

const explained = (refusal: ClusterRefusal, why: string): ClusterRefusal => ({
  ...refusal,
  reason: `${refusal.reason}; ${why}`,
});

const sizeAfter = (record: VmRecord, request: ClusterResize): VmSize => ({
  vcpus: request.vcpus ?? record.vcpus,
  memoryMiB: request.memoryMiB ?? record.memoryMiB,
  ratio: request.ratio ?? record.ratio,
});

async function carryOut(
  reign: Reign,
  entry: HostEntry,
  before: VmRecord,
  request: ClusterResize,
): Promise<ClusterResult<ClusterVm>> {
  const id = reign.ports.newId();
  const record = resizingRecord(before, sizeAfter(before, request), id);
  await reign.vms.put(record, "once");
  const { requestId: _, ...wanted } = request;
  const question = { ...wanted, requestId: id, epoch: reign.epoch, uuid: record.uuid };
  const step = afterResize(await ask(reign, entry, () => entry.client.resize(question, reign.lost)));
  if (step.kind === "unknown") return afterSilence(reign, record, step.why);
  return conclude(reign, record, step);
}

async function conclude(
  reign: Reign,
  record: VmRecord,
  step: Exclude<ResizeStep, { kind: "unknown" }>,
): Promise<ClusterResult<ClusterVm>> {
  if (step.kind === "resized") return resized(reign, await confirmPlaced(reign, record, step.vm), step.vm.view);
  await reign.vms.put(backToPlaced(record), "insist");
  if (step.kind === "kept") return refuseWith(step.refusal);
  throw unsettledError(record.host, `can resize ${record.name}: it was not asked`, step.why);
}

async function afterSilence(reign: Reign, record: VmRecord, why: string): Promise<ClusterResult<ClusterVm>> {
  const settled: ResizeSettled = await until(reign, () => askAboutResize(reign, record));
  if (settled.kind === "unknown") throw unsettledError(record.host, `resized ${record.name}`, settled.why);
  const now = await confirmResize(reign, record, settled);
  if (now === null) return unknownVm(record.name);
  if (settled.done) return resized(reign, now, settled.vm?.view ?? null);
  throw unsettledError(
    record.host,
    `can resize ${record.name}: the request was lost, and will not be carried out`,
    why,
  );
}

function resized(reign: Reign, record: VmRecord, view: ClusterVm["view"]): ClusterResult<ClusterVm> {
  const { name, host, vcpus, memoryMiB, ratio } = record;
  reign.events.emit(
    "vm-resized",
    { vm: name, host },
    `${plural(vcpus, "vCPU")} and ${memoryMiB} MiB at ratio ${ratio}`,
  );
  return accept(shownVm(reign, record, view));
}
