/** Totals since the agent's process began, for `/metrics`: what it did, how often, and how long its ticks took. */
import { type Milliseconds, milliseconds } from "../core/units.js";

export const REQUEST_KINDS = ["deploy", "remove", "resize", "receive", "send"] as const;
export type RequestKind = (typeof REQUEST_KINDS)[number];
export type RequestOutcome = "accepted" | "refused" | "failed";

export const ACTION_KINDS = [
  "pin",
  "adopt",
  "vanish",
  "stop",
  "settle",
  "repack",
  "adjust",
  "balance",
  "memory-statistics",
  "balloon",
] as const;
export type ActionKind = (typeof ACTION_KINDS)[number];

/** A copy of the totals at one moment. */
export interface AgentMetrics {
  readonly ticks: number;
  readonly failedTicks: number;
  /** Wall time of all ticks together, and of the longest. */
  readonly tickDuration: Milliseconds;
  readonly longestTick: Milliseconds;
  readonly pinCalls: number;
  readonly failedPinCalls: number;
  readonly repairedPins: number;
  readonly journalWrites: number;
  readonly actions: Readonly<Record<ActionKind, number>>;
  readonly requests: Readonly<Record<RequestKind, Readonly<Record<RequestOutcome, number>>>>;
}

export class Counters {
  ticks = 0;
  failedTicks = 0;
  pinCalls = 0;
  failedPinCalls = 0;
  repairedPins = 0;
  journalWrites = 0;
  private tickDurationMs = 0;
  private longestTickMs = 0;
  private readonly actions = zeros(ACTION_KINDS);
  private readonly requests = {
    deploy: zeros(["accepted", "refused", "failed"]),
    remove: zeros(["accepted", "refused", "failed"]),
    resize: zeros(["accepted", "refused", "failed"]),
    receive: zeros(["accepted", "refused", "failed"]),
    send: zeros(["accepted", "refused", "failed"]),
  };

  action(kind: ActionKind, times = 1): void {
    this.actions[kind] += times;
  }

  request(kind: RequestKind, outcome: RequestOutcome): void {
    this.requests[kind][outcome]++;
  }

  tick(duration: Milliseconds, failed: boolean): void {
    this.ticks++;
    if (failed) this.failedTicks++;
    this.tickDurationMs += duration;
    this.longestTickMs = Math.max(this.longestTickMs, duration);
  }

  snapshot(): AgentMetrics {
    const { ticks, failedTicks, pinCalls, failedPinCalls, repairedPins, journalWrites } = this;
    return {
      ticks,
      failedTicks,
      tickDuration: milliseconds(this.tickDurationMs),
      longestTick: milliseconds(this.longestTickMs),
      pinCalls,
      failedPinCalls,
      repairedPins,
      journalWrites,
      actions: { ...this.actions },
      requests: structuredClone(this.requests),
    };
  }
}

const zeros = <K extends string>(keys: readonly K[]): Record<K, number> =>
  Object.fromEntries(keys.map((key) => [key, 0])) as Record<K, number>;
