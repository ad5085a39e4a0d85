/**
 * Lending and giving back: what a pool is pinned to beyond its need. Lent pCPUs cost nothing (anybody who needs them
 * claims them) and save pin changes twice: the next VMs find room without the pool being pinned anew, and a pool that
 * lost a VM keeps its borders. Only pools that are pinned anew anyway are extended.
 */
import { assign, type Board, coreShared, FREE, heldIn, ownedIn, sharedGroupsOf, slackOf } from "./board.js";
import type { Geometry } from "./geometry.js";

/**
 * A pool keeps at most this share of its need as lent pCPUs, and always what fills its L3 groups, before it gives whole
 * groups back. Measured on 256 pCPUs at load 0.4: pins changed per deploy are 24 without, 6.7 with a quarter, 4.1 with a
 * half, 2.2 with the whole need; but then a pool keeps twice its size after a night of departures.
 */
const MOST_LENT_SHARE = 0.5;

/**
 * pCPUs that may still be lent: all free ones while an L3 group is untouched, else half, so that a new pool finds room;
 * but as many as the pool has in an L3 group that it shares, for which it can give that part back.
 */
function lendable(board: Board, pool: number): number {
  let free = 0;
  for (let g = 0; g < board.freeInGroup.length; g++) {
    const here = board.freeInGroup[g]!;
    if (here > 0 && here === board.geometry.groups[g]!.size) return Number.POSITIVE_INFINITY;
    free += here;
  }
  const parts = sharedGroupsOf(board, pool).map((g) => heldIn(board, pool, g));
  return parts.length === 0 ? free >> 1 : Math.max(free >> 1, Math.min(...parts));
}

/** Extends the pool over what is free in L3 groups that it has alone, and over free halves of its own cores. */
function lend(board: Board, pool: number): void {
  let left = lendable(board, pool);
  for (let g = 0; g < board.freeInGroup.length; g++) {
    if (board.freeInGroup[g] === 0 || heldIn(board, pool, g) === 0) continue;
    const alone = board.poolsInGroup[g] === 1;
    for (const core of board.geometry.groups[g]!.cores) {
      if (coreShared(board, pool, core)) continue;
      const own = ownedIn(board, pool, core);
      if (own === core.length || (own === 0 && (!alone || core.length > left))) continue;
      left -= core.length - own;
      for (const position of core) assign(board, position, pool);
    }
  }
}

function giveBack(board: Board, pool: number, core: readonly number[]): void {
  for (const position of core) if (board.owner[position] === pool) assign(board, position, FREE);
}

/** Gives the pool's part of the L3 group back. */
export function leaveGroup(board: Board, pool: number, group: number): void {
  for (const core of board.geometry.groups[group]!.cores) giveBack(board, pool, core);
}

/** Gives back parts of cores that other pools have too, as far as the pool can do without them. */
export function leaveSharedCores(board: Board, pool: number): void {
  for (const g of sharedGroupsOf(board, pool)) {
    for (const core of board.geometry.groups[g]!.cores) {
      const own = ownedIn(board, pool, core);
      if (own > 0 && own <= slackOf(board, pool) && coreShared(board, pool, core)) giveBack(board, pool, core);
    }
  }
}

/** Gives back the pool's parts of L3 groups and of cores that it shares, small parts first, as far as its slack goes. */
function leaveShared(board: Board, pool: number): void {
  if (slackOf(board, pool) === 0) return;
  const shared = sharedGroupsOf(board, pool).sort((a, b) => heldIn(board, pool, a) - heldIn(board, pool, b) || a - b);
  for (const g of shared) if (heldIn(board, pool, g) <= slackOf(board, pool)) leaveGroup(board, pool, g);
  leaveSharedCores(board, pool);
}

/**
 * Whether a pool that shrank may have something to give back, told from its territory alone: more lent than its share, or
 * a core of which it has only a part. Most departures end here, without a board.
 */
export function mayGiveBack(geometry: Geometry, territory: readonly number[], need: number): boolean {
  const slack = territory.length - need;
  if (slack <= 0) return false;
  if (slack > Math.floor(need * MOST_LENT_SHARE)) return true;
  const { positionOf, topology, coreSize } = geometry;
  const taken = new Uint8Array(topology.coreCount);
  for (let i = 0; i < territory.length; i++) taken[topology.coreOf[positionOf[territory[i]!]!]!]!++;
  for (let core = 0; core < taken.length; core++) if (taken[core]! > 0 && taken[core]! < coreSize[core]!) return true;
  return false;
}

/** Gives whole L3 groups back while more is lent than the pool's share; the farthest from its bulk first. */
export function returnIdleGroups(board: Board, pool: number): void {
  const most = Math.floor(board.need[pool]! * MOST_LENT_SHARE);
  if (slackOf(board, pool) <= most) return;
  const { groups } = board.geometry;
  const inCell = new Map<number, number>();
  groups.forEach((group, g) => {
    inCell.set(group.cell, (inCell.get(group.cell) ?? 0) + heldIn(board, pool, g));
  });
  const held = groups.flatMap((_, g) => (heldIn(board, pool, g) > 0 ? [g] : []));
  held.sort((a, b) => inCell.get(groups[a]!.cell)! - inCell.get(groups[b]!.cell)! || b - a);
  for (const g of held) if (slackOf(board, pool) - heldIn(board, pool, g) >= most) leaveGroup(board, pool, g);
}

/** For a pool that is pinned anew anyway: over what is free in its own groups, out of shared groups and cores, nothing idle. */
export function tidy(board: Board, pool: number): void {
  lend(board, pool);
  leaveShared(board, pool);
  returnIdleGroups(board, pool);
}
