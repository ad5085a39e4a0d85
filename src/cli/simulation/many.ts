/** Many simulations in parallel threads (case-thread.ts); the same results in the same order, whatever their number. */
import type { CaseResult, SimulationCase } from "../../simulator/case.js";
import { inThreads, type StartThread, threadOf } from "../sizing/threads.js";

const startThread: StartThread = threadOf("../simulation/case-thread.js");

/** `onDone`: told the share of the cases that are done. */
export const runCases = (
  cases: readonly SimulationCase[],
  threads: number,
  onDone: (share: number) => void,
  start: StartThread = startThread,
): Promise<readonly CaseResult[]> =>
  inThreads<null, SimulationCase, CaseResult>(start, threads, null, cases, (done) => onDone(done / cases.length));
