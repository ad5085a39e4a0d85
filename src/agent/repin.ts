/**
 * Moves the neighbours of a change to their new pins once the change itself is done. A pin that fails here undoes nothing:
 * the plan stands, the failure is shown, and the next tick (asked for at once) mends it.
 */
import { cpuSetOf, formatCpuSet } from "../core/cpuset.js";
import type { HostState } from "../core/pool/model.js";
import { orderPinChanges, type PinWave } from "../core/reconcile/pin-order.js";
import { movesBetween } from "../core/reconcile/pins.js";
import { type AgentContext, pinsOf } from "./context.js";

/** Applies `waves`, the last of which lead from `before` to the store's present state. */
export async function repin(context: AgentContext, before: HostState, waves: readonly PinWave[]): Promise<void> {
  const { host } = context.store.state;
  const failures = await context.pinner.apply(waves);
  context.counters.action("pin", waves.flat().length - failures.length);
  context.pinner.settle(pinsOf(context.policy, host), failures);
  tellPoolsChanged(context, before);
  if (failures.length > 0) {
    const [first] = failures;
    context.events.emit(
      "action-failed",
      first!.change.vm,
      `${failures.length} pins could not be set: ${reasonOf(first!.error)}`,
    );
    context.wake();
  }
}

/** Everything that differs between `before` and the store's present state. */
export function repinFrom(context: AgentContext, before: HostState): Promise<void> {
  const { policy, store } = context;
  return repin(
    context,
    before,
    orderPinChanges(movesBetween(pinsOf(policy, before), pinsOf(policy, store.state.host))),
  );
}

/** Takes back moves towards `planned`, of which some were made, to the pins of `before`. */
export async function repinBack(context: AgentContext, planned: HostState, before: HostState): Promise<void> {
  const changes = movesBetween(pinsOf(context.policy, planned), pinsOf(context.policy, before));
  await repin(context, before, orderPinChanges(changes));
}

/** Emits `pools-changed` where pools grew, shrank or came to be. */
export function tellPoolsChanged({ store, events }: AgentContext, before: HostState): void {
  const { host } = store.state;
  if (host === before || borders(host) === borders(before)) return;
  events.emit("pools-changed", null, `pools are now ${borders(host)}`);
}

/** `1: 0-3; 2.6: 4-6`, in order of creation. */
function borders(host: HostState): string {
  const parts = host.pools.map((pool) => `${pool.ratio}: ${formatCpuSet(cpuSetOf(pool.pcpus)) || "empty"}`);
  return parts.length === 0 ? "none" : parts.join("; ");
}

export const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
