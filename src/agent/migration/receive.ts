/**
 * Taking a VM from another host: its room is reserved and written down, so that its pins are known before it comes, and so that
 * nobody else gets the room meanwhile. It is shown to nobody until it has arrived: the hypervisor has made it its own.
 *
 * A reservation whose VM never comes ends with the request's revocation, or by itself after an hour: longer than any move
 * lasts. Ending it is never dangerous: a VM that comes all the same is adopted like any other that is found running.
 */
import { recordOf } from "../../core/reconcile/membership.js";
import { specOf, type VmRecord, vcpuRatiosOf } from "../../core/reconcile/model.js";
import { orderPinChanges, splitAtStart } from "../../core/reconcile/pin-order.js";
import { movesBetween } from "../../core/reconcile/pins.js";
import { accept, type Result, refuse } from "../../core/result.js";
import { milliseconds } from "../../core/units.js";
import type { DomainDetail } from "../../ports/hypervisor.js";
import { barredBy } from "../admission.js";
import { eraseDomain } from "../ask.js";
import { type AgentContext, isActive, pinsOf, type ViewOf } from "../context.js";
import { rememberedAnswer } from "../guard.js";
import { repin, repinBack, repinFrom } from "../repin.js";
import type { ReceiveRequest, VmView } from "../service.js";
import { type ReceiveTask, withAnswer, withoutTask, withoutVm, withTask, withVm } from "../state.js";

const KEPT_MS = milliseconds(3_600_000);

/** Gives the VM as it will be, with its pins. Refuses as a deploy does, and `not-movable`; throws `OperationalError`. */
export async function receiveVm(context: AgentContext, request: ReceiveRequest, view: ViewOf): Promise<Result<VmView>> {
  const { store, hypervisor, policy } = context;
  const { name, requestId } = request;
  const begun = store.state.tasks.get(name);
  if (begun?.kind === "receive" && begun.requestId === requestId) return standingOf(context, begun, view);
  if (begun !== undefined) return refuse("busy", `the VM ${name} has an unfinished ${begun.kind}`, { name });
  if (hypervisor.migrationAddress === null)
    return refuse("not-movable", "this host takes no part in live migration", { name });
  const barred = barredBy(store.state, name);
  if (barred !== null) return barred;
  if ((await hypervisor.detail(name)) !== null)
    return refuse("name-taken", `a domain named ${name} exists on this host`, { name });
  const vm = expectedRecord(context, request);
  const deployed = policy.deploy(store.state.host, { ...specOf(policy, vm), ratio: request.ratio });
  const placed = context.memory.admit(store.state, vm, deployed);
  if (!placed.ok) return placed;
  const before = store.state.host;
  const split = splitAtStart(orderPinChanges(movesBetween(pinsOf(policy, before), pinsOf(policy, placed.value))), name);
  const held = context.pinner.heldIn(split.beforeStart);
  if (held !== null) return refuse("busy", `${held} is being moved, and its pCPUs are needed; ask again`, { name });
  const task: ReceiveTask = { kind: "receive", name, uuid: request.uuid, requestId, at: context.clock.now() };
  try {
    await context.pinner.applyOrThrow(split.beforeStart);
    await store.save(withVm(withTask(store.state, task), placed.value, vm));
  } catch (error) {
    if (split.beforeStart.length > 0) await repinBack(context, placed.value, before);
    throw error;
  }
  context.events.emit("vm-expected", name, "its room is reserved, it comes from another host");
  await repin(context, before, split.afterStart);
  return accept(view(vm, placed.value));
}

function expectedRecord({ policy }: AgentContext, request: ReceiveRequest): VmRecord {
  const { name, uuid, vcpus, memoryMiB, ratio } = request;
  return {
    name,
    uuid,
    vcpus,
    memoryMiB,
    ratio: policy.settings.template === null ? ratio : null,
    vcpuRatios: vcpuRatiosOf(policy, vcpus, ratio),
    state: "running",
    // What else there is to know stands in the mark that it brings.
    image: null,
    overlay: null,
    requestId: null,
    deployedHere: false,
  };
}

async function standingOf(context: AgentContext, task: ReceiveTask, view: ViewOf): Promise<Result<VmView>> {
  await settleReceive(context, task);
  const { state } = context.store;
  const vm = state.vms.get(task.name);
  const answer = rememberedAnswer(state, "receive", task.requestId);
  if (answer !== null) return answer;
  return vm === undefined
    ? refuse("migration-failed", `the room for ${task.name} is given up`, { name: task.name })
    : accept(view(vm, state.host));
}

/** True: it has arrived, or is not waited for any more. */
export async function settleReceive(context: AgentContext, task: ReceiveTask): Promise<boolean> {
  const { hypervisor, clock, events } = context;
  const detail = await hypervisor.detail(task.name);
  if (detail !== null && hasArrived(detail, task)) {
    await arrive(context, task, detail);
    return true;
  }
  if (clock.now() - task.at < KEPT_MS) return false;
  await release(context, task);
  events.emit("vm-not-come", task.name, "it did not come within an hour: its room is given back");
  return true;
}

/** Until a hand-over is done, the hypervisor keeps the guest without a stored definition. */
const hasArrived = (detail: DomainDetail, { uuid }: ReceiveTask): boolean => detail.uuid === uuid && detail.persistent;

async function arrive(context: AgentContext, task: ReceiveTask, detail: DomainDetail): Promise<void> {
  const { store, policy, events, pinner, view, wake } = context;
  const { name, requestId } = task;
  const reserved = store.state.vms.get(name);
  const vm = arrivedRecord(context, detail);
  const answer = (host = store.state.host) =>
    ({ kind: "receive", requestId, result: accept({ ...view(vm, host), state: vm.state }) }) as const;
  if (reserved !== undefined && isActive(detail.state) && isSameSize(reserved, vm))
    await store.keep(withAnswer(withVm(withoutTask(store.state, name), store.state.host, vm), answer()));
  // It came otherwise than it was announced, or has stopped since: the tick takes it as it finds it.
  else await store.keep(withAnswer(withoutVm(store.state, policy, name), answer()));
  pinner.forget(name);
  events.emit("vm-arrived", name, "it came from another host, and runs here");
  wake();
}

function arrivedRecord({ policy }: AgentContext, detail: DomainDetail): VmRecord {
  const { name, uuid, vcpus, memoryMiB, metadata: mark, state } = detail;
  const domain = { name, uuid, active: isActive(state), paused: state === "paused" };
  const record = recordOf(policy, domain, { uuid, vcpus, memoryMiB, mark });
  return { ...record, state: domain.paused ? "paused" : domain.active ? "running" : "stopped" };
}

const isSameSize = (a: VmRecord, b: VmRecord): boolean =>
  a.vcpus === b.vcpus && a.memoryMiB === b.memoryMiB && a.ratio === b.ratio;

/** Gives the room back; what is left of a hand-over goes. */
async function release(context: AgentContext, task: ReceiveTask): Promise<void> {
  const { store, policy, hypervisor } = context;
  await eraseDomain(hypervisor, task.name, task.uuid);
  const before = store.state.host;
  await store.keep(withoutVm(store.state, policy, task.name));
  await repinFrom(context, before);
}

/** The caller is certain that it does not come any more. One that has come stays. */
export async function endReceive(context: AgentContext, task: ReceiveTask): Promise<void> {
  const detail = await context.hypervisor.detail(task.name);
  if (detail !== null && hasArrived(detail, task)) await arrive(context, task, detail);
  else await release(context, task);
}
