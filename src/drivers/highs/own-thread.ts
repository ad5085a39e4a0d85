/**
 * Solves linear programs with HiGHS in the thread of whoever asks, which stands still meanwhile: for threads that have nothing else to do,
 * and for simulations, where every answer is to come in the turn in which it is asked.
 */
import { createRequire } from "node:module";
import type { HighsSolution } from "highs";
import type { SolveCovering } from "../../core/sizing/linear-program.js";
import { programText } from "./program-text.js";
import { solutionOf } from "./solution.js";

/** Loads the solver: from then on nothing has to be waited for. */
export async function solverOfOwnThread(): Promise<SolveCovering> {
  const load = createRequire(import.meta.url)("highs") as () => Promise<{ solve(text: string): HighsSolution }>;
  const highs = await load();
  return (program) => {
    const solution = solutionOf(program, highs.solve(programText(program)));
    return solution instanceof Error ? Promise.reject(solution) : Promise.resolve(solution);
  };
}
