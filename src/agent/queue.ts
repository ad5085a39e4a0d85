/**
 * The one queue through which every change of an agent goes: jobs run one at a time, in order of arrival, so that each sees
 * the state that the one before left. Closing lets the job in progress finish and turns the waiting ones away.
 */
import { OperationalError } from "../ports/errors.js";

interface Waiting {
  readonly run: () => Promise<void>;
  readonly turnAway: (reason: Error) => void;
}

export class SerialQueue {
  private readonly waiting: Waiting[] = [];
  private running: Promise<void> | null = null;
  private closed = false;

  /** Jobs that wait, the one in progress not counted. */
  get length(): number {
    return this.waiting.length;
  }

  /** Resolves with the job's result, rejects with its error; `agent-unreachable` when the queue is closed before its turn. */
  run<T>(job: () => Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.closed) {
        reject(stopping());
        return;
      }
      this.waiting.push({ run: () => job().then(resolve, reject), turnAway: reject });
      this.running ??= this.drain();
    });
  }

  /** Resolves when the job in progress has ended. Later and waiting jobs are refused. */
  async close(): Promise<void> {
    this.closed = true;
    for (const job of this.waiting.splice(0)) job.turnAway(stopping());
    await this.running;
  }

  private async drain(): Promise<void> {
    // The first job starts in a later microtask: its caller's own code comes first, whether or not the queue was idle.
    await Promise.resolve();
    for (let job = this.waiting.shift(); job !== undefined; job = this.waiting.shift()) await job.run();
    this.running = null;
  }
}

const stopping = (): OperationalError =>
  new OperationalError("agent-unreachable", "the agent is stopping; ask again when it is back", true);
