/** Live moves as operators see them: what is moved or to be moved, from where to where, why and since when; who waits for room; how much of the budget is used. */
import { milliseconds } from "../core/units.js";
import type { Making } from "./makings.js";
import type { VmRecord } from "./record-model.js";
import type { Reign } from "./reign.js";
import type { ClusterMove, ClusterMoves, RoomWaiter } from "./service.js";

export function shownMoves(reign: Reign): ClusterMoves {
  const { settings, roomBudget } = reign;
  const makings = [...reign.makings.values()];
  const underWay = [...reign.unsettled].flatMap((name): ClusterMove[] => {
    const record = reign.vms.get(name);
    return record?.phase === "migrating" && record.target !== null ? [moving(reign, record, record.target.host)] : [];
  });
  return {
    items: [...underWay, ...makings.flatMap((making) => planned(reign, making))].sort(byVm),
    waiting: makings.map((making) => waiter(reign, making)).sort(byVm),
    budget: {
      perRequest: settings.migrationBudget,
      perHour: settings.migrationsPerHour,
      ...roomBudget.used(reign.now()),
    },
  };
}

const byVm = (a: { vm: string }, b: { vm: string }): number => (a.vm < b.vm ? -1 : 1);

function moving(reign: Reign, { name, host, memoryMiB }: VmRecord, to: string): ClusterMove {
  const waiting = reign.makings.waitingFor(name);
  const since = reign.movingSince.get(name) ?? reign.now();
  return {
    vm: name,
    from: host,
    to,
    memoryMiB,
    state: "moving",
    waiting,
    reason: waiting === null ? otherReason(reign, host) : inWords(waiting),
    lasts: milliseconds(reign.now() - since),
  };
}

const inWords = (waiting: string): string => `to make room for ${waiting}`;

const otherReason = (reign: Reign, host: string): string =>
  reign.entries.get(host)?.record.draining
    ? `${host} is being emptied`
    : "for a request that is over, or that an earlier leader had: it goes on to its end";

/** Those of its moves that are not under way or made. */
function planned(reign: Reign, { vm: waiting, plan }: Making): ClusterMove[] {
  return (plan?.moves ?? []).flatMap(({ vm, from, to }): ClusterMove[] => {
    const record = reign.vms.get(vm);
    if (record === null || record.host !== from || record.phase === "migrating") return [];
    const { memoryMiB } = record;
    return [{ vm, from, to, memoryMiB, state: "planned", waiting, reason: inWords(waiting), lasts: null }];
  });
}

function waiter(reign: Reign, { vm, plan, since, deadline }: Making): RoomWaiter {
  const moves = plan?.moves ?? [];
  return {
    vm,
    host: plan?.host ?? null,
    moves: moves.length,
    made: moves.filter((move) => reign.vms.get(move.vm)?.host !== move.from).length,
    waits: milliseconds(reign.now() - since),
    patience: milliseconds(deadline - since),
  };
}
