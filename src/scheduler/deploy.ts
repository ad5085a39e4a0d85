/**
 * Deploying one VM: choose a host, write the reservation down, ask the host, write down what it says; the next host when it
 * refuses. Nothing here guesses: a host that does not answer is asked what became of the request until it says so, and if
 * the caller's patience ends first, the reservation stays for the resolver (tick.ts), which asks on.
 */

import { objects } from "../core/placement/explain.js";
import { plural } from "../core/plural.js";
import { reused } from "./answers.js";
import { ask, unsettledError, until } from "./asking.js";
import type { HostEntry } from "./host-entry.js";
import { examine } from "./look.js";
import { makeRoom, type RoomMade } from "./making-room.js";
import type { VmRecord } from "./record-model.js";
import { afterDeploy, type Confirmed, type DeployStep, isUnsettled, reservedRecord } from "./record-steps.js";
import { accept, inConflict, nameTaken, noHostFits, refuseWith } from "./refusals.js";
import type { Reign } from "./reign.js";
import { constraintsOf, shapeOf } from "./room.js";
import { notNamed, placementNeed } from "./room-plan.js";
import type { ClusterDeploy, ClusterRefusal, ClusterResult, ClusterVm, HostReason } from "./service.js";
import { askAboutDeploy, settle } from "./settle.js";
import { shownVm } from "./shown.js";
import { clusterVm, NO_FACTS } from "./views.js";
import { confirmGone, confirmPlaced } from "./written.js";

/** `requestId`: the caller's, or made up for it. */
export function deployVm(reign: Reign, request: ClusterDeploy, requestId: string): Promise<ClusterResult<ClusterVm>> {
  return reign.locks.run(request.name, async () => {
    reign.mustLead();
    const known = reign.byRequest.get(requestId);
    if (known !== undefined && known !== request.name) return reused(requestId);
    const gone = reign.removals.madeBy(requestId);
    if (gone !== null) return gone.name === request.name ? accept(clusterVm(gone, NO_FACTS)) : reused(requestId);
    const answered = await nameHolder(reign, request.name, requestId);
    return answered ?? place(reign, request, requestId);
  });
}

/** What the name's present holder means for the request; null: the name is free. */
async function nameHolder(reign: Reign, name: string, requestId: string): Promise<ClusterResult<ClusterVm> | null> {
  const conflict = reign.conflicts.get(name);
  if (conflict !== undefined) return inConflict(name, conflict);
  await settleHolder(reign, name, requestId);
  for (const host of reign.vms.get(name) === null ? (reign.reportedOn.get(name) ?? []) : []) {
    if (!(await examine(reign, { name, host }))) return nameTaken(name, `on host ${host}, which does not answer now`);
  }
  const record = reign.vms.get(name);
  if (record === null) return null;
  if (record.requestId === requestId && record.phase !== "removing" && record.phase !== "lost")
    return accept(shownVm(reign, record));
  return nameTaken(name, record.phase === "lost" ? `lost with host ${record.host}` : `on host ${record.host}`);
}

/** The same request again waits for its answer; another one asks once. */
async function settleHolder(reign: Reign, name: string, requestId: string): Promise<void> {
  const record = reign.vms.get(name);
  // A VM that is moved exists, wherever it is in the end.
  if (record === null || !isUnsettled(record) || record.phase === "migrating") return;
  const once = async () => ({ kind: (await settle(reign, name)) ? "settled" : "unknown" });
  const mine = record.requestId === requestId;
  const { kind } = mine ? await until(reign, once) : await once();
  if (mine && kind === "unknown") throw unsettledError(record.host, `has ${name}`, "no answer");
}

async function place(reign: Reign, request: ClusterDeploy, requestId: string): Promise<ClusterResult<ClusterVm>> {
  const reasons: HostReason[] = [];
  const exclude = notNamed(reign, request);
  let record: VmRecord | null = null;
  let room: RoomMade | null = null;
  for (;;) {
    let host = reasons.length < reign.settings.mostCandidates ? chooseFor(reign, request, exclude) : null;
    if (host === null && room === null && reign.settings.migrationBudget > 0) {
      if (record !== null) await confirmGone(reign, record);
      record = null;
      room = await makeRoom(reign, placementNeed(reign, request, exclude));
      if (room.kind === "made") host = chooseMade(reign, request, exclude, room.host);
    }
    if (host === null) {
      reign.prices.refused(request.name, shapeOf(request));
      const why = room?.kind === "none" ? room.why : null;
      return giveUp(reign, request, record, noHostFits(allReasons(reign, request, reasons), reign.entries.size, why));
    }
    // Before the room is claimed: afterwards the host has another score.
    const why = reign.room.why(host.id, shapeOf(request), constraintsOf(request));
    record = await reserve(reign, request, requestId, host, record);
    const step = await offer(reign, host, record);
    if (step.kind === "placed")
      return placed(reign, record, step.vm, reasons.length === 0 ? why : `${why}, after ${declined(reasons)}`);
    if (step.kind === "refused") return giveUp(reign, request, record, refuseWith(step.refusal));
    if (step.kind === "unknown") throw unsettledError(host.id, `runs ${request.name}`, step.why);
    reasons.push({ host: host.id, ...step.why });
    exclude.add(host.id);
  }
}

function chooseFor(reign: Reign, request: ClusterDeploy, exclude: ReadonlySet<string>): HostEntry | null {
  const host = reign.room.choose(shapeOf(request), constraintsOf(request), exclude);
  return host === null ? null : (reign.entries.get(host) ?? null);
}

/** In the turn in which the claim that held the room is given up, so that nobody comes in between. */
function chooseMade(
  reign: Reign,
  request: ClusterDeploy,
  exclude: ReadonlySet<string>,
  claimed: string,
): HostEntry | null {
  reign.room.release(claimed, request.name);
  return chooseFor(reign, request, exclude);
}

/** Claims the room in the turn in which the host was chosen, then writes the reservation. Throws with neither done. */
async function reserve(
  reign: Reign,
  request: ClusterDeploy,
  requestId: string,
  host: HostEntry,
  before: VmRecord | null,
): Promise<VmRecord> {
  const target = { host: host.id, machineId: host.record.machineId, agentRequest: reign.ports.newId() };
  const record = reservedRecord(request, requestId, target);
  reign.room.claim(host.id, record);
  try {
    await reign.vms.put(record, before === null ? "once" : "insist");
  } catch (error) {
    reign.room.release(host.id, request.name);
    throw error;
  }
  return record;
}

/** Asks the host; when its answer does not come, asks what became of the request. */
async function offer(reign: Reign, host: HostEntry, record: VmRecord): Promise<DeployStep> {
  const { name, vcpus, memoryMiB, ratio, image, pending } = record;
  const request = { requestId: pending ?? "", epoch: reign.epoch, name, vcpus, memoryMiB, ratio, image };
  const step = afterDeploy(await ask(reign, host, () => host.client.deploy(request, reign.lost)));
  if (step.kind !== "unknown") return step;
  const settled = await until(reign, () => askAboutDeploy(reign, record));
  if (settled.kind === "free") return { kind: "elsewhere", why: { code: "unanswered", reason: step.why } };
  return settled;
}

const declined = (reasons: readonly HostReason[]): string =>
  reasons.map(({ host, code }) => `${host} declined (${code})`).join(", ");

/** `why`: this host and no other. */
async function placed(reign: Reign, record: VmRecord, vm: Confirmed, why: string): Promise<ClusterResult<ClusterVm>> {
  const confirmed = await confirmPlaced(reign, record, vm);
  const { vcpus, memoryMiB, ratio, name, host } = confirmed;
  reign.events.emit(
    "vm-placed",
    { vm: name, host },
    `${plural(vcpus, "vCPU")} and ${memoryMiB} MiB at ratio ${ratio}: ${why}`,
  );
  return accept(shownVm(reign, confirmed, vm.view));
}

async function giveUp(
  reign: Reign,
  request: ClusterDeploy,
  record: VmRecord | null,
  answer: { readonly ok: false; readonly refusal: ClusterRefusal } | ClusterResult<never>,
): Promise<ClusterResult<ClusterVm>> {
  if (record !== null) await confirmGone(reign, record);
  if (!answer.ok) reign.events.emit("vm-refused", { vm: request.name }, answer.refusal.reason);
  return answer;
}

/** Explaining is a scan over all hosts; in a large cluster only those are named that were asked. */
const MOST_EXPLAINED = 1_000;

function allReasons(reign: Reign, request: ClusterDeploy, refusals: readonly HostReason[]): readonly HostReason[] {
  if (reign.entries.size > MOST_EXPLAINED) return refusals;
  const asked = new Set(refusals.map(({ host }) => host));
  const explained: HostReason[] = [];
  for (const { hostId, verdicts } of reign.room.explain(request).hosts) {
    const veto = verdicts.find(objects);
    if (!asked.has(hostId) && veto !== undefined)
      explained.push({ host: hostId, code: veto.filter, reason: veto.veto ?? "" });
  }
  return [...refusals, ...explained];
}
