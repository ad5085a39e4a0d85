/**
 * Handing a running VM to another host. Its caller has reserved room there (receive.ts on that side) and brings the address and
 * the pins. The task is written down, the move begins, and the caller is told that it is under way; asked again under the same
 * id it is told how it stands. Until the move has ended the VM keeps its room here, and nothing else is done with it.
 *
 * How it ended is never concluded from the failure of a call or from a crash: the hypervisors are asked
 * (`settleMigration`), and leave the guest in one place.
 */

import { posix } from "node:path";
import { plural } from "../../core/plural.js";
import type { VmRecord } from "../../core/reconcile/model.js";
import { accept, type Result, refuse } from "../../core/result.js";
import type { AgentContext, ViewOf } from "../context.js";
import { rememberedAnswer } from "../guard.js";
import { repinFrom } from "../repin.js";
import type { SendRequest, VmView } from "../service.js";
import { type SendTask, withAnswer, withoutTask, withoutVm, withTask, withVms } from "../state.js";
import { unknownVm, visibleVm } from "../visible.js";

/** Refuses `unknown-vm`, `not-movable`, `busy` (also once it was interrupted), and `migration-failed` once it has failed; throws `OperationalError`. */
export async function sendVm(context: AgentContext, request: SendRequest, view: ViewOf): Promise<Result<VmView>> {
  const { store, departures, events } = context;
  const { name, uuid, requestId, address, pins } = request;
  const vm = visibleVm(store.state, name, uuid);
  if (vm === null) return unknownVm(name, uuid);
  const begun = store.state.tasks.get(name);
  if (begun?.kind === "send" && begun.requestId === requestId) return standingOf(context, begun, vm, view);
  if (begun !== undefined) return refuse("busy", `the VM ${name} has an unfinished ${begun.kind}`, { name });
  const obstacle = await obstacleTo(context, vm);
  if (obstacle !== null) return refuse("not-movable", obstacle, { name });
  if (pins.length !== vm.vcpus)
    return refuse("not-movable", `${name} has ${plural(vm.vcpus, "vCPU")}, and pins for ${pins.length} were sent`, {
      name,
    });
  const task: SendTask = { kind: "send", name, uuid, requestId, address };
  const { host, vms } = store.state;
  await store.save(withVms(withTask(store.state, task), host, vms));
  departures.begin(task, { address, pins });
  events.emit("vm-moving", name, `on its way to ${address}`);
  return accept(view(vm, host));
}

async function standingOf(context: AgentContext, task: SendTask, vm: VmRecord, view: ViewOf): Promise<Result<VmView>> {
  await settleSend(context, task);
  const { state } = context.store;
  return rememberedAnswer(state, "send", task.requestId) ?? accept(view(vm, state.host));
}

/** Why the VM cannot be moved from here; null: nothing is known against it. */
async function obstacleTo({ hypervisor, settings }: AgentContext, vm: VmRecord): Promise<string | null> {
  if (hypervisor.migrationAddress === null) return "this host takes no part in live migration";
  if (vm.state !== "running") return `${vm.name} is ${vm.state}: only running VMs are moved`;
  const detail = await hypervisor.detail(vm.name);
  if (detail?.state !== "running") return `${vm.name} does not run now`;
  const own = detail.disks.find((disk) => !settings.sharedFolders.some((folder) => isBelow(folder, disk)));
  return own === undefined ? null : `its disk ${own} is below none of the folders that all hosts share`;
}

const isBelow = (folder: string, path: string): boolean =>
  posix.normalize(path) === path && path.startsWith(folder === "/" ? folder : `${folder}/`);

/** True: the move has ended, and where the VM is is written down. Throws `OperationalError` where nobody can say yet. */
export async function settleSend(context: AgentContext, task: SendTask): Promise<boolean> {
  const { hypervisor, departures } = context;
  if (departures.isUnderWay(task)) return false;
  const where = await hypervisor.settleMigration(task.name, task.uuid, task.address);
  const failure = departures.take(task);
  if (where === "here") await stays(context, task, failure);
  else await isGone(context, task);
  return true;
}

/** `failure` null: nothing is wrong with either host; whoever wants it may begin again. */
async function stays({ store, events }: AgentContext, task: SendTask, failure: string | null): Promise<void> {
  const { host, vms } = store.state;
  const why = failure ?? "the agent was restarted meanwhile";
  const result = refuse(failure === null ? "busy" : "migration-failed", `${task.name} was not moved: ${why}`);
  const answer = { kind: "send", requestId: task.requestId, result } as const;
  await store.keep(withAnswer(withVms(withoutTask(store.state, task.name), host, vms), answer));
  events.emit("vm-move-failed", task.name, `it stays: ${why}`);
}

async function isGone(context: AgentContext, task: SendTask): Promise<void> {
  const { store, policy, events, view } = context;
  const { host: before } = store.state;
  const vm = store.state.vms.get(task.name);
  const gone = withoutVm(store.state, policy, task.name);
  const last = vm?.uuid === task.uuid ? { ...view(vm, before), state: vm.state } : null;
  const answer = last && ({ kind: "send", requestId: task.requestId, result: accept(last) } as const);
  await store.keep(answer === null ? gone : withAnswer(gone, answer));
  events.emit("vm-moved", task.name, `handed over to ${task.address}`);
  await repinFrom(context, before);
}

/** Ends a move that its caller does not want any more. */
export async function endSend(context: AgentContext, task: SendTask): Promise<void> {
  await context.departures.stop(task);
  await settleSend(context, task);
}
