/**
 * Runs strategies over one trace in parallel, each in a thread of its own that reads the trace as a stream: nothing of its size is
 * kept or handed about. As many threads as processors; they take strategies as they become free.
 */
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import { Bug } from "../../core/assert.js";
import type { StrategyName } from "../../core/estimator/names.js";
import { OperationalError } from "../../ports/errors.js";
import type { JudgedRun } from "./comparison.js";
import type { EstimateOptions } from "./options.js";
import type { WorkerAnswer } from "./worker.js";

/** Starts a thread that runs worker.ts. */
export type StartThread = () => Worker;

export const startThread: StartThread = () => new Worker(new URL("./worker.js", import.meta.url));

/** Told the bytes of the trace that all strategies together have read. */
type BytesRead = (bytes: number) => void;

class Threads {
  readonly #runs = new Map<StrategyName, JudgedRun>();
  readonly #bytes = new Map<StrategyName, number>();
  readonly #waiting: StrategyName[];

  constructor(
    private readonly options: Omit<EstimateOptions, "strategy">,
    private readonly strategies: readonly StrategyName[],
    private readonly size: number,
    private readonly progress: BytesRead,
    private readonly start: StartThread,
  ) {
    this.#waiting = [...strategies];
  }

  async run(): Promise<readonly JudgedRun[]> {
    const count = Math.min(availableParallelism(), this.strategies.length);
    const threads = Array.from({ length: count }, () => this.start());
    try {
      await Promise.all(threads.map((thread) => this.#work(thread)));
    } finally {
      await Promise.all(threads.map((thread) => thread.terminate()));
    }
    return this.strategies.map((strategy) => this.#runs.get(strategy)!);
  }

  /** Until no strategy waits. */
  async #work(thread: Worker): Promise<void> {
    for (let strategy = this.#waiting.shift(); strategy !== undefined; strategy = this.#waiting.shift())
      await this.#runOne(thread, strategy);
  }

  #runOne(thread: Worker, strategy: StrategyName): Promise<void> {
    return new Promise((resolve, reject) => {
      const fail = (error: Error): void => {
        thread.off("message", take);
        reject(error);
      };
      const take = (answer: WorkerAnswer): void => {
        if (answer.kind === "progress") this.#read(strategy, answer.bytes);
        else if (answer.kind === "failed") fail(failureOf(answer));
        else {
          thread.off("message", take).off("error", fail);
          this.#read(strategy, this.size);
          this.#runs.set(strategy, answer.run);
          resolve();
        }
      };
      thread.on("message", take).once("error", fail);
      // All read the same trace: one looks at all of it.
      const check = strategy === this.strategies[0];
      thread.postMessage({ ...this.options, strategy, check } satisfies EstimateOptions);
    });
  }

  #read(strategy: StrategyName, bytes: number): void {
    this.#bytes.set(strategy, bytes);
    let all = 0;
    for (const each of this.#bytes.values()) all += each;
    this.progress(all);
  }
}

const failureOf = ({ code, message }: Extract<WorkerAnswer, { kind: "failed" }>): Error =>
  code === null ? new Bug(message) : new OperationalError(code, message, false);

/** In the order of `strategies`. `size`: bytes of the trace. Throws `OperationalError` (bad-input-file). */
export const runStrategies = (
  options: Omit<EstimateOptions, "strategy">,
  strategies: readonly StrategyName[],
  size: number,
  progress: BytesRead,
  start: StartThread = startThread,
): Promise<readonly JudgedRun[]> => new Threads(options, strategies, size, progress, start).run();
