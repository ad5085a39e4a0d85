/**
 * Growing a pool's territory until it holds what the pool needs: which pCPUs, free or lent to others.
 *
 * Taken in bites, each from one L3 group and at most one lender, whole cores before single threads. Order of preference:
 *  1. L3 groups that then hold this pool alone, its own before new ones (a lender that can leave such a group does);
 *  2. L3 groups that it shares already, then groups that others share, and only then a group with one other pool.
 * Among equals: free pCPUs before lent ones (fewest vCPUs to pin anew), near before far, the best fit, topology order.
 * A pool without pCPUs starts where most room is left around it instead of near to itself.
 *
 * It always succeeds where the needs of all pools sum up to no more than the host's usable pCPUs: what is not free is
 * lent, and lent pCPUs can be claimed.
 */
import { assert } from "../../assert.js";
import { assign, type Board, FREE, heldIn, othersIn, slackOf } from "./board.js";

/** What a pool could take from one L3 group. Compared field by field in the order of `better`. */
interface Bite {
  readonly positions: readonly number[];
  /** 0: pool alone, its own group; 1: alone, new group; 2: shared by it already; 3: shared by others; 4: newly shared. */
  readonly sharing: number;
  /** vCPUs of the lender that are pinned anew. */
  readonly repins: number;
  readonly distance: number;
  /** 0 when it covers all that is missing. */
  readonly short: number;
  /** Free pCPUs of the group that are left over or, where short, negative: the more it gives the better. */
  readonly rest: number;
}

function better(a: Bite, b: Bite): boolean {
  if (a.sharing !== b.sharing) return a.sharing < b.sharing;
  if (a.repins !== b.repins) return a.repins < b.repins;
  if (a.distance !== b.distance) return a.distance < b.distance;
  if (a.short !== b.short) return a.short < b.short;
  return a.rest < b.rest;
}

/** Makes the pool's territory at least as large as its need. */
export function grow(board: Board, pool: number): void {
  const far = distances(board, pool);
  while (board.held[pool]! < board.need[pool]!) {
    const bite = bestBite(board, pool, far, true) ?? bestBite(board, pool, far, false);
    assert(bite !== null, "a pool whose need was admitted finds free or lent pCPUs");
    for (const position of bite.positions) assign(board, position, pool);
  }
}

/** By L3 group: summed distance to the pool's pCPUs; for a pool without any, the less the more room around it. */
function distances(board: Board, pool: number): Float64Array {
  const { groups, groupDistance } = board.geometry;
  const out = new Float64Array(groups.length);
  if (board.held[pool] === 0) {
    const roomInCell = new Map<number, number>();
    groups.forEach((group, g) => {
      const whole = board.freeInGroup[g] === group.size ? group.size : 0;
      roomInCell.set(group.cell, (roomInCell.get(group.cell) ?? 0) + whole);
    });
    groups.forEach((group, g) => {
      out[g] = -roomInCell.get(group.cell)!;
    });
    return out;
  }
  for (let own = 0; own < groups.length; own++) {
    const count = heldIn(board, pool, own);
    if (count === 0) continue;
    for (let g = 0; g < groups.length; g++) out[g]! += count * groupDistance[own * groups.length + g]!;
  }
  return out;
}

function bestBite(board: Board, pool: number, far: Float64Array, wholeCores: boolean): Bite | null {
  let best: Bite | null = null;
  for (let group = 0; group < board.geometry.groups.length; group++) {
    if (board.freeInGroup[group]! > 0) {
      const bite = biteOf(board, pool, group, FREE, far[group]!, wholeCores);
      if (bite !== null && (best === null || better(bite, best))) best = bite;
    }
    for (let lender = 0; lender < board.pools; lender++) {
      if (lender === pool || heldIn(board, lender, group) === 0 || slackOf(board, lender) === 0) continue;
      const bite = biteOf(board, pool, group, lender, far[group]!, wholeCores);
      if (bite !== null && (best === null || better(bite, best))) best = bite;
    }
  }
  return best;
}

/**
 * From the group, pCPUs that are free or the lender's. A lender that can do without its whole part leaves the group;
 * else what it gives beyond the need halves its slack there, so that the two do not meet again at the next VM.
 */
function biteOf(
  board: Board,
  pool: number,
  group: number,
  lender: number,
  distance: number,
  wholeCores: boolean,
): Bite | null {
  const missing = board.need[pool]! - board.held[pool]!;
  const part = lender === FREE ? 0 : heldIn(board, lender, group);
  const slack = lender === FREE ? 0 : slackOf(board, lender);
  const leaves = part > 0 && part <= slack;
  const wanted = leaves ? missing + part : lender === FREE ? missing : missing + (Math.max(0, slack - missing) >> 1);
  const positions = pick(board, pool, group, lender, wholeCores, wanted, slack);
  if (positions.length === 0) return null;
  let lent = 0;
  for (const position of positions) if (board.owner[position] !== FREE) lent++;
  const others = othersIn(board, pool, group) - (part > 0 && lent === part ? 1 : 0);
  const own = heldIn(board, pool, group) > 0;
  return {
    positions,
    sharing: others === 0 ? (own ? 0 : 1) : own ? 2 : others > 1 ? 3 : 4,
    repins: lent === 0 || board.touched[lender] === 1 ? 0 : board.weight[lender]!,
    distance,
    short: positions.length >= missing ? 0 : 1,
    rest: positions.length >= missing ? board.freeInGroup[group]! - positions.length : -positions.length,
  };
}

/** Positions in the group, half-taken cores of the pool first; at most about `wanted`, at most `slack` of the lender. */
function pick(
  board: Board,
  pool: number,
  group: number,
  lender: number,
  wholeCores: boolean,
  wanted: number,
  slack: number,
): number[] {
  const cores = board.geometry.groups[group]!.cores;
  const picked: number[] = [];
  let lent = 0;
  for (const halfTaken of [true, false]) {
    for (const core of cores) {
      if (picked.length >= wanted) return picked;
      let own = 0;
      let foreign = 0;
      let fromLender = 0;
      for (const position of core) {
        const owner = board.owner[position]!;
        if (owner === pool) own++;
        else if (owner === FREE) continue;
        else if (owner === lender) fromLender++;
        else foreign++;
      }
      if (own > 0 !== halfTaken || own + foreign === core.length) continue;
      if (wholeCores && (foreign > 0 || lent + fromLender > slack)) continue;
      for (const position of core) {
        const owner = board.owner[position]!;
        if (owner === FREE) picked.push(position);
        else if (owner === lender && lender !== FREE && lent < slack) {
          picked.push(position);
          lent++;
        }
        if (!wholeCores && picked.length >= wanted) return picked;
      }
    }
  }
  return picked;
}
