/** A thread that works out prices, as it is told: see prices.ts. */
import { parentPort } from "node:worker_threads";
import { type Worth, worthOfWanted } from "../../core/placement/weighers/bid/prices.js";
import { solverOfOwnThread } from "../../drivers/highs/own-thread.js";
import type { ThreadAnswer, ThreadQuestion } from "../sizing/threads.js";
import type { PriceQuestion } from "./prices.js";

async function answer(place: number, { wanted, host }: PriceQuestion): Promise<ThreadAnswer<Worth | null>> {
  try {
    return { place, answer: await worthOfWanted(wanted, host, await solverOfOwnThread()) };
  } catch (error) {
    return { place, problem: (error as Error).stack ?? String(error) };
  }
}

parentPort?.on("message", (question: ThreadQuestion<null, PriceQuestion>) => {
  if ("piece" in question) void answer(question.place, question.piece).then((said) => parentPort?.postMessage(said));
});
