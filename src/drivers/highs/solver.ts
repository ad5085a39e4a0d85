/**
 * Solves linear programs with HiGHS (compiled to WebAssembly) in a worker: the solver blocks whoever calls it. One worker for the
 * life of a solver; programs are solved in the order in which they are asked.
 */
import { createRequire } from "node:module";
import { Worker } from "node:worker_threads";
import type { HighsSolution } from "highs";
import type { CoveringProgram, CoveringSolution, SolveCovering } from "../../core/sizing/linear-program.js";
import { programText } from "./program-text.js";
import { failed, solutionOf } from "./solution.js";

export interface Solver {
  readonly solve: SolveCovering;
  /** Ends the worker. Idempotent. */
  close(): Promise<void>;
}

type Answer =
  | { readonly id: number; readonly solution: HighsSolution }
  | { readonly id: number; readonly problem: string };

interface Waiting {
  readonly program: CoveringProgram;
  readonly resolve: (solution: CoveringSolution) => void;
  readonly reject: (error: Error) => void;
}

/** As text, so that it runs as it is, built or from source. */
const WORKER = `
const { parentPort, workerData } = require("node:worker_threads");
const ready = require(workerData.highs)();
parentPort.on("message", async ({ id, text }) => {
  try {
    const highs = await ready;
    parentPort.postMessage({ id, solution: highs.solve(text) });
  } catch (error) {
    parentPort.postMessage({ id, problem: String(error) });
  }
});
`;

export function highsSolver(): Solver {
  const highs = createRequire(import.meta.url).resolve("highs");
  const worker = new Worker(WORKER, { eval: true, workerData: { highs } });
  const waiting = new Map<number, Waiting>();
  let [next, over]: [number, Error | null] = [0, null];
  const end = (why: Error): void => {
    over ??= why;
    for (const { reject } of waiting.values()) reject(over);
    waiting.clear();
  };
  worker.on("message", (answer: Answer) => {
    const asked = waiting.get(answer.id);
    waiting.delete(answer.id);
    // Nobody waits: it keeps no process alive.
    if (waiting.size === 0) worker.unref();
    if (asked === undefined) return;
    const solution = "solution" in answer ? solutionOf(asked.program, answer.solution) : failed(answer.problem);
    if (solution instanceof Error) asked.reject(solution);
    else asked.resolve(solution);
  });
  worker.on("error", (error) => end(failed(error.message, error)));
  worker.on("exit", () => end(failed("its worker has ended")));
  worker.unref();
  return {
    solve: (program) =>
      new Promise((resolve, reject) => {
        if (over !== null) return reject(over);
        const id = next++;
        waiting.set(id, { program, resolve, reject });
        worker.ref();
        worker.postMessage({ id, text: programText(program) });
      }),
    close: async () => void (await worker.terminate()),
  };
}
