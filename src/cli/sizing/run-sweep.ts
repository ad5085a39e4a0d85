/** Runs a sweep in parallel threads (sweep-thread.ts): the same rows in the same order, whatever their number. */
import { casesOf, type SweepCase, type SweepPlan, type SweepRow } from "../../core/sizing/sweep.js";
import { inThreads, type StartThread, threadOf } from "./threads.js";

const startThread: StartThread = threadOf("./sweep-thread.js");

/** In the order of `casesOf`. `onDone`: told the share of the work that is done. */
export async function runSweep(
  plan: SweepPlan,
  threads: number,
  onDone: (share: number) => void,
): Promise<readonly SweepRow[]> {
  const cases = casesOf(plan);
  // The large ones first: nobody waits for one at the end.
  const order = cases.map((_, place) => place).sort((a, b) => cases[b]!.vms - cases[a]!.vms || a - b);
  const all = cases.reduce((sum, { vms }) => sum + vms, 0);
  let finished = 0;
  const pieces = order.map((place) => cases[place]!);
  const answers = await inThreads<SweepPlan, SweepCase, SweepRow>(startThread, threads, plan, pieces, (done) => {
    finished += pieces[done - 1]!.vms;
    onDone(finished / all);
  });
  const rows: SweepRow[] = [];
  for (const [at, place] of order.entries()) rows[place] = answers[at]!;
  return rows;
}
