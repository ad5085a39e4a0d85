/**
 * Resizing one VM: vCPUs, memory and ratio, live where the guest's definition has the room, else by a restart that the
 * caller allowed. Decided whole by the policy first; a failure takes everything back.
 *
 * Order: a VM that gets more vCPUs has its pins widened first (the new vCPUs start inside the pool), one that gives
 * vCPUs back does so before its pool shrinks, so that it is never oversubscribed with itself.
 */
import { plural } from "../core/plural.js";
import type { HostState } from "../core/pool/model.js";
import { isPlaced, type PinChange, specOf, type VmRecord, vcpuRatiosOf } from "../core/reconcile/model.js";
import { orderPinChanges } from "../core/reconcile/pin-order.js";
import { movesBetween } from "../core/reconcile/pins.js";
import { accept, type Result, refuse } from "../core/result.js";
import { OperationalError } from "../ports/errors.js";
import type { DomainDetail } from "../ports/hypervisor.js";
import { type AgentContext, isActive, pinsOf, type ViewOf } from "./context.js";
import { repin, repinBack } from "./repin.js";
import { redefine, restoreSize, sizeByRestart, sizeLive } from "./resize-steps.js";
import type { ResizeRequest, VmView } from "./service.js";
import { settleName } from "./settle.js";
import { type AgentState, isMoving, type ResizeTask, withAnswerTo, withoutTask, withTask, withVm } from "./state.js";
import { moving, unknownVm, visibleVm } from "./visible.js";

/** What the resize comes to. */
interface Decision {
  readonly from: VmRecord;
  readonly to: VmRecord;
  readonly host: HostState;
  readonly detail: DomainDetail;
  readonly way: "live" | "restart" | "definition";
}

/** Refuses as the policy does, `unknown-vm` and `restart-required`; throws `OperationalError` with the state as before. */
export async function resizeVm(context: AgentContext, request: ResizeRequest, view: ViewOf): Promise<Result<VmView>> {
  const { store } = context;
  if (visibleVm(store.state, request.name) === null) return unknownVm(request.name);
  await settleName(context, request.name);
  if (isMoving(store.state, request.name)) return moving(request.name);
  const vm = visibleVm(store.state, request.name, request.uuid);
  if (vm === null) return unknownVm(request.name, request.uuid);
  const target = targetOf(context, vm, request);
  if (!target.ok) return target;
  if (sameSize(vm, target.value)) return accept(view(vm, store.state.host));
  const decision = await decide(context, vm, target.value, request.restart ?? false);
  if (!decision.ok) return decision;
  const held = context.pinner.heldIn([movesTo(context, decision.value.host)]);
  if (held !== null)
    return refuse("busy", `${held} is on its way to another host, and its pCPUs are needed; ask again`);
  await carryOut(context, decision.value, (state) =>
    withAnswerTo(state, "resize", request.requestId, accept(view(decision.value.to, state.host))),
  );
  const { to } = decision.value;
  context.events.emit(
    "vm-resized",
    to.name,
    `${plural(to.vcpus, "vCPU")}, ${to.memoryMiB} MiB, ratio ${to.ratio ?? "by template"}`,
  );
  return accept(view(to, store.state.host));
}

function targetOf(context: AgentContext, vm: VmRecord, request: ResizeRequest): Result<VmRecord> {
  const template = context.policy.settings.template;
  if (template !== null && request.ratio !== undefined) {
    return refuse("ratio-not-offered", "on this host the template decides each vCPU's ratio; a VM has none of its own");
  }
  const vcpus = request.vcpus ?? vm.vcpus;
  const own = request.ratio ?? vm.ratio;
  return accept({
    ...vm,
    vcpus,
    memoryMiB: request.memoryMiB ?? vm.memoryMiB,
    ratio: own,
    vcpuRatios: vcpuRatiosOf(context.policy, vcpus, own),
  });
}

const sameSize = (a: VmRecord, b: VmRecord): boolean =>
  a.vcpus === b.vcpus && a.memoryMiB === b.memoryMiB && a.ratio === b.ratio;

async function decide(
  context: AgentContext,
  from: VmRecord,
  to: VmRecord,
  restart: boolean,
): Promise<Result<Decision>> {
  const { policy, hypervisor, store } = context;
  const { host } = store.state;
  const spec = specOf(policy, to);
  const fits =
    from.state === "stopped" ? accept(host) : isPlaced(from) ? policy.resize(host, spec) : policy.deploy(host, spec);
  const grows = from.state !== "stopped" && to.memoryMiB > from.memoryMiB;
  const placed = grows ? context.memory.admit(store.state, to, fits) : fits;
  if (!placed.ok) return placed;
  const detail = await hypervisor.detail(from.name);
  if (detail === null || detail.uuid !== from.uuid) {
    context.wake();
    throw new OperationalError("domain-not-found", `the domain of ${from.name} is gone from the hypervisor`, true);
  }
  if (!isActive(detail.state)) return decideStopped(context, from, to, host, detail);
  if (from.state === "stopped") throw changing(context, from, "started");
  const decided: Result<Decision> = accept({ from, to: running(to, detail), host: placed.value, detail, way: "live" });
  const reason = restartReason(to, detail);
  if (reason === null) return decided;
  if (!from.deployedHere) {
    return refuse(
      "restart-required",
      `${reason}; ${from.name} was not deployed here, so its definition is not ours to change`,
    );
  }
  if (!restart) return refuse("restart-required", `${reason}; ask with "restart": true to have it stopped and started`);
  return accept({ from, to: running(to, detail), host: placed.value, detail, way: "restart" });
}

/** A VM that does not run holds no room: only its definition changes. */
function decideStopped(
  context: AgentContext,
  from: VmRecord,
  to: VmRecord,
  host: HostState,
  detail: DomainDetail,
): Result<Decision> {
  if (from.state !== "stopped") throw changing(context, from, "stopped");
  if (!from.deployedHere) {
    return refuse("restart-required", `${from.name} does not run and was not deployed here: change its own definition`);
  }
  return accept({ from, to, host, detail, way: "definition" });
}

/** The guest changed its state since the last tick: its room has to be sorted out first. */
function changing(context: AgentContext, vm: VmRecord, what: string): OperationalError {
  context.wake();
  return new OperationalError("hypervisor-failed", `${vm.name} has just ${what}; ask again`, true);
}

const running = (vm: VmRecord, detail: DomainDetail): VmRecord => ({
  ...vm,
  state: detail.state === "paused" ? "paused" : "running",
});

/** Why the guest cannot take the size while it runs; null: it can. */
function restartReason(to: VmRecord, detail: DomainDetail): string | null {
  if (to.vcpus > detail.maximumVcpus) {
    return `${to.name} runs with room for ${plural(detail.maximumVcpus, "vCPU")}, not ${to.vcpus}`;
  }
  if (to.memoryMiB > detail.maximumMemoryMiB) {
    return `${to.name} runs with room for ${detail.maximumMemoryMiB} MiB, not ${to.memoryMiB}`;
  }
  return null;
}

const movesTo = ({ store, policy }: AgentContext, host: HostState): readonly PinChange[] =>
  movesBetween(pinsOf(policy, store.state.host), pinsOf(policy, host));

async function carryOut(
  context: AgentContext,
  decision: Decision,
  noting: (state: AgentState) => AgentState,
): Promise<void> {
  const { store } = context;
  const { from, to, host, way } = decision;
  const before = store.state.host;
  const task: ResizeTask = { kind: "resize", name: to.name, uuid: to.uuid, from, to, restarts: way === "restart" };
  const moves = movesTo(context, host);
  const pinsFirst = to.vcpus > from.vcpus;
  const isNew = (move: PinChange): boolean => move.vm === to.name && move.vcpu >= from.vcpus;
  let unpinned: readonly PinChange[] = [];
  let begun = false;
  await store.save(withTask(store.state, task));
  try {
    if (pinsFirst) {
      await context.pinner.applyOrThrow(orderPinChanges(moves.filter((move) => !isNew(move))));
      // Some hypervisors pin only vCPUs that are plugged in already: those follow right after.
      unpinned = (await context.pinner.apply([moves.filter(isNew)])).map((failure) => failure.change);
    }
    begun = true;
    await size(context, decision);
    await store.save(noting(withVm(withoutTask(store.state, to.name), host, to)));
  } catch (error) {
    await takeBack(context, task, begun);
    await repinBack(context, host, before);
    throw error;
  }
  await repin(context, before, pinsFirst ? [unpinned] : orderPinChanges(moves));
}

async function size(context: AgentContext, decision: Decision): Promise<void> {
  const { from, to, detail, host, way } = decision;
  if (way === "live") await sizeLive(context, from, to, detail, host);
  else if (way === "restart") await sizeByRestart(context, to, detail, host);
  else await redefine(context, to, detail, host);
}

/** A guest that was not touched yet is not touched: its restart would be for nothing. */
async function takeBack(context: AgentContext, task: ResizeTask, begun: boolean): Promise<void> {
  const { store, log } = context;
  try {
    if (begun) await restoreSize(context, task);
    await store.keep(withoutTask(store.state, task.name));
  } catch (error) {
    log.warn({ err: error, vm: task.name }, "a failed resize could not be taken back yet; the next tick tries again");
    await store.keep(withTask(store.state, task));
    context.wake();
  }
}
