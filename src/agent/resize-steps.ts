/**
 * The steps that change a domain's size, and those that take them back. All are safe to repeat: taking back looks at what
 * the domain is now, whatever was done before.
 */

import type { HostState } from "../core/pool/model.js";
import { isPlaced, specOf, type VmRecord } from "../core/reconcile/model.js";
import { mib, milliseconds } from "../core/units.js";
import { OperationalError } from "../ports/errors.js";
import type { DomainDetail } from "../ports/hypervisor.js";
import { ensure, runs, startDomain, stopDomain } from "./ask.js";
import { type AgentContext, isActive, pinsOf } from "./context.js";
import { domainSpecOf, equalRatios, liveMaximum, markOf } from "./domain-spec.js";
import { repinFrom } from "./repin.js";
import { type ResizeTask, withoutTask, withVm } from "./state.js";

/** How often a guest that was asked to shut down is looked at. */
const SHUTDOWN_POLL = milliseconds(250);

/** Brings the running domain from `from` to `to` without a stop. */
export async function sizeLive(
  context: AgentContext,
  from: VmRecord,
  to: VmRecord,
  detail: DomainDetail,
  host: HostState,
): Promise<void> {
  const { hypervisor } = context;
  if (to.memoryMiB !== from.memoryMiB) await hypervisor.setMemory(to.name, to.memoryMiB);
  if (to.memoryMiB !== from.memoryMiB || !equalRatios(from.vcpuRatios, to.vcpuRatios)) {
    await hypervisor.setMetadata(to.name, markOf(to));
  }
  // The balloon's target is forgotten at the guest's next start; its stored definition has to say it. Definitions that
  // Headroom did not write have devices that it does not know: those it must not replace.
  if (to.memoryMiB !== from.memoryMiB && to.deployedHere) await redefine(context, to, detail, host);
  // Last, since many guests do not give a vCPU back once they have it: after this only the journal can fail.
  if (to.vcpus !== from.vcpus) {
    await ensure(
      () => hypervisor.setVcpus(to.name, to.vcpus),
      async () => (await hypervisor.detail(to.name))?.vcpus === to.vcpus,
    );
  }
}

/** Stops the guest, asking it first, and starts it with its new size. */
export async function sizeByRestart(
  context: AgentContext,
  to: VmRecord,
  detail: DomainDetail,
  host: HostState,
): Promise<void> {
  await shutDown(context, to.name, to.uuid);
  await redefine(context, to, detail, host);
  await startDomain(context.hypervisor, to.name, to.uuid);
}

/** Replaces the stored definition; the guest sees it at its next start. */
export async function redefine(
  context: AgentContext,
  to: VmRecord,
  detail: DomainDetail,
  host: HostState,
): Promise<void> {
  const room = liveMaximum(to, context.settings, context.policy.settings.topology.ids.length);
  const maximum = {
    vcpus: Math.max(room.vcpus, detail.maximumVcpus),
    memoryMiB: mib(Math.max(room.memoryMiB, detail.maximumMemoryMiB)),
  };
  const pins = pinsOf(context.policy, host).get(to.name) ?? [];
  await context.hypervisor.redefine(domainSpecOf(to, pins, maximum, detail.disks[0] ?? null));
}

/** Takes a resize back. Throws `OperationalError` where that cannot be done now. */
export async function restoreSize(context: AgentContext, task: ResizeTask): Promise<void> {
  const { hypervisor, store } = context;
  const { from, to } = task;
  const detail = await hypervisor.detail(task.name);
  if (detail === null || detail.uuid !== task.uuid) return;
  const host = store.state.host;
  const running = isActive(detail.state);
  if (running && task.restarts) {
    // It may have its new size already, or be about to shut down as it was asked to: only a restart makes sure of both.
    await sizeByRestart(context, from, detail, host);
    return;
  }
  if (running) {
    if (detail.vcpus !== from.vcpus) await hypervisor.setVcpus(from.name, from.vcpus);
    if (from.memoryMiB !== to.memoryMiB) await hypervisor.setMemory(from.name, from.memoryMiB);
    await hypervisor.setMetadata(from.name, markOf(from));
  }
  if (from.deployedHere && (task.restarts || !running || from.memoryMiB !== to.memoryMiB)) {
    await redefine(context, from, detail, host);
  }
  if (task.restarts) await startDomain(hypervisor, task.name, task.uuid);
}

/**
 * Finishes a resize that cannot be taken back, where the guest has the new vCPUs and keeps them, and the pools have the
 * room. False: that is not so.
 */
export async function finishResize(context: AgentContext, task: ResizeTask): Promise<boolean> {
  const { hypervisor, store, policy } = context;
  const { from, to } = task;
  const detail = await hypervisor.detail(task.name);
  if (detail?.uuid !== task.uuid || !isActive(detail.state) || detail.vcpus !== to.vcpus) return false;
  if (!isPlaced(from)) return false;
  const before = store.state.host;
  const resized = policy.resize(before, specOf(policy, to));
  if (!resized.ok) return false;
  await sizeLive(context, from, to, detail, resized.value);
  await store.keep(withVm(withoutTask(store.state, to.name), resized.value, to));
  context.events.emit("vm-resized", to.name, "its guest keeps the vCPUs of a resize that failed: the resize stands");
  await repinFrom(context, before);
  return true;
}

async function shutDown(context: AgentContext, name: string, uuid: string): Promise<void> {
  const { hypervisor, clock, settings } = context;
  const patienceEnds = clock.monotonic() + settings.shutdownPatience;
  try {
    await hypervisor.shutdown(name);
  } catch (error) {
    if (!(error instanceof OperationalError)) throw error;
    context.log.warn({ err: error, vm: name }, "the guest cannot be asked to shut down; the plug is pulled");
    await stopDomain(hypervisor, name, uuid);
    return;
  }
  while (clock.monotonic() < patienceEnds) {
    if (!(await runs(hypervisor, name, uuid))) return;
    await clock.sleep(SHUTDOWN_POLL);
  }
  await stopDomain(hypervisor, name, uuid);
}
