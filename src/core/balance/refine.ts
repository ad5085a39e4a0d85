/**
 * Makes an assignment more even, move by move and swap by swap, the one that gains most for each vCPU that is moved first:
 * the way to a good assignment with few moves where trying all is too much. Steps start at the fullest pCPU. A local optimum
 * may remain; the one that starts from nothing (`spread`) bounds what can be had.
 */
import { type Board, NOWHERE } from "./board.js";

/** Gains in the sum of squares below this are rounding. */
const NO_GAIN = 1e-9;
/** Fullest pCPUs from which a step is looked for: the last ones of many have nothing to give. */
const MOST_SOURCES = 24;
/** Placing a vCPU where it ran is worth this much of load. */
const TIE_PCPUS = 0.01;

interface Step {
  /** Reduction of the sum of squares for each vCPU that moves. */
  gain: number;
  index: number;
  to: number;
  /** The vCPU that comes back in exchange; NOWHERE: none. */
  other: number;
}

/** Puts every vCPU that has no place on the least loaded pCPU that it may use: who has no choice first, then by demand. */
export function placeAll(board: Board): void {
  const { demands, vcpuCount, ranOn, allowed } = board.field;
  const hasChoice = (index: number): number => Math.min(2, allowed[index]!.length);
  const waiting: number[] = [];
  for (let index = 0; index < vcpuCount; index++) if (board.at[index] === NOWHERE) waiting.push(index);
  waiting.sort((a, b) => hasChoice(a) - hasChoice(b) || demands[b]! - demands[a]! || a - b);
  for (const index of waiting) {
    const least = leastLoaded(board, index);
    const ran = ranOn[index]!;
    const stays =
      ran !== NOWHERE &&
      allowed[index]!.includes(ran) &&
      board.fits(index, ran) &&
      board.loads[ran]! <= board.loads[least]! + TIE_PCPUS;
    board.put(index, stays ? ran : least);
  }
}

/** vCPUs that share a pCPU with their own VM although there is room elsewhere go there; the lighter one goes. */
export function separate(board: Board): void {
  const { demands, vcpuCount, vmSizes, vmOf } = board.field;
  const crowded: number[] = [];
  for (let index = 0; index < vcpuCount; index++) {
    const at = board.at[index]!;
    if (vmSizes[vmOf[index]!]! > 1 && at !== NOWHERE && !board.fits(index, at)) crowded.push(index);
  }
  crowded.sort((a, b) => demands[a]! - demands[b]! || a - b);
  for (const index of crowded) if (!board.fits(index, board.at[index]!)) board.put(index, leastLoaded(board, index));
}

/** The least loaded pCPU that the vCPU may use and where it meets none of its own VM, else the one with the fewest of them. */
function leastLoaded(board: Board, index: number): number {
  let best = NOWHERE;
  let bestSiblings = 0;
  for (const pcpu of board.field.allowed[index]!) {
    const siblings = Math.max(0, board.siblings(index, pcpu) - board.field.shareLimits[index]! + 1);
    if (best !== NOWHERE && siblings > bestSiblings) continue;
    if (best !== NOWHERE && siblings === bestSiblings && board.loads[pcpu]! >= board.loads[best]!) continue;
    best = pcpu;
    bestSiblings = siblings;
  }
  return best;
}

/** A vCPU gains the more the larger it is, as long as this many times its demand lie between where it is and where it goes. */
const FAR_TIMES = 4;

/**
 * Takes from pCPUs that carry far too much what `refine` would take, the largest vCPUs first, without comparing all of theirs at each
 * step: where a thousand of them are on one pCPU, that is most of the time that a decision takes.
 */
export function unload(board: Board): void {
  const { demands } = board.field;
  for (;;) {
    const source = fullest(board, new Uint8Array(board.loads.length));
    const largestFirst = board.members[source]!.slice().sort((a, b) => demands[b]! - demands[a]! || a - b);
    let moved = 0;
    for (const index of largestFirst) {
      const to = leastLoaded(board, index);
      if (board.loads[source]! - board.loads[to]! < FAR_TIMES * demands[index]!) break;
      if (demands[index]! <= 0 || !board.fits(index, to)) continue;
      board.put(index, to);
      moved += 1;
    }
    if (moved === 0) return;
  }
}

/** Steps until the sum of squares is at most `enough`, or nothing helps. */
export function refine(board: Board, enough: number): void {
  let squares = board.sumOfSquares();
  for (let left = 4 * board.field.vcpuCount + 64; left > 0 && squares > enough; left--) {
    const step = bestStep(board);
    if (step === null) return;
    const from = board.at[step.index]!;
    board.put(step.index, step.to);
    if (step.other !== NOWHERE) board.put(step.other, from);
    squares = board.sumOfSquares();
  }
}

function bestStep(board: Board): Step | null {
  const least = leastByBorders(board);
  let bottom = Number.POSITIVE_INFINITY;
  for (const load of board.loads) if (load < bottom) bottom = load;
  const taken = new Uint8Array(board.loads.length);
  for (let tries = Math.min(MOST_SOURCES, taken.length); tries > 0; tries--) {
    const source = fullest(board, taken);
    taken[source] = 1;
    const step: Step = { gain: NO_GAIN, index: NOWHERE, to: NOWHERE, other: NOWHERE };
    tryMoves(board, source, least, step);
    if (step.gain < mostOfSwap(board, source, bottom)) trySwaps(board, source, step);
    if (step.index !== NOWHERE) return step;
  }
  return null;
}

/** Of those not taken. */
function fullest({ loads }: Board, taken: Uint8Array): number {
  let top = NOWHERE;
  for (let pcpu = 0; pcpu < loads.length; pcpu++)
    if (taken[pcpu] === 0 && (top === NOWHERE || loads[pcpu]! > loads[top]!)) top = pcpu;
  return top;
}

/** What no swap of this source can gain more than: swaps are looked at only where moves gain less. */
function mostOfSwap({ field, loads, members }: Board, source: number, bottom: number): number {
  let largest = 0;
  for (const index of members[source]!) largest = Math.max(largest, field.demands[index]!);
  return swapBound(largest, loads[source]! - bottom);
}

/** The most that a vCPU of this demand can gain in exchange for another over this gap; half for each of the two. */
function swapBound(demand: number, gap: number): number {
  const difference = Math.min(demand, gap / 2);
  return difference * (gap - difference);
}

/** The least loaded pCPU inside each of the borders that vCPUs have. */
function leastByBorders({ field, loads }: Board): Int32Array {
  return Int32Array.from(field.borders, (places) => {
    let best = places[0]!;
    for (const pcpu of places) if (loads[pcpu]! < loads[best]!) best = pcpu;
    return best;
  });
}

/** Of all places, the least loaded gains most, whichever vCPU goes there. */
function tryMoves(board: Board, source: number, least: Int32Array, step: Step): void {
  const { field, loads } = board;
  for (const index of board.members[source]!) {
    const demand = field.demands[index]!;
    let to = least[field.borderOf[index]!]!;
    if (demand <= 0) continue;
    if (!board.fits(index, to)) to = leastLoaded(board, index);
    const gain = 2 * demand * (loads[source]! - loads[to]! - demand);
    if (to === source || gain <= step.gain || !board.fits(index, to)) continue;
    step.gain = gain;
    step.index = index;
    step.to = to;
    step.other = NOWHERE;
  }
}

function trySwaps(board: Board, source: number, step: Step): void {
  const { field, loads } = board;
  for (const index of board.members[source]!) {
    const demand = field.demands[index]!;
    for (const to of field.allowed[index]!) {
      const gap = loads[source]! - loads[to]!;
      if (gap <= 0 || swapBound(demand, gap) <= step.gain || !board.fits(index, to)) continue;
      for (const other of board.members[to]!) {
        const difference = demand - field.demands[other]!;
        const gain = difference * (gap - difference);
        if (difference <= 0 || gain <= step.gain || !canSwap(board, index, other, source)) continue;
        step.gain = gain;
        step.index = index;
        step.to = to;
        step.other = other;
      }
    }
  }
}

const canSwap = (board: Board, index: number, other: number, source: number): boolean =>
  board.field.vmOf[index] !== board.field.vmOf[other] &&
  (board.field.borderOf[index] === board.field.borderOf[other] || board.field.allowed[other]!.includes(source)) &&
  board.fits(other, source);

/** Takes back every move that is not needed for a sum of squares of at most `enough`. */
export function restore(board: Board, enough: number): void {
  const { start, demands, vcpuCount } = board.field;
  const moved: number[] = [];
  for (let index = 0; index < vcpuCount; index++)
    if (start[index] !== NOWHERE && board.at[index] !== start[index]) moved.push(index);
  moved.sort((a, b) => demands[a]! - demands[b]! || a - b);
  let squares = board.sumOfSquares();
  for (const index of moved) {
    const home = start[index]!;
    if (!board.field.allowed[index]!.includes(home) || !board.fits(index, home)) continue;
    const demand = demands[index]!;
    const after = squares + 2 * demand * (board.loads[home]! - board.loads[board.at[index]!]! + demand);
    if (after > enough) continue;
    board.put(index, home);
    squares = after;
  }
}
