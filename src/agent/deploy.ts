/**
 * Deploying one VM: decided whole, then written down, then done, then written down again; undone completely when any step
 * fails. Neighbours that leave pCPUs which the new VM gets move before it starts; those that only grow move after.
 */
import { plural } from "../core/plural.js";
import type { VmRecord } from "../core/reconcile/model.js";
import { orderPinChanges, splitAtStart } from "../core/reconcile/pin-order.js";
import { movesBetween } from "../core/reconcile/pins.js";
import { accept, type Result, refuse } from "../core/result.js";
import { OperationalError } from "../ports/errors.js";
import { type Admission, admit } from "./admission.js";
import { ensure, eraseDomain, startDomain } from "./ask.js";
import { type AgentContext, pinsOf, type ViewOf } from "./context.js";
import { domainSpecOf, liveMaximum } from "./domain-spec.js";
import { repin, repinBack } from "./repin.js";
import type { DeployRequest, VmView } from "./service.js";
import { removeOverlay, settleName } from "./settle.js";
import { type DeployTask, withAnswerTo, withoutTask, withTask, withUndone, withVm } from "./state.js";

/** Throws `OperationalError` with the state as before. */
export async function deployVm(context: AgentContext, request: DeployRequest, view: ViewOf): Promise<Result<VmView>> {
  await settleName(context, request.name);
  const admission = await admit(context, request, request.requestId ?? context.newUuid());
  if (!admission.ok) {
    context.events.emit("vm-refused", request.name, admission.refusal.reason);
    return admission;
  }
  return carryOut(context, admission.value, view);
}

async function carryOut(context: AgentContext, admission: Admission, view: ViewOf): Promise<Result<VmView>> {
  const { store, policy } = context;
  const overlaid = context.settings.imageMode === "overlay" && admission.base !== null;
  const task: DeployTask = {
    kind: "deploy",
    name: admission.vm.name,
    uuid: admission.vm.uuid,
    overlayBase: overlaid ? admission.base : null,
  };
  const before = store.state.host;
  const split = splitAtStart(
    orderPinChanges(movesBetween(pinsOf(policy, before), pinsOf(policy, admission.host))),
    task.name,
  );
  const held = context.pinner.heldIn(split.beforeStart);
  if (held !== null)
    return refuse("busy", `${held} is on its way to another host, and its pCPUs are needed; ask again`);
  let vm = admission.vm;
  await store.save(withTask(store.state, task));
  try {
    if (task.overlayBase !== null) {
      vm = { ...vm, overlay: await context.images.createOverlay(vm.name, task.overlayBase) };
    }
    await context.pinner.applyOrThrow(split.beforeStart);
    await bringUp(context, vm, admission);
    const done = withVm(withoutTask(store.state, vm.name), admission.host, vm);
    await store.save(withAnswerTo(done, "deploy", vm.requestId!, accept(view(vm, admission.host))));
  } catch (error) {
    await undoDeploy(context, task, vm, admission, split.beforeStart.length > 0);
    if (error instanceof OperationalError && error.code === "domain-exists") {
      return refuse("name-taken", `a domain named ${vm.name} appeared on this host meanwhile`, { name: vm.name });
    }
    throw error;
  }
  context.events.emit("vm-deployed", vm.name, describe(vm));
  await repin(context, before, split.afterStart);
  return accept(view(vm, admission.host));
}

async function bringUp(context: AgentContext, vm: VmRecord, admission: Admission): Promise<void> {
  const { hypervisor, policy, settings } = context;
  const pins = pinsOf(policy, admission.host).get(vm.name) ?? [];
  const maximum = liveMaximum(vm, settings, policy.settings.topology.ids.length);
  const spec = domainSpecOf(vm, pins, maximum, vm.overlay ?? admission.base);
  await ensure(
    () => hypervisor.define(spec),
    async () => (await hypervisor.detail(vm.name))?.uuid === vm.uuid,
  );
  await startDomain(hypervisor, vm.name, vm.uuid);
}

/**
 * Leaves the state as it was before the request. Where the hypervisor cannot be asked now, the VM keeps its room, unseen,
 * until the next tick has erased its domain: nobody else may get pCPUs on which it perhaps runs.
 */
async function undoDeploy(
  context: AgentContext,
  task: DeployTask,
  vm: VmRecord,
  admission: Admission,
  moved: boolean,
): Promise<void> {
  const { store, hypervisor, log } = context;
  const before = store.state.host;
  try {
    await eraseDomain(hypervisor, task.name, task.uuid);
    await removeOverlay(context, vm.name, vm.overlay);
  } catch (error) {
    log.warn({ err: error, vm: task.name }, "a failed deploy could not be undone yet; the next tick tries again");
    await store.keep(withVm(withTask(store.state, task), admission.host, vm));
    context.wake();
    return;
  }
  await store.keep(withUndone(withoutTask(store.state, task.name), task.uuid));
  if (moved) await repinBack(context, admission.host, before);
}

const describe = (vm: VmRecord): string =>
  `${plural(vm.vcpus, "vCPU")} and ${vm.memoryMiB} MiB at ${vm.ratio === null ? "the template's ratios" : `ratio ${vm.ratio}`}`;
