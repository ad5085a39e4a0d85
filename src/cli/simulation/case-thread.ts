/** A thread that simulates the cases it is told: see many.ts. */
import { parentPort } from "node:worker_threads";
import { type CaseResult, runCase, type SimulationCase } from "../../simulator/case.js";
import type { ThreadAnswer, ThreadQuestion } from "../sizing/threads.js";

async function answer(place: number, piece: SimulationCase): Promise<ThreadAnswer<CaseResult>> {
  try {
    return { place, answer: await runCase(piece) };
  } catch (error) {
    return { place, problem: `${piece.name}: ${(error as Error).stack ?? String(error)}` };
  }
}

parentPort?.on("message", (question: ThreadQuestion<null, SimulationCase>) => {
  if ("piece" in question) void answer(question.place, question.piece).then((said) => parentPort?.postMessage(said));
});
