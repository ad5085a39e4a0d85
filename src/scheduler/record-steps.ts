/**
 * The commit protocol as pure functions: what an agent's answer, or its absence, means for a VM's record (record-model.ts).
 * The rule behind all of them: a record moves on only on what an agent has said. Silence, a failure half-way and an answer
 * that was lost are all the same here: nobody knows, so the agent is asked (`revoke`), and the record stays meanwhile.
 */
import type { ChangeOutcome, NoAnswer, ReportedVm, RevokeOutcome } from "../ports/agent-client.js";
import type { VmView } from "../ports/agent-views.js";
import type { Bounds, VmRecord, VmSize } from "./record-model.js";
import type { ClusterDeploy, ClusterRefusal, HostReason } from "./service.js";

/** A VM as its host confirms it. */
export interface Confirmed {
  readonly uuid: string;
  readonly size: VmSize;
  readonly view: VmView | null;
}

export type DeployStep =
  | { readonly kind: "placed"; readonly vm: Confirmed }
  /** Certain that this host does not and will not run it by this request. */
  | { readonly kind: "elsewhere"; readonly why: Omit<HostReason, "host"> }
  /** As `elsewhere`, and no other host is to be asked. */
  | { readonly kind: "refused"; readonly refusal: ClusterRefusal }
  | { readonly kind: "unknown"; readonly why: string };

export function afterDeploy(outcome: ChangeOutcome): DeployStep {
  switch (outcome.kind) {
    case "accepted":
      return { kind: "placed", vm: confirmedView(outcome.vm) };
    case "refused":
      // The name is the cluster's: where one host has such a VM, no other may get one.
      if (outcome.refusal.code === "name-taken") return { kind: "refused", refusal: outcome.refusal };
      return { kind: "elsewhere", why: outcome.refusal };
    default:
      return isUndone(outcome)
        ? { kind: "elsewhere", why: { code: outcome.kind, reason: outcome.reason } }
        : { kind: "unknown", why: outcome.reason };
  }
}

/** Of a deploy: free: neither exists nor will ever by this request. */
export type DeploySettled =
  | { readonly kind: "placed"; readonly vm: Confirmed }
  | { readonly kind: "free" }
  | { readonly kind: "unknown"; readonly why: string };

export function afterDeployRevoked(outcome: RevokeOutcome): DeploySettled {
  if (outcome.kind === "revoked") return { kind: "free" };
  if (outcome.kind !== "done") return { kind: "unknown", why: outcome.reason };
  // It ran, and somebody removed it on the host since: what does not exist is not to be confirmed.
  return outcome.vm === null ? { kind: "free" } : { kind: "placed", vm: confirmed(outcome.vm, outcome.view) };
}

export type RemoveStep =
  | { readonly kind: "gone"; readonly view: VmView | null }
  | { readonly kind: "kept"; readonly refusal: ClusterRefusal }
  | { readonly kind: "unknown"; readonly why: string };

export function afterRemove(outcome: ChangeOutcome): RemoveStep {
  if (outcome.kind === "accepted") return { kind: "gone", view: outcome.vm };
  if (outcome.kind !== "refused") return { kind: "unknown", why: outcome.reason };
  if (outcome.refusal.code === "unknown-vm") return { kind: "gone", view: null };
  return { kind: "kept", refusal: outcome.refusal };
}

export type ResizeStep =
  | { readonly kind: "resized"; readonly vm: Confirmed }
  | { readonly kind: "kept"; readonly refusal: ClusterRefusal }
  /** Certain that nothing was and will be done. */
  | { readonly kind: "undone"; readonly why: string }
  | { readonly kind: "unknown"; readonly why: string };

export function afterResize(outcome: ChangeOutcome): ResizeStep {
  if (outcome.kind === "accepted") return { kind: "resized", vm: confirmedView(outcome.vm) };
  if (outcome.kind === "refused") return { kind: "kept", refusal: outcome.refusal };
  return { kind: isUndone(outcome) ? "undone" : "unknown", why: outcome.reason };
}

/** Of a resize: what the VM is now, whether or not the request was carried out; null: it is not there. */
export type ResizeSettled =
  | { readonly kind: "settled"; readonly done: boolean; readonly vm: Confirmed | null }
  | { readonly kind: "unknown"; readonly why: string };

export function afterResizeRevoked(outcome: RevokeOutcome): ResizeSettled {
  if (outcome.kind !== "done" && outcome.kind !== "revoked") return { kind: "unknown", why: outcome.reason };
  const view = outcome.kind === "done" ? outcome.view : null;
  return {
    kind: "settled",
    done: outcome.kind === "done",
    vm: outcome.vm === null ? null : confirmed(outcome.vm, view),
  };
}

/** The agent said that it did nothing, or certainly never heard of it. */
const isUndone = (outcome: NoAnswer): boolean =>
  outcome.kind === "stale-leader" ||
  outcome.kind === "unauthorised" ||
  (outcome.kind === "unanswered" && outcome.notSent);

export const confirmed = (vm: ReportedVm, view: VmView | null): Confirmed => ({
  uuid: vm.uuid,
  size: { vcpus: vm.vcpus, memoryMiB: vm.memoryMiB, ratio: vm.ratio },
  view,
});

const confirmedView = (view: VmView): Confirmed => ({
  uuid: view.uuid,
  size: { vcpus: view.vcpus, memoryMiB: view.memoryMiB, ratio: view.ratio },
  view,
});

// Moves

/** Of the destination. room: held, or the VM is in it already. none: certain that it holds none by this request, and will not. */
export type ReceiveStep =
  | { readonly kind: "room"; readonly address: string; readonly pins: readonly string[] }
  | { readonly kind: "none"; readonly why: string }
  | { readonly kind: "unknown"; readonly why: string };

export function afterReceive(outcome: ChangeOutcome): ReceiveStep {
  if (outcome.kind === "refused") return { kind: "none", why: outcome.refusal.reason };
  if (outcome.kind !== "accepted") return { kind: "unknown", why: outcome.reason };
  const { vm, status } = outcome;
  const address = status.migrationAddress;
  return address === null
    ? { kind: "none", why: "it takes no part in live migration any more" }
    : { kind: "room", address, pins: vm.pins };
}

/** Of the source. open: under way, or nobody can say yet. */
export type SendStep =
  | { readonly kind: "open" }
  | { readonly kind: "gone" }
  /** `passing`: the same may work in a moment. */
  | { readonly kind: "stays"; readonly why: string; readonly passing: boolean };

export function afterSend(outcome: ChangeOutcome): SendStep {
  if (outcome.kind === "accepted") return { kind: outcome.vm.state === "migrating" ? "open" : "gone" };
  if (outcome.kind !== "refused") return { kind: "open" };
  // It has lost its journal, and the VM: whether it is at the destination, that one knows.
  const { code, reason } = outcome.refusal;
  return code === "unknown-vm" ? { kind: "gone" } : { kind: "stays", why: reason, passing: code === "busy" };
}

/** The source once the move is revoked there. `null`: that machine is no more. */
export type SourceAfter =
  | { readonly kind: "kept"; readonly vm: Confirmed }
  | { readonly kind: "gone" }
  | { readonly kind: "unknown" };

export function sourceAfter(outcome: RevokeOutcome | null, uuid: string | null): SourceAfter {
  if (outcome === null || outcome.kind === "done") return { kind: "gone" };
  if (outcome.kind !== "revoked") return { kind: "unknown" };
  return outcome.vm?.uuid === uuid ? { kind: "kept", vm: confirmed(outcome.vm, null) } : { kind: "gone" };
}

// Records

export interface Target {
  readonly host: string;
  readonly machineId: string | null;
  /** Fresh for each host that is asked: an agent answers an id it knows from memory. */
  readonly agentRequest: string;
}

export const reservedRecord = (request: ClusterDeploy, requestId: string, target: Target): VmRecord => ({
  name: request.name,
  vcpus: request.vcpus,
  memoryMiB: request.memoryMiB,
  ratio: request.ratio,
  image: request.image,
  antiAffinity: request.constraints?.antiAffinity ?? null,
  phase: "reserved",
  host: target.host,
  machineId: target.machineId,
  requestId,
  removal: null,
  constraints: boundsOf(request),
  pending: target.agentRequest,
  to: null,
  target: null,
  uuid: null,
});

function boundsOf({ constraints = {} }: ClusterDeploy): Bounds | null {
  const { labels = {}, hosts } = constraints;
  return Object.keys(labels).length === 0 && hosts === undefined ? null : { labels, hosts: hosts ?? null };
}

export const adoptedRecord = (vm: ReportedVm, host: string, machineId: string | null): VmRecord => ({
  name: vm.name,
  vcpus: vm.vcpus,
  memoryMiB: vm.memoryMiB,
  ratio: vm.ratio,
  image: vm.image,
  antiAffinity: null,
  phase: "placed",
  host,
  machineId,
  requestId: null,
  removal: null,
  constraints: null,
  pending: null,
  to: null,
  target: null,
  uuid: vm.uuid,
});

/** The host confirmed it, in the size that it has there. */
export const placedRecord = (record: VmRecord, vm: Pick<Confirmed, "uuid" | "size">): VmRecord => ({
  ...record,
  ...vm.size,
  phase: "placed",
  removal: null,
  pending: null,
  to: null,
  target: null,
  uuid: vm.uuid,
});

export const migratingRecord = (record: VmRecord, { host, machineId, agentRequest }: Target): VmRecord => ({
  ...record,
  phase: "migrating",
  pending: agentRequest,
  to: null,
  target: { host, machineId },
});

/** Hosts that have the VM, or may come to have it. */
export const hostsOf = ({ host, target }: VmRecord): readonly string[] =>
  target === null ? [host] : [host, target.host];

/** `removal`: the caller's id. */
export const removingRecord = (record: VmRecord, removal: string, agentRequest: string): VmRecord => ({
  ...record,
  phase: "removing",
  removal,
  pending: agentRequest,
  to: null,
});

export const resizingRecord = (record: VmRecord, to: VmSize, agentRequest: string): VmRecord => ({
  ...record,
  phase: "resizing",
  pending: agentRequest,
  to,
});

export const backToPlaced = (record: VmRecord): VmRecord => ({
  ...record,
  phase: "placed",
  removal: null,
  pending: null,
  to: null,
});

/** What remains of the record when its host's machine is gone; null: nothing. */
export function afterMachineLost(record: VmRecord): VmRecord | null {
  if (record.phase === "reserved" || record.phase === "removing") return null;
  return { ...record, phase: "lost", pending: null, to: null, target: null };
}

/** A VM that was there: when its record goes, it is remembered which requests made and removed it. */
export const leavesTrace = ({ uuid, requestId, removal }: VmRecord): boolean =>
  uuid !== null && (requestId !== null || removal !== null);

/** Not settled: an agent has to be asked what became of it. */
export const isUnsettled = (record: VmRecord): boolean => record.pending !== null;
