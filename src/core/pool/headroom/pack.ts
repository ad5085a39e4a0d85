/**
 * Laying pools out again on a board, so that fewer cores and L3 groups are shared. Growth only mends what it touches: after
 * many requests on a full host two pools may be spread over groups that one of them could have alone. Each step lets one
 * pool, two pools that meet, or all pools that share leave the shared groups and grow again, and the step with the best
 * layout (fewest shared cores, then groups, then pins changed) is taken while it is better than the last. So it ends,
 * and packing twice changes nothing more.
 */
import { type Board, copyOf, type Faults, faultsOf, heldIn, sharedGroupsOf } from "./board.js";
import { grow } from "./grow.js";
import { leaveGroup, tidy } from "./lend.js";

/** A layout that `pack` reached. */
export interface Step {
  readonly board: Board;
  readonly faults: Faults;
  readonly moved: number;
}

const fewer = (a: Faults, b: Faults): boolean =>
  a.sharedCores !== b.sharedCores ? a.sharedCores < b.sharedCores : a.sharedGroups < b.sharedGroups;

/** vCPUs of pools whose territory differs between the two boards. */
export function movedBetween(before: Board, after: Board): number {
  const changed = new Uint8Array(before.pools);
  for (let position = 0; position < before.owner.length; position++) {
    const [from, to] = [before.owner[position]!, after.owner[position]!];
    if (from === to) continue;
    if (from >= 0) changed[from] = 1;
    if (to >= 0) changed[to] = 1;
  }
  return changed.reduce((sum, one, pool) => sum + (one === 1 ? before.weight[pool]! : 0), 0);
}

/** The layout after the given pools left all groups that they share and grew again, those short of most first. */
function regrown(board: Board, pools: readonly number[]): Board {
  const next = copyOf(board);
  for (const pool of pools) for (const g of sharedGroupsOf(board, pool)) leaveGroup(next, pool, g);
  const short = (pool: number): number => next.need[pool]! - next.held[pool]!;
  for (const pool of [...pools].sort((a, b) => short(b) - short(a) || a - b)) grow(next, pool);
  for (let pool = 0; pool < next.pools; pool++) {
    if (next.touched[pool] !== 1 || next.need[pool] === 0) continue;
    tidy(next, pool);
  }
  return next;
}

/** Pools that share a group: each alone, each pair that meets somewhere, and all together. */
function candidates(board: Board): number[][] {
  const sharing = [...board.held.keys()].filter((pool) => sharedGroupsOf(board, pool).length > 0);
  const meet = (a: number, b: number): boolean => sharedGroupsOf(board, a).some((group) => heldIn(board, b, group) > 0);
  const pairs = sharing.flatMap((a, i) => sharing.slice(i + 1).flatMap((b) => (meet(a, b) ? [[a, b]] : [])));
  const singles = sharing.map((pool) => [pool]);
  return sharing.length > 2 ? [...singles, ...pairs, sharing] : [...singles, ...pairs];
}

function bestStep(start: Board, board: Board, mostMoved: number): Step | null {
  if (mostMoved === 0) return null;
  let best: Step | null = null;
  const faults = faultsOf(board);
  for (const pools of candidates(board)) {
    const next = regrown(board, pools);
    const step = { board: next, faults: faultsOf(next), moved: movedBetween(start, next) };
    if (step.moved > mostMoved || !fewer(step.faults, faults)) continue;
    const ahead = best === null || fewer(step.faults, best.faults);
    if (ahead || (!fewer(best!.faults, step.faults) && step.moved < best!.moved)) best = step;
  }
  return best;
}

/** A better layout than `board`, with at most `mostMoved` vCPUs pinned otherwise than on `start`; null where there is none. */
export function pack(start: Board, board: Board, mostMoved: number): Step | null {
  let last = bestStep(start, board, mostMoved);
  for (let step = last; step !== null; step = bestStep(start, step.board, mostMoved)) last = step;
  return last;
}
