/**
 * Looking at a VM on behalf of a leader: in the queue, and under its epoch, so that nothing which an earlier leader has sent
 * changes the answer afterwards.
 */
import { accept, type Result } from "../core/result.js";
import type { AgentContext, ViewOf } from "./context.js";
import { takeEpoch } from "./guard.js";
import type { VmView } from "./service.js";
import { settleName } from "./settle.js";
import { unknownVm, visibleVm } from "./visible.js";

/** Refuses `stale-leader` and `unknown-vm`; throws `OperationalError` while an unfinished request cannot be settled. */
export async function lookAt(
  context: AgentContext,
  name: string,
  epoch: number,
  view: ViewOf,
): Promise<Result<VmView>> {
  const stale = await takeEpoch(context, epoch);
  if (stale !== null) return stale;
  await settleName(context, name);
  const { state } = context.store;
  const vm = visibleVm(state, name);
  return vm === null ? unknownVm(name) : accept(view(vm, state.host));
}
