/**
 * Many simulations in parallel threads (case-thread.ts); the same results in the same order, whatever their number. Those that are done
 * are kept, where there is a folder for them, and not made again (kept-runs.ts).
 */
import type { CaseResult, SimulationCase } from "../../simulator/case.js";
import { CommandFailure } from "../exit.js";
import { inThreads, type StartThread, threadOf } from "../sizing/threads.js";
import type { KeptRuns } from "./kept-runs.js";

const startThread: StartThread = threadOf("../simulation/case-thread.js");

export interface RunOptions {
  readonly threads: number;
  readonly kept: KeptRuns | null;
  /** Told the share that is done of the cases that were not. */
  readonly onDone: (share: number) => void;
  /** Ends it: what is done is kept. */
  readonly signal: AbortSignal;
  readonly start?: StartThread;
}

/** Throws `CommandFailure` when `signal` aborts. */
export async function runCases(
  cases: readonly SimulationCase[],
  { threads, kept, onDone, signal, start = startThread }: RunOptions,
): Promise<readonly CaseResult[]> {
  const results = cases.map((one) => kept?.result(one) ?? null);
  const open = results.flatMap((result, place) => (result === null ? [place] : []));
  let done = 0;
  const told = (_: number, piece: number, result: CaseResult): void => {
    const place = open[piece]!;
    results[place] = result;
    kept?.keep(cases[place]!, result);
    onDone(++done / open.length);
  };
  const pieces = open.map((place) => cases[place]!);
  try {
    await inThreads<null, SimulationCase, CaseResult>(start, threads, null, pieces, told, signal);
  } catch (error) {
    if (!signal.aborted) throw error;
    throw new CommandFailure(interrupted(cases.length - open.length + done, cases.length, kept));
  }
  return results as readonly CaseResult[];
}

const interrupted = (done: number, all: number, kept: KeptRuns | null): string =>
  kept === null
    ? `interrupted after ${done} of ${all} simulations; nothing is kept of them without --out`
    : `interrupted: ${done} of ${all} simulations are in ${kept.path}; the same command goes on from there`;
