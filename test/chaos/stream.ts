/**
 * Concurrent clients that deploy and remove VMs through any scheduler, and write down what they asked and were told. Most behave
 * as clients are told to: without an answer they repeat, with the same Idempotency-Key, at another scheduler. Some have no
 * patience, so that requests stay unanswered.
 */
import { setTimeout as pause } from "node:timers/promises";
import { Agent } from "undici";
import { ProblemError } from "../../src/http/client-call.js";
import { type SchedulerApiClient, schedulerClient } from "../../src/http/scheduler/client.js";
import { OperationalError } from "../../src/ports/errors.js";
import { randomFrom } from "../bench/pool-load.js";
import type { Request } from "./checker.js";

export interface StreamOptions {
  readonly schedulers: readonly string[];
  readonly clients: number;
  readonly names: number;
  readonly seed: number;
}

/** For an answer; a scheduler that is frozen or cut off gives none. */
const TIMEOUT_MS = 2_500;
/** A client that heard nothing for so long gives up. */
const PATIENCE_MS = 60_000;
const REPEAT_MS = 100;
/** Part of the requests that are made once and never again. */
const IMPATIENT = 0.1;
const SHAPES = [
  { vcpus: 1, memoryMiB: 512, ratio: 3 },
  { vcpus: 2, memoryMiB: 1024, ratio: 2 },
  { vcpus: 2, memoryMiB: 1024, ratio: 1 },
  { vcpus: 4, memoryMiB: 2048, ratio: 2 },
] as const;

type Answer = Pick<Request, "outcome" | "uuid">;

export class Stream {
  readonly requests: Request[] = [];
  /** When changes were acknowledged, by this process's clock. */
  readonly acknowledged: number[] = [];
  answered = 0;
  private readonly lines: readonly SchedulerApiClient[];
  private readonly dispatcher = new Agent({ connections: 256, connect: { timeout: 1_000 } });
  private readonly random: () => number;
  private readonly believed = new Set<string>();
  private tick = 0;
  private left = 0;

  constructor(private readonly options: StreamOptions) {
    this.random = randomFrom(options.seed);
    this.lines = options.schedulers.map((baseUrl) =>
      schedulerClient({ baseUrl, timeoutMs: TIMEOUT_MS, dispatcher: this.dispatcher }),
    );
  }

  /** So many requests more; resolves when all have ended. */
  async run(requests: number): Promise<void> {
    this.left += requests;
    await Promise.all(Array.from({ length: this.options.clients }, () => this.client()));
  }

  /** What is under way ends, nothing new begins. */
  stop(): void {
    this.left = 0;
  }

  /** Also of a test that failed before it stopped: its file would go on asking for ever. */
  async close(): Promise<void> {
    this.stop();
    await this.dispatcher.destroy();
  }

  /** Until so many requests have ended. */
  async reached(count: number): Promise<void> {
    while (this.answered < count) await pause(5);
  }

  private async client(): Promise<void> {
    while (this.left > 0) {
      this.left--;
      await this.one();
      this.answered++;
    }
  }

  private one(): Promise<void> {
    const vm = `vm-${Math.floor(this.random() * this.options.names)}`;
    const kind = this.believed.has(vm) === this.random() < 0.85 ? "remove" : "deploy";
    return this.request(kind, vm, this.random() < IMPATIENT);
  }

  /** One request, with its repetitions. */
  async request(kind: "deploy" | "remove", vm: string, impatient = false): Promise<void> {
    const shape = SHAPES[Math.floor(this.random() * SHAPES.length)]!;
    const requestId = `key-${this.requests.length}`;
    const request: Request = {
      vm,
      kind,
      requestId,
      vcpus: shape.vcpus,
      asked: ++this.tick,
      answered: null,
      outcome: "unknown",
      uuid: null,
    };
    this.requests.push(request);
    const ask = (line: SchedulerApiClient) =>
      kind === "deploy" ? line.createVm({ name: vm, ...shape }, requestId) : line.removeVm(vm, requestId);
    const answer = await this.patiently(ask, impatient);
    if (answer === null) return;
    Object.assign(request, answer, { answered: ++this.tick });
    if (answer.outcome !== "ok") return;
    this.acknowledged.push(performance.now());
    if (kind === "deploy") this.believed.add(vm);
    else this.believed.delete(vm);
  }

  /** Null: no answer. */
  private async patiently(
    ask: (line: SchedulerApiClient) => Promise<{ readonly uuid: string | null }>,
    impatient: boolean,
  ): Promise<Answer | null> {
    const deadline = performance.now() + PATIENCE_MS;
    let line = Math.floor(this.random() * this.lines.length);
    for (let attempt = 0; ; attempt++, line++) {
      try {
        const { uuid } = await ask(this.lines[line % this.lines.length]!);
        return { outcome: "ok", uuid };
      } catch (error) {
        const refusal = refusalOf(error, attempt > 0);
        if (refusal !== null) return refusal;
        if (impatient || performance.now() > deadline) return null;
        await pause(REPEAT_MS * (0.5 + this.random()));
      }
    }
  }
}

/** Null: no answer, or one that says to ask again. */
function refusalOf(error: unknown, repeated: boolean): Answer | null {
  if (error instanceof OperationalError && error.retryable) return null;
  if (!(error instanceof ProblemError)) throw error;
  if (error.problem.retryable) return null;
  if (error.code !== "unknown-vm") return { outcome: "refused", uuid: null };
  return { outcome: repeated ? "gone" : "unknown-vm", uuid: null };
}
