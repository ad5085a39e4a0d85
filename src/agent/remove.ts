/**
 * Removing one VM: stop, undefine, delete the disk that Headroom made for it (and no other), give back its room. Works for
 * stopped and unplaced VMs, and for adopted ones, since the operator named it. Once the guest is stopped there is no way
 * back, so a failure after that is finished by the next tick; a failure before it leaves everything as it was.
 */

import { accept, type Result } from "../core/result.js";
import { eraseDomain, runs } from "./ask.js";
import type { AgentContext, ViewOf } from "./context.js";
import { repinFrom } from "./repin.js";
import type { RemoveOptions, VmView } from "./service.js";
import { removeOverlay, settleName } from "./settle.js";
import { isMoving, type RemoveTask, withAnswerTo, withoutTask, withoutVm, withTask } from "./state.js";
import { moving, unknownVm, visibleVm } from "./visible.js";

/** Gives the VM as it last was. Refuses `unknown-vm`; throws `OperationalError`. */
export async function removeVm(
  context: AgentContext,
  name: string,
  { uuid, requestId }: RemoveOptions,
  view: ViewOf,
): Promise<Result<VmView>> {
  const { store, policy, hypervisor } = context;
  if (visibleVm(store.state, name) === null) return unknownVm(name);
  await settleName(context, name);
  if (isMoving(store.state, name)) return moving(name);
  const vm = visibleVm(store.state, name, uuid);
  if (vm === null) return unknownVm(name, uuid);
  const before = store.state.host;
  const last = view(vm, before);
  const task: RemoveTask = { kind: "remove", name, uuid: vm.uuid, overlay: vm.overlay, answered: false };
  await store.save(withTask(store.state, task));
  try {
    await eraseDomain(hypervisor, name, vm.uuid);
  } catch (error) {
    await giveUp(context, task);
    throw error;
  }
  await removeOverlay(context, name, vm.overlay);
  const gone = withoutVm(store.state, policy, name);
  await store.keep(withAnswerTo(gone, "remove", requestId, accept(last)));
  context.events.emit("vm-removed", name, "removed");
  await repinFrom(context, before);
  return accept(last);
}

/** A guest that still runs stays, and all is as before. One that stopped, or that nobody can ask about, is settled later. */
async function giveUp(context: AgentContext, task: RemoveTask): Promise<void> {
  const { store, hypervisor, log } = context;
  try {
    if (await runs(hypervisor, task.name, task.uuid)) {
      await store.keep(withoutTask(store.state, task.name));
      return;
    }
  } catch (error) {
    log.warn({ err: error, vm: task.name }, "what a failed removal left could not be asked; the next tick asks again");
  }
  await store.keep(withTask(store.state, { ...task, answered: true }));
  context.wake();
}
