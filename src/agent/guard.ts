/**
 * What is asked of a request before anything is decided: does it come from a leader that was replaced, was it revoked, was it
 * answered before? Runs in the queue, so that a request that waited is asked when its turn comes, not when it arrived.
 *
 * The epoch is the fencing number of Gray and Cheriton's leases (SOSP 1989): a scheduler that was frozen, and wakes up when
 * another leads, cannot act here any more. It is written down before the first request under it is carried out, since an agent
 * that forgets it in a crash would listen to the old leader again. Requests without one are of people and scripts.
 */
import { accept, type Result, refuse } from "../core/result.js";
import type { AgentContext, ViewOf } from "./context.js";
import type { RequestKind } from "./counters.js";
import type { VmView } from "./service.js";
import { type AgentState, isHidden, withAnswerTo } from "./state.js";

interface From {
  readonly requestId?: string;
  readonly epoch?: number;
}

/** A request id that was answered gets the first answer. Throws `state-not-written`, and what `work` throws. */
export async function guarded(
  context: AgentContext,
  kind: RequestKind,
  { requestId, epoch }: From,
  view: ViewOf,
  work: () => Promise<Result<VmView>>,
): Promise<Result<VmView>> {
  const { store } = context;
  const stale = await takeEpoch(context, epoch);
  if (stale !== null) return stale;
  if (requestId === undefined) return work();
  if (store.state.revoked.some((revoked) => revoked.requestId === requestId)) {
    return refuse("request-revoked", `the request ${requestId} was revoked before it came`, { requestId });
  }
  const known = answered(store.state, kind, requestId, view);
  if (known !== null) return known;
  const result = await work();
  // What was done was written down together with its answer. A move that is under way has no answer yet.
  const isOpen = [...store.state.tasks.values()].some((task) => "requestId" in task && task.requestId === requestId);
  if (isOpen || rememberedAnswer(store.state, kind, requestId) !== null) return result;
  const remembering = withAnswerTo(store.state, kind, requestId, result);
  // A scheduler that is refused goes on to another host: the same request, late and a second time, must not find room here then,
  // whatever became of this process. A person's request may be decided again after a crash.
  if (epoch === undefined) store.set(remembering);
  else await store.save(remembering);
  return result;
}

/** The refusal of a leader that was replaced; null: it leads, as far as is known, and that is written down. */
export async function takeEpoch({ store }: AgentContext, epoch: number | undefined): Promise<Result<never> | null> {
  const latest = store.state.epoch;
  if (epoch === undefined || epoch === latest) return null;
  if (epoch < latest) {
    const reason = `the request is of epoch ${epoch}, and a scheduler of epoch ${latest} leads by now`;
    return refuse("stale-leader", reason, { epoch: latest });
  }
  await store.save({ ...store.state, epoch });
  return null;
}

function answered(state: AgentState, kind: RequestKind, requestId: string, view: ViewOf): Result<VmView> | null {
  const made = kind === "deploy" ? madeBy(state, requestId) : null;
  if (made !== null) return accept(view(made, state.host));
  return rememberedAnswer(state, kind, requestId);
}

export const rememberedAnswer = (state: AgentState, kind: RequestKind, requestId: string): Result<VmView> | null =>
  state.answers.find((answer) => answer.kind === kind && answer.requestId === requestId)?.result ?? null;

/** The VM that a deploy of this id made; null: there is none (any more). */
export function madeBy(state: AgentState, requestId: string) {
  for (const vm of state.vms.values()) if (vm.requestId === requestId && !isHidden(state, vm)) return vm;
  return null;
}
