/** A thread that sizes the cases of a sweep, as it is told: see run-sweep.ts. */
import { parentPort } from "node:worker_threads";
import { type SweepCase, type SweepPlan, type SweepRow, sizeCase } from "../../core/sizing/sweep.js";
import { highsSolver } from "../../drivers/highs/solver.js";
import type { ThreadAnswer, ThreadQuestion } from "./threads.js";

const solver = highsSolver();
let plan: SweepPlan | null = null;

async function answer(place: number, piece: SweepCase): Promise<ThreadAnswer<SweepRow>> {
  try {
    return { place, answer: await sizeCase(piece, plan!, solver.solve) };
  } catch (error) {
    return { place, problem: (error as Error).stack ?? String(error) };
  }
}

parentPort?.on("message", (question: ThreadQuestion<SweepPlan, SweepCase>) => {
  if ("common" in question) plan = question.common;
  else void answer(question.place, question.piece).then((said) => parentPort?.postMessage(said));
});
