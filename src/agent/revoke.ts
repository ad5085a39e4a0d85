/**
 * Revoking a request whose answer did not come: the caller learns that it was carried out, or is promised that it never will
 * be. Runs in the queue, so a request in progress ends first, and written down before it is answered, so a crash keeps it.
 *
 * How long a promise is kept: a late request is one that still travels, or waits in a server, or in a scheduler that was
 * frozen. The first two end with their connections, within minutes (http/options.ts); the third leads again only where nobody
 * else did meanwhile (guard.ts). A day is far beyond. Wall clocks jump, so the last few hundred are kept whatever their age;
 * and since a promise is never broken to make room, there is a most: above it none is given.
 */
import { accept, type Result, refuse } from "../core/result.js";
import { milliseconds } from "../core/units.js";
import type { AgentContext, ViewOf } from "./context.js";
import { madeBy, takeEpoch } from "./guard.js";
import { endReceive } from "./migration/receive.js";
import { endSend } from "./migration/send.js";
import type { Revocation, RevokeRequest } from "./service.js";
import { settleName } from "./settle.js";
import type { AgentState, Revoked } from "./state.js";
import { visibleVm } from "./visible.js";

const KEPT_MS = milliseconds(24 * 3_600_000);
const KEPT_WHATEVER_THEIR_AGE = 256;
/** 700 kB of journal. */
const MOST_REVOKED = 10_000;

/**
 * A move that is under way is ended by it. Refuses `stale-leader` and `busy`. Throws `OperationalError` where what is left of the request cannot be settled now: nothing
 * is promised then.
 */
export async function revokeRequest(
  context: AgentContext,
  { requestId, name, epoch }: RevokeRequest,
  view: ViewOf,
): Promise<Result<Revocation>> {
  const { store, clock } = context;
  const stale = await takeEpoch(context, epoch);
  if (stale !== null) return stale;
  // A deploy that failed half-way may have left a guest: it is gone before anybody hears "revoked".
  await settleOrEnd(context, name, requestId);
  const { state } = store;
  const vm = madeBy(state, requestId) ?? visibleVm(state, name);
  const shown = vm === null ? null : view(vm, state.host);
  if (isDone(state, requestId)) return accept({ outcome: "done", vm: shown });
  const revoked = [
    ...stillKept(state.revoked, clock.now()).filter((one) => one.requestId !== requestId),
    { requestId, at: clock.now() },
  ];
  if (revoked.length > MOST_REVOKED) {
    return refuse("busy", `${MOST_REVOKED} requests were revoked within a day; the oldest must pass first`);
  }
  await store.save({ ...state, revoked });
  return accept({ outcome: "revoked", vm: shown });
}

async function settleOrEnd(context: AgentContext, name: string, requestId: string): Promise<void> {
  const task = context.store.state.tasks.get(name);
  if (task?.kind === "send" && task.requestId === requestId) await endSend(context, task);
  else if (task?.kind === "receive" && task.requestId === requestId) await endReceive(context, task);
  else await settleName(context, name);
}

const isDone = (state: AgentState, requestId: string): boolean =>
  madeBy(state, requestId) !== null ||
  state.answers.some((answer) => answer.requestId === requestId && answer.result.ok);

/** Oldest first, as they were given. */
function stillKept(revoked: readonly Revoked[], now: number): readonly Revoked[] {
  const sure = revoked.length - KEPT_WHATEVER_THEIR_AGE;
  return revoked.filter(({ at }, index) => index >= sure || now - at < KEPT_MS);
}
