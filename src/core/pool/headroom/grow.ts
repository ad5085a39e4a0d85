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
import { assign, type Board, FREE, heldIn, othersIn, ownedIn, slackOf } from "./board.js";

/** How good a bite would leave the L3 group, best first. */
const SHARING = { ownAlone: 0, newAlone: 1, ownShared: 2, sharedByOthers: 3, newlyShared: 4 } as const;

/** What a pool could take from one L3 group. Compared field by field, in the order of `better`. */
interface Bite {
  readonly positions: readonly number[];
  readonly sharing: number;
  /** vCPUs of the lender that are pinned anew. */
  readonly repins: number;
  readonly distance: number;
  /** 0 when it covers all that is missing. */
  readonly short: number;
  /** What is left over in the group, the less the better; where short, the more it gives the better. */
  readonly rest: number;
}

function better(a: Bite, b: Bite): boolean {
  if (a.sharing !== b.sharing) return a.sharing < b.sharing;
  if (a.repins !== b.repins) return a.repins < b.repins;
  if (a.distance !== b.distance) return a.distance < b.distance;
  if (a.short !== b.short) return a.short < b.short;
  return a.rest < b.rest;
}

interface Search {
  readonly board: Board;
  readonly pool: number;
  /** By L3 group, see `distances`. */
  readonly far: Float64Array;
  /** Only cores that the pool would then have whole. */
  readonly wholeCores: boolean;
}

/** Where a bite comes from: the group's free pCPUs and, unless FREE, one lender's. */
interface Source {
  readonly group: number;
  readonly lender: number;
  /** The lender's pCPUs in the group. */
  readonly part: number;
  /** How many pCPUs the lender can do without. */
  readonly slack: number;
}

/** Makes the pool's territory at least as large as its need. */
export function grow(board: Board, pool: number): void {
  if (board.held[pool]! >= board.need[pool]!) return;
  const far = board.held[pool] === 0 ? crowding(board) : distances(board, pool);
  while (board.held[pool]! < board.need[pool]!) {
    const bite = bestBite({ board, pool, far, wholeCores: true }) ?? bestBite({ board, pool, far, wholeCores: false });
    assert(bite !== null, "a pool whose need was admitted finds free or lent pCPUs");
    for (const position of bite.positions) assign(board, position, pool);
  }
}

/** By L3 group: the less, the more untouched groups there are in its NUMA cell. For a pool that begins. */
function crowding({ geometry: { groups }, freeInGroup }: Board): Float64Array {
  const room = new Map<number, number>();
  groups.forEach(({ cell, size }, g) => {
    room.set(cell, (room.get(cell) ?? 0) + (freeInGroup[g] === size ? size : 0));
  });
  return Float64Array.from(groups, ({ cell }) => -room.get(cell)!);
}

/** By L3 group: summed distance to the pool's pCPUs. */
function distances(board: Board, pool: number): Float64Array {
  const { groups, groupDistance } = board.geometry;
  const out = new Float64Array(groups.length);
  for (let own = 0; own < groups.length; own++) {
    const count = heldIn(board, pool, own);
    if (count === 0) continue;
    for (let g = 0; g < groups.length; g++) out[g]! += count * groupDistance[own * groups.length + g]!;
  }
  return out;
}

function bestBite(search: Search): Bite | null {
  const { board, pool } = search;
  let best: Bite | null = null;
  for (let group = 0; group < board.geometry.groups.length; group++) {
    if (board.freeInGroup[group]! > 0) {
      const bite = biteOf(search, { group, lender: FREE, part: 0, slack: 0 });
      if (bite !== null && (best === null || better(bite, best))) best = bite;
    }
    for (let lender = 0; lender < board.pools; lender++) {
      const part = heldIn(board, lender, group);
      const slack = slackOf(board, lender);
      if (lender === pool || part === 0 || slack === 0) continue;
      const bite = biteOf(search, { group, lender, part, slack });
      if (bite !== null && (best === null || better(bite, best))) best = bite;
    }
  }
  return best;
}

/**
 * How many pCPUs to take. A lender that can do without its whole part leaves the group; else what it gives beyond the need
 * halves its slack, so that the two do not meet again at the next VM.
 */
function wantedFrom({ lender, part, slack }: Source, missing: number): number {
  if (lender === FREE) return missing;
  if (part <= slack) return missing + part;
  return missing + (Math.max(0, slack - missing) >> 1);
}

function biteOf(search: Search, source: Source): Bite | null {
  const { board, pool, far } = search;
  const { group, lender, part } = source;
  const missing = board.need[pool]! - board.held[pool]!;
  const positions = pick(search, source, wantedFrom(source, missing));
  if (positions.length === 0) return null;
  let lent = 0;
  for (const position of positions) if (board.owner[position] !== FREE) lent++;
  const leaves = part > 0 && lent === part;
  const short = positions.length < missing;
  return {
    positions,
    sharing: sharingAfter(board, pool, group, leaves),
    repins: lent === 0 || board.touched[lender] === 1 ? 0 : board.weight[lender]!,
    distance: far[group]!,
    short: short ? 1 : 0,
    rest: short ? -positions.length : board.freeInGroup[group]! + part - positions.length,
  };
}

function sharingAfter(board: Board, pool: number, group: number, lenderLeaves: boolean): number {
  const own = heldIn(board, pool, group) > 0;
  const others = othersIn(board, pool, group) - (lenderLeaves ? 1 : 0);
  if (others === 0) return own ? SHARING.ownAlone : SHARING.newAlone;
  if (own) return SHARING.ownShared;
  return others > 1 ? SHARING.sharedByOthers : SHARING.newlyShared;
}

/** Positions in the group, of the pool's half-taken cores first; `wanted` or, to fill a core, a few more. */
function pick(search: Search, source: Source, wanted: number): number[] {
  const { cores } = search.board.geometry.groups[source.group]!;
  const picked: number[] = [];
  let slack = source.slack;
  for (const halfTaken of [true, false]) {
    for (const core of cores) {
      if (picked.length >= wanted) return picked;
      const own = ownedIn(search.board, search.pool, core);
      if (own > 0 !== halfTaken || own === core.length) continue;
      slack = takeFrom(core, search, source.lender, slack, wanted, picked);
    }
  }
  return picked;
}

/** Adds what can be had of one core to `picked`; gives the slack that the lender then has left. */
function takeFrom(
  core: readonly number[],
  { board, pool, wholeCores }: Search,
  lender: number,
  slack: number,
  wanted: number,
  picked: number[],
): number {
  const lent = lender === FREE ? 0 : ownedIn(board, lender, core);
  if (wholeCores) {
    const obtainable = ownedIn(board, pool, core) + ownedIn(board, FREE, core) + lent;
    if (obtainable < core.length || lent > slack) return slack;
  }
  let left = slack;
  for (const position of core) {
    if (!wholeCores && picked.length >= wanted) return left;
    const owner = board.owner[position]!;
    if (owner === FREE) picked.push(position);
    else if (owner === lender && left > 0) {
      picked.push(position);
      left--;
    }
  }
  return left;
}
