/**
 * The territories of all pools of a host, laid out on its pCPUs, while one change is worked out. A territory is what a
 * pool's vCPUs are pinned to: the pCPUs that it needs, and others lent to it because nobody else needs them now. The
 * board is scratch of one decision: made from a state, changed in place, read back, dropped.
 */
import { type CpuSet, cpuSetFromAscending } from "../../cpuset.js";
import type { Geometry } from "./geometry.js";

/** Owner of a pCPU that no pool's territory covers. */
export const FREE = -1;
/** Owner of a pCPU that belongs to the host. */
const BARRED = -2;

/** What the board has to know about a pool. */
export interface Claim {
  /** pCPU ids. */
  readonly territory: readonly number[];
  /** pCPUs that the pool must have. */
  readonly need: number;
  /** vCPUs whose pins change when the territory does. */
  readonly weight: number;
}

export interface Board {
  readonly geometry: Geometry;
  readonly pools: number;
  /** Pool, FREE or BARRED by position. */
  readonly owner: Int16Array;
  readonly need: readonly number[];
  readonly weight: readonly number[];
  /** pCPUs in the territory of each pool. */
  readonly held: Int32Array;
  /** The same by pool and L3 group: `inGroup[pool * groups + group]`. */
  readonly inGroup: Int32Array;
  readonly freeInGroup: Int32Array;
  /** Number of pools with pCPUs in each L3 group. */
  readonly poolsInGroup: Int32Array;
  /** 1: the territory changed, its vCPUs will be pinned anew whatever follows. */
  readonly touched: Uint8Array;
}

export function boardOf(geometry: Geometry, claims: readonly Claim[]): Board {
  const owner = new Int16Array(geometry.size).fill(FREE);
  const groups = geometry.groups.length;
  const held = new Int32Array(claims.length);
  const inGroup = new Int32Array(claims.length * groups);
  const poolsInGroup = new Int32Array(groups);
  const freeInGroup = Int32Array.from(geometry.groups, (group) => group.size);
  for (let pool = 0; pool < claims.length; pool++) {
    const { territory } = claims[pool]!;
    for (let i = 0; i < territory.length; i++) {
      const position = geometry.positionOf[territory[i]!] ?? -1;
      if (position < 0 || owner[position] !== FREE) continue;
      owner[position] = pool;
      const group = geometry.groupOf[position]!;
      if (inGroup[pool * groups + group]!++ === 0) poolsInGroup[group]!++;
      freeInGroup[group]!--;
      held[pool]!++;
    }
  }
  for (let position = 0; position < geometry.size; position++) if (!geometry.usable[position]) owner[position] = BARRED;
  return {
    geometry,
    pools: claims.length,
    owner,
    need: claims.map((claim) => claim.need),
    weight: claims.map((claim) => claim.weight),
    held,
    inGroup,
    freeInGroup,
    poolsInGroup,
    touched: new Uint8Array(claims.length),
  };
}

/** Gives the pCPU to a pool, or to nobody (FREE). */
export function assign(board: Board, position: number, to: number): void {
  const from = board.owner[position]!;
  if (from === to) return;
  const groups = board.geometry.groups.length;
  const group = board.geometry.groupOf[position]!;
  if (from === FREE) board.freeInGroup[group]!--;
  else {
    board.held[from]!--;
    if (--board.inGroup[from * groups + group]! === 0) board.poolsInGroup[group]!--;
    board.touched[from] = 1;
  }
  if (to === FREE) board.freeInGroup[group]!++;
  else {
    board.held[to]!++;
    if (board.inGroup[to * groups + group]!++ === 0) board.poolsInGroup[group]!++;
    board.touched[to] = 1;
  }
  board.owner[position] = to;
}

/** pCPUs lent to the pool: what others may claim from it. */
export const slackOf = (board: Board, pool: number): number => Math.max(0, board.held[pool]! - board.need[pool]!);

export const heldIn = (board: Board, pool: number, group: number): number =>
  board.inGroup[pool * board.geometry.groups.length + group]!;

/** Number of pools other than `pool` with pCPUs in the group. */
export const othersIn = (board: Board, pool: number, group: number): number =>
  board.poolsInGroup[group]! - (heldIn(board, pool, group) > 0 ? 1 : 0);

/** L3 groups that the pool has together with others, in topology order. */
export function sharedGroupsOf(board: Board, pool: number): number[] {
  const out: number[] = [];
  for (let g = 0; g < board.poolsInGroup.length; g++)
    if (board.poolsInGroup[g]! > 1 && heldIn(board, pool, g) > 0) out.push(g);
  return out;
}

/** How many pCPUs of the core the pool has (FREE: nobody). */
export function ownedIn(board: Board, pool: number, core: readonly number[]): number {
  let own = 0;
  for (const position of core) if (board.owner[position] === pool) own++;
  return own;
}

/** Whether a pool other than `pool` has a pCPU of the core. */
export function coreShared(board: Board, pool: number, core: readonly number[]): boolean {
  for (const position of core) {
    const owner = board.owner[position]!;
    if (owner >= 0 && owner !== pool) return true;
  }
  return false;
}

/** The territory of a pool. */
export function territoryOf(board: Board, pool: number): CpuSet {
  const { byId, topology } = board.geometry;
  const ids: number[] = [];
  for (let i = 0; i < byId.length; i++) if (board.owner[byId[i]!] === pool) ids.push(topology.ids[byId[i]!]!);
  return cpuSetFromAscending(ids);
}

export interface Faults {
  /** Cores and L3 groups with pCPUs of more than one pool. */
  readonly sharedCores: number;
  readonly sharedGroups: number;
}

export function faultsOf(board: Board): Faults {
  let sharedCores = 0;
  let sharedGroups = 0;
  board.geometry.groups.forEach((group, g) => {
    if (board.poolsInGroup[g]! < 2) return;
    sharedGroups++;
    for (const core of group.cores) {
      const first = core.map((position) => board.owner[position]!).find((owner) => owner !== FREE);
      if (first !== undefined && coreShared(board, first, core)) sharedCores++;
    }
  });
  return { sharedCores, sharedGroups };
}

/** A board of its own with the same layout, nothing touched yet. */
export function copyOf(board: Board): Board {
  return {
    ...board,
    owner: board.owner.slice(),
    held: board.held.slice(),
    inGroup: board.inGroup.slice(),
    freeInGroup: board.freeInGroup.slice(),
    poolsInGroup: board.poolsInGroup.slice(),
    touched: new Uint8Array(board.pools),
  };
}

/** Whether the pool's territory is the same on both boards. */
export function sameTerritory(a: Board, b: Board, pool: number): boolean {
  for (let position = 0; position < a.owner.length; position++)
    if ((a.owner[position] === pool) !== (b.owner[position] === pool)) return false;
  return true;
}
