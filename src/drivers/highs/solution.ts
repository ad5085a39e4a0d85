/** What HiGHS says of a program, in the words of sizing. */
import type { HighsSolution } from "highs";
import type { CoveringProgram, CoveringSolution } from "../../core/sizing/linear-program.js";

export function solutionOf({ demand }: CoveringProgram, solution: HighsSolution): CoveringSolution | Error {
  if (solution.Status !== "Optimal") return failed(`the solver says "${solution.Status}"`);
  const prices = new Array<number>(demand.length).fill(0);
  for (const row of solution.Rows) {
    const { Name: name, Dual: dual } = row as { Name: string; Dual?: number };
    prices[Number(name.slice(1))] = dual ?? 0;
  }
  return { objective: solution.ObjectiveValue, prices };
}

/** Every program that is asked has a solution: one that is not found is a fault of the solver or of whoever asks. */
export const failed = (reason: string, cause?: unknown): Error =>
  new Error(`a linear program could not be solved: ${reason}`, { cause });
