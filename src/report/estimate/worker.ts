/** A thread that runs one strategy after the other, as it is told: see compare.ts. */
import { parentPort } from "node:worker_threads";
import { OperationalError } from "../../ports/errors.js";
import { type JudgedRun, judgedRun } from "./comparison.js";
import type { EstimateOptions } from "./options.js";
import { readForEstimates } from "./run.js";

export type WorkerAnswer =
  | { readonly kind: "progress"; readonly bytes: number }
  | { readonly kind: "done"; readonly run: JudgedRun }
  /** `code`: null: a bug. */
  | { readonly kind: "failed"; readonly code: OperationalError["code"] | null; readonly message: string };

/** More often than this nobody looks. */
const TELL_EVERY_MS = 50;

async function answer(options: EstimateOptions, tell: (answer: WorkerAnswer) => void): Promise<void> {
  const started = performance.now();
  let told = started;
  const progress = (bytes: number): void => {
    const now = performance.now();
    if (now - told < TELL_EVERY_MS) return;
    told = now;
    tell({ kind: "progress", bytes });
  };
  try {
    const visitor = await readForEstimates(options, progress);
    const elapsed = (): number => (performance.now() - started) / 1000;
    const read = { config: visitor.config, vms: visitor.vms, windows: visitor.outcomes() };
    tell({ kind: "done", run: judgedRun(options.strategy, read, elapsed) });
  } catch (error) {
    const code = error instanceof OperationalError ? error.code : null;
    const message = error instanceof OperationalError ? error.message : ((error as Error).stack ?? String(error));
    tell({ kind: "failed", code, message });
  }
}

parentPort?.on("message", (options: EstimateOptions) => {
  void answer(options, (text) => parentPort?.postMessage(text));
});
