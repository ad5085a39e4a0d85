/**
 * The assignment of an arena: exact where it is small, else with few moves from what is there, measured against one that
 * starts from nothing. vCPUs stay in the NUMA cell of their memory unless the host cannot be made even that way.
 */
import { Board, deviationOf, type Field, NOWHERE, squaresFor, withAllowed } from "./board.js";
import { isSmall, solveExactly } from "./exact.js";
import { homesOf } from "./homes.js";
import { BALANCED_PCPUS, CELL_WORTH_PCPUS, EVEN_PCPUS } from "./model.js";
import { placeAll, refine, restore, separate, unload } from "./refine.js";
import { boardOf, changesOf, relabel } from "./relabel.js";

/** Where a search from nothing stops: far below what counts as equally even. */
const EVEN_ENOUGH_PCPUS = 0.002;

/** pCPU of each vCPU. */
export function solve(field: Field): Int32Array {
  const homes = homesOf(field);
  if (homes === null) return solveWithin(field);
  const atHome = solveWithin(withAllowed(field, homes));
  const board = boardOf(field, atHome);
  const balanced = BALANCED_PCPUS - EVEN_PCPUS;
  if (board.deviation() <= balanced) return atHome;
  const anywhere = solveWithin(field);
  const wanted = Math.max(balanced, deviation(field, anywhere) + CELL_WORTH_PCPUS);
  if (board.deviation() <= wanted) return atHome;
  // As few as possible leave their cell: from the assignment at home, and no further than it takes.
  const enough = squaresOfDeviation(board, wanted);
  refine(board, enough);
  if (board.sumOfSquares() > enough) return anywhere;
  restore(board, enough);
  return board.at;
}

const deviation = (field: Field, at: Int32Array): number => boardOf(field, at).deviation();

function squaresOfDeviation({ loads }: Board, wanted: number): number {
  let total = 0;
  for (const load of loads) total += load;
  return squaresFor(wanted, total, loads.length);
}

function solveWithin(field: Field): Int32Array {
  const exact = isSmall(field) ? solveExactly(field) : null;
  return exact ?? solveNearly(field);
}

function solveNearly(field: Field): Int32Array {
  const fromNothing = new Board(field);
  placeAll(fromNothing);
  refine(fromNothing, squaresOfDeviation(fromNothing, EVEN_ENOUGH_PCPUS));
  const fromStart = startWithin(field);
  placeAll(fromStart);
  separate(fromStart);
  unload(fromStart);
  const enough = squaresOfDeviation(fromStart, fromNothing.deviation() + EVEN_PCPUS);
  refine(fromStart, enough);
  if (fromStart.sumOfSquares() <= enough) {
    restore(fromStart, enough);
    return fromStart.at;
  }
  const matched = boardOf(field, relabel(field, fromNothing.at));
  restore(matched, enough);
  // Where the way from the start ends a little above, it may still be the one with far fewer moves.
  const isNearlyAsEven = deviationOf(fromStart.loads) <= deviationOf(matched.loads) + EVEN_PCPUS;
  return isNearlyAsEven && changesOf(field, fromStart.at) < changesOf(field, matched.at) ? fromStart.at : matched.at;
}

/** Who starts outside of its borders has to be placed. */
function startWithin(field: Field): Board {
  const board = Board.fromStart(field);
  for (let index = 0; index < field.vcpuCount; index++) {
    const at = board.at[index]!;
    if (at !== NOWHERE && !field.allowed[index]!.includes(at)) board.put(index, NOWHERE);
  }
  return board;
}
