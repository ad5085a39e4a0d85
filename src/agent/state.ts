/**
 * What an agent knows, as one immutable value: pools, VMs, unfinished requests, recent answers. Requests and ticks map it
 * to the next one; journal.ts writes it down.
 */

import { assert } from "../core/assert.js";
import type { HostState } from "../core/pool/model.js";
import type { PoolPolicy } from "../core/pool/policy.js";
import type { VmRecord, VmRecords } from "../core/reconcile/model.js";
import { isPlaced } from "../core/reconcile/model.js";
import type { Result } from "../core/result.js";
import type { Milliseconds } from "../core/units.js";
import type { RequestKind } from "./counters.js";
import type { VmView } from "./service.js";

/**
 * A request that was begun and is neither done nor undone. It is written before its first step, so that whoever finds it
 * (the agent after a crash, the next tick after a failure) can settle it by asking the hypervisor.
 */
export type Task = DeployTask | RemoveTask | ResizeTask | SendTask | ReceiveTask;

/** Always undone: the caller never heard that the VM exists. */
export interface DeployTask {
  readonly kind: "deploy";
  readonly name: string;
  readonly uuid: string;
  /** Image below the overlay; null: no overlay was to be made. */
  readonly overlayBase: string | null;
}

export interface RemoveTask {
  readonly kind: "remove";
  readonly name: string;
  readonly uuid: string;
  readonly overlay: string | null;
  /** The caller was told that it failed: a domain that still runs stays. Else the removal is finished. */
  readonly answered: boolean;
}

/** Always undone: `from` is how the VM was, `to` what it was to be. */
export interface ResizeTask {
  readonly kind: "resize";
  readonly name: string;
  readonly uuid: string;
  readonly from: VmRecord;
  readonly to: VmRecord;
  /** The domain was to be stopped and started, and ran before. */
  readonly restarts: boolean;
}

/** The VM is being handed to another host; it keeps its room here until it is known where it is. */
export interface SendTask {
  readonly kind: "send";
  readonly name: string;
  readonly uuid: string;
  readonly requestId: string;
  /** Of the hypervisor that takes it. */
  readonly address: string;
}

/** Room is reserved for a VM of another host; its record is among the VMs, shown to nobody. */
export interface ReceiveTask {
  readonly kind: "receive";
  readonly name: string;
  readonly uuid: string;
  readonly requestId: string;
  /** Wall time: it has to outlast the process. */
  readonly at: Milliseconds;
}

export interface Answer {
  /** A client may use one id for a deploy and for the removal of the same VM: they are different requests. */
  readonly kind: RequestKind;
  readonly requestId: string;
  readonly result: Result<VmView>;
}

/** A request that is not carried out, should it still come. */
export interface Revoked {
  readonly requestId: string;
  /** Wall time: it has to outlast the process. */
  readonly at: Milliseconds;
}

export interface AgentState {
  /** Counts up with every change of pools or VMs. */
  readonly generation: number;
  readonly cordoned: boolean;
  readonly host: HostState;
  readonly vms: VmRecords;
  /** By VM; at most one each. */
  readonly tasks: ReadonlyMap<string, Task>;
  /** Oldest first. */
  readonly answers: readonly Answer[];
  /** Uuids of deploys that were undone, oldest first: a domain that appears with one of them came too late, and goes. */
  readonly undone: readonly string[];
  /** The highest epoch of a scheduler that was seen; 0: none. Lower ones belong to leaders that were replaced. */
  readonly epoch: number;
  /** Oldest first. */
  readonly revoked: readonly Revoked[];
}

/** A client that repeats a request does so within minutes; at one deploy a second this is four of them. */
const REMEMBERED_ANSWERS = 256;
/** Only the undone deploys whose answers may still be under way matter: the last few. */
const REMEMBERED_UNDONE = 64;

export const emptyState = (host: HostState): AgentState => ({
  generation: 0,
  cordoned: false,
  host,
  vms: new Map(),
  tasks: new Map(),
  answers: [],
  undone: [],
  epoch: 0,
  revoked: [],
});

/** The state with other pools or VMs: a new generation. */
export const withVms = (state: AgentState, host: HostState, vms: VmRecords): AgentState => ({
  ...state,
  generation: state.generation + 1,
  host,
  vms,
});

export const withVm = (state: AgentState, host: HostState, vm: VmRecord): AgentState =>
  withVms(state, host, new Map(state.vms).set(vm.name, vm));

/** The VM is gone: its record, its room and its task. */
export function withoutVm(state: AgentState, policy: PoolPolicy, name: string): AgentState {
  const vm = state.vms.get(name);
  const settled = withoutTask(state, name);
  if (vm === undefined) return settled;
  const vms = new Map(state.vms);
  vms.delete(name);
  return withVms(settled, hostWithout(policy, state.host, vm), vms);
}

/** The host once the VM's room is given back. */
export function hostWithout(policy: PoolPolicy, host: HostState, vm: VmRecord): HostState {
  if (!isPlaced(vm)) return host;
  const removed = policy.remove(host, vm.name);
  assert(removed.ok, `the pools do not hold the placed VM ${vm.name}`);
  return removed.value;
}

export const withTask = (state: AgentState, task: Task): AgentState => ({
  ...state,
  tasks: new Map(state.tasks).set(task.name, task),
});

export function withoutTask(state: AgentState, name: string): AgentState {
  if (!state.tasks.has(name)) return state;
  const tasks = new Map(state.tasks);
  tasks.delete(name);
  return { ...state, tasks };
}

export const withAnswer = (state: AgentState, answer: Answer): AgentState => ({
  ...state,
  answers: [...state.answers, answer].slice(-REMEMBERED_ANSWERS),
});

/** Nobody can ask again under an id that was made up here. */
export const withAnswerTo = (
  state: AgentState,
  kind: RequestKind,
  requestId: string | undefined,
  result: Result<VmView>,
): AgentState => (requestId === undefined ? state : withAnswer(state, { kind, requestId, result }));

export const withUndone = (state: AgentState, uuid: string): AgentState => ({
  ...state,
  undone: [...state.undone.filter((other) => other !== uuid), uuid].slice(-REMEMBERED_UNDONE),
});

/** On its way to or from another host: nothing else is done with it. */
export const isMoving = (state: AgentState, name: string): boolean => {
  const kind = state.tasks.get(name)?.kind;
  return kind === "send" || kind === "receive";
};

/** Not shown: it has not arrived, or it is doomed. */
export const isHidden = (state: AgentState, vm: VmRecord): boolean =>
  isDoomed(state, vm) || state.tasks.get(vm.name)?.kind === "receive";

/** A VM whose deploy failed and could not be undone yet: it keeps its room, and is shown to nobody. */
export const isDoomed = (state: AgentState, vm: VmRecord): boolean => {
  const task = state.tasks.get(vm.name);
  return task?.kind === "deploy" && task.uuid === vm.uuid;
};
