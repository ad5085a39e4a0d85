/**
 * Settles requests that were begun and neither done nor undone: after a crash, and after failures that could not be mended
 * on the spot. What happened is asked of the hypervisor. A deploy and a resize are undone (their callers never heard of
 * success); a removal is finished, unless its caller was told that it failed and the guest still runs. Moves between hosts
 * are settled once they have ended: migration/.
 */
import type { VmRecord } from "../core/reconcile/model.js";
import { OperationalError } from "../ports/errors.js";
import { eraseDomain, runs } from "./ask.js";
import type { AgentContext } from "./context.js";
import { settleReceive } from "./migration/receive.js";
import { settleSend } from "./migration/send.js";
import { repinFrom } from "./repin.js";
import { finishResize, restoreSize } from "./resize-steps.js";
import {
  type DeployTask,
  type RemoveTask,
  type ResizeTask,
  type Task,
  withoutTask,
  withoutVm,
  withUndone,
} from "./state.js";

/** Settles everything that can be settled now. Gives what went wrong, in words, for the rest. */
export async function settleAll(context: AgentContext): Promise<readonly string[]> {
  const problems: string[] = [];
  for (const task of context.store.state.tasks.values()) {
    try {
      await settle(context, task);
    } catch (error) {
      if (!(error instanceof OperationalError)) throw error;
      problems.push(`the ${task.kind} of ${task.name} is still unsettled: ${error.message}`);
    }
  }
  return problems;
}

/** Before a new request for the VM. Throws `OperationalError` while the earlier one cannot be settled. */
export async function settleName(context: AgentContext, name: string): Promise<void> {
  const task = context.store.state.tasks.get(name);
  if (task !== undefined) await settle(context, task);
}

async function settle(context: AgentContext, task: Task): Promise<void> {
  // What is under way has its time.
  if (task.kind === "send" && !(await settleSend(context, task))) return;
  if (task.kind === "receive" && !(await settleReceive(context, task))) return;
  if (task.kind === "deploy") await undo(context, task);
  else if (task.kind === "remove") await finish(context, task);
  else if (task.kind === "resize") await takeBack(context, task);
  context.counters.action("settle");
  context.log.info({ vm: task.name, request: task.kind }, `the ${task.kind} of ${task.name} is settled`);
}

async function takeBack(context: AgentContext, task: ResizeTask): Promise<void> {
  const { store } = context;
  try {
    await restoreSize(context, task);
  } catch (error) {
    const final = error instanceof OperationalError && !error.retryable;
    if (!final || !(await finishResize(context, task))) throw error;
    return;
  }
  await store.keep(withoutTask(store.state, task.name));
}

async function undo(context: AgentContext, task: DeployTask): Promise<void> {
  const { store, policy, hypervisor } = context;
  const doomed = store.state.vms.get(task.name);
  const record = doomed?.uuid === task.uuid ? doomed : undefined;
  const marked = await overlayInMark(context, task);
  await eraseDomain(hypervisor, task.name, task.uuid);
  await removeLeftOverlay(context, task, record?.overlay ?? marked);
  const before = store.state.host;
  const settled = record ? withoutVm(store.state, policy, task.name) : withoutTask(store.state, task.name);
  await store.keep(withUndone(settled, task.uuid));
  if (record) await repinFrom(context, before);
}

async function overlayInMark({ hypervisor }: AgentContext, task: DeployTask): Promise<string | null> {
  const detail = await hypervisor.detail(task.name);
  return detail?.uuid === task.uuid ? (detail.metadata?.overlay ?? null) : null;
}

async function finish(context: AgentContext, task: RemoveTask): Promise<void> {
  const { store, hypervisor, policy } = context;
  if (task.answered && (await runs(hypervisor, task.name, task.uuid))) {
    await store.keep(withoutTask(store.state, task.name));
    return;
  }
  await eraseDomain(hypervisor, task.name, task.uuid);
  await removeOverlay(context, task.name, task.overlay);
  const before = store.state.host;
  await store.keep(withoutVm(store.state, policy, task.name));
  context.events.emit("vm-removed", task.name, "its removal, begun earlier, is finished");
  await repinFrom(context, before);
}

/**
 * The overlay of a deploy that a crash interrupted. Its path may be unknown (the agent died while it was made): making it
 * again tells the path, since a left-over of the same name is replaced. Where that fails, so did the first time.
 */
async function removeLeftOverlay(context: AgentContext, task: DeployTask, known: string | null): Promise<void> {
  if (known !== null || task.overlayBase === null) {
    await removeOverlay(context, task.name, known);
    return;
  }
  try {
    await removeOverlay(context, task.name, await context.images.createOverlay(task.name, task.overlayBase));
  } catch (error) {
    if (!(error instanceof OperationalError)) throw error;
    context.log.warn({ err: error, vm: task.name }, "whether an interrupted deploy left a disk could not be found out");
  }
}

/** The VM is gone by now: a disk that cannot be deleted is reported, and brings nothing back. */
export async function removeOverlay(context: AgentContext, vm: string, overlay: VmRecord["overlay"]): Promise<void> {
  if (overlay === null) return;
  try {
    await context.images.removeOverlay(overlay);
  } catch (error) {
    if (!(error instanceof OperationalError)) throw error;
    context.events.emit("action-failed", vm, `its disk ${overlay} could not be deleted: ${error.message}`);
  }
}
