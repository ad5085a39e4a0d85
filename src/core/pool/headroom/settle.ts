/**
 * Where a change goes: from drafts whose needs fit the host, the pools with their pCPUs and pins. A pool whose territory
 * still holds what it needs keeps it, and none of its vCPUs is pinned anew; only what is short grows, and only pools
 * that are pinned anew anyway are tidied. Pools below the critical size share CPU sets here (spec 1.3).
 */
import { cpuSetOf, EMPTY_CPU_SET, equalCpuSets } from "../../cpuset.js";
import type { CpuPool } from "../model.js";
import { attribute } from "./attribute.js";
import { type Board, boardOf, copyOf, sameTerritory, territoryOf } from "./board.js";
import type { PoolDraft } from "./draft.js";
import type { Geometry } from "./geometry.js";
import { grow } from "./grow.js";
import { leaveSharedCores, mayGiveBack, returnIdleGroups, tidy } from "./lend.js";
import { movedBetween, pack } from "./pack.js";
import { withRest } from "./rest.js";
import { isSharing, sharedSet } from "./share.js";

/** What the pool's vCPUs could be pinned to before sharing was laid over it. */
export function territoriesOf(pools: readonly CpuPool[], criticalSize: number): (readonly number[])[] {
  const sharing = isSharing(pools, criticalSize);
  return pools.map((pool) => (sharing && pool.ratio > 1 ? pool.pcpus : pool.pinnedTo));
}

/** The pools after the change. The needs of `drafts` must not exceed the host's usable pCPUs in sum. */
export function settle(
  geometry: Geometry,
  criticalSize: number,
  before: readonly CpuPool[],
  drafts: readonly PoolDraft[],
): readonly CpuPool[] {
  const old = territoriesOf(before, criticalSize);
  const had = drafts.map((_, i) => old[i] ?? []);
  const grows = drafts.some((draft, i) => draft.need > had[i]!.length);
  const shrinks = drafts.some((draft, i) => shrank(draft) && mayGiveBack(geometry, had[i]!, draft.need));
  let territories = had.map((ids, pool) => (drafts[pool]!.need === 0 && ids.length > 0 ? EMPTY_CPU_SET : ids));
  if (grows || shrinks) {
    const board = boardOf(
      geometry,
      drafts.map((draft, i) => ({
        territory: territories[i]!,
        need: draft.need,
        weight: draft.allocatedVcpus,
      })),
    );
    const start = copyOf(board);
    rearrange(board, drafts);
    const laidOut = packed(start, board);
    territories = territories.map((ids, pool) =>
      sameTerritory(start, laidOut, pool) ? ids : territoryOf(laidOut, pool),
    );
  }
  return finish(geometry, criticalSize, drafts, had, territories);
}

/**
 * A change that pins pools anew may as well lay them out better, with at most so many times the pins that it costs anyway:
 * measured, twice gives nearly all that packing without a bound gives (docs/decisions/0001).
 */
const MOST_PACKING_COST = 2;

function packed(start: Board, board: Board): Board {
  if (board.poolsInGroup.every((pools) => pools < 2)) return board;
  return pack(start, board, MOST_PACKING_COST * movedBetween(start, board))?.board ?? board;
}

/** Pools without VMs give everything back anyway. */
const shrank = ({ before, need }: PoolDraft): boolean => before !== null && need > 0 && need < before.pcpus.length;

function rearrange(board: Board, drafts: readonly PoolDraft[]): void {
  drafts.forEach((draft, pool) => {
    if (board.held[pool]! < draft.need) grow(board, pool);
  });
  drafts.forEach((draft, pool) => {
    if (!shrank(draft)) return;
    leaveSharedCores(board, pool);
    returnIdleGroups(board, pool);
  });
  drafts.forEach((draft, pool) => {
    if (!board.touched[pool] || draft.need === 0) return;
    tidy(board, pool);
  });
}

/** Attribution within the territories, and the pins, shared ones last. Pools that stay equal stay the same object. */
export function finish(
  geometry: Geometry,
  criticalSize: number,
  drafts: readonly PoolDraft[],
  had: readonly (readonly number[])[],
  territories: readonly (readonly number[])[],
): readonly CpuPool[] {
  const pools = drafts.map((draft, i): CpuPool => {
    const { before, ratio, members, allocatedVcpus } = draft;
    const territory = territories[i]!;
    const moved = territory !== had[i];
    const pcpus = attribute(geometry, before?.pcpus ?? [], territory, draft.need, moved);
    const pinnedTo = before !== null && territory === before.pinnedTo ? before.pinnedTo : cpuSetOf(territory);
    const pool = { ratio, pcpus, members, allocatedVcpus, pinnedTo };
    return draft.dynamics === null ? pool : { ...pool, dynamics: draft.dynamics };
  });
  const shared = isSharing(pools, criticalSize) ? sharedSet(geometry, pools) : null;
  const rested = shared === null ? withRest(geometry, pools) : pools;
  return rested.map((pool, i) => {
    const own = shared !== null && pool.ratio > 1 && pool.members.length > 0 ? shared : pool.pinnedTo;
    return sameOr(drafts[i]!.before, own === pool.pinnedTo ? pool : { ...pool, pinnedTo: own });
  });
}

/** `before` itself where nothing differs, and its CPU sets where they are equal: the plan tells changes by identity. */
function sameOr(before: CpuPool | null, pool: CpuPool): CpuPool {
  if (before === null) return pool;
  const pinnedTo = equalCpuSets(before.pinnedTo, pool.pinnedTo) ? before.pinnedTo : pool.pinnedTo;
  const isRunningOn = before.runsOn !== undefined && equalCpuSets(before.runsOn, pool.runsOn ?? EMPTY_CPU_SET);
  const runsOn = isRunningOn ? before.runsOn : pool.runsOn;
  if (
    before.members === pool.members &&
    before.pcpus === pool.pcpus &&
    before.pinnedTo === pinnedTo &&
    before.runsOn === runsOn &&
    before.dynamics === pool.dynamics
  )
    return before;
  return runsOn === undefined ? { ...pool, pinnedTo } : { ...pool, pinnedTo, runsOn };
}
