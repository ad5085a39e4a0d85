/**
 * Reading a range of keys as of one revision, and every change of it from a revision on. A watch that breaks is begun
 * again, at another server if need be, behind the last revision that was read: no gap and nothing twice. etcd keeps all
 * changes of one revision in one message.
 */
import { milliseconds } from "../../../core/units.js";
import type { Clock } from "../../../ports/clock.js";
import { OperationalError } from "../../../ports/errors.js";
import { type Channel, isPassing, refused } from "./channel.js";
import { GrpcError, STATUS } from "./grpc.js";
import { type KeyValue, prefixEnd, RANGE, WATCH, type WatchEvent } from "./messages.js";

/** Key-values per page: large enough to be quick, small enough for a message and for other calls in between. */
const PAGE = 2_000;
const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 2_000;

export interface RangeState {
  readonly revision: number;
  readonly kvs: readonly KeyValue[];
}

/** All pages as of one revision. The deadline is for each page. Throws as `Channel.ask`. */
export async function readPrefix(channel: Channel, prefix: string): Promise<RangeState> {
  const end = prefixEnd(prefix);
  for (;;) {
    const first = await channel.ask(RANGE, { key: prefix, end, limit: PAGE });
    const kvs = [...first.kvs];
    const { revision } = first;
    try {
      for (let page = first; page.more; ) {
        const question = { key: `${kvs.at(-1)!.key}\0`, end, limit: PAGE, revision };
        page = await channel.ask(RANGE, question);
        for (const kv of page.kvs) kvs.push(kv);
      }
      return { revision, kvs };
    } catch (error) {
      if (!isCompacted(error)) throw error;
      // The revision was compacted away between two pages: once more, with a newer one.
    }
  }
}

/** The same for watches, which go on trying while etcd is not there. Null: `signal` aborted. */
export async function readPatiently(channel: Channel, prefix: string, signal: AbortSignal): Promise<RangeState | null> {
  while (!signal.aborted) {
    try {
      return await readPrefix(channel, prefix);
    } catch (error) {
      if (!(error instanceof OperationalError) || error.code === "store-failed") throw error;
    }
  }
  return null;
}

const isCompacted = (error: unknown): boolean =>
  error instanceof OperationalError && error.cause instanceof GrpcError && error.cause.status === STATUS.outOfRange;

export interface WatchTarget {
  readonly key: string;
  /** True: every key that begins with `key`. */
  readonly isPrefix: boolean;
  /** First revision of interest. */
  readonly from: number;
}

export type WatchStep =
  | { readonly kind: "events"; readonly revision: number; readonly events: readonly WatchEvent[] }
  /** Changes were compacted away: read the range again. The last step. */
  | { readonly kind: "compacted" };

/** Until `signal` aborts. Throws `store-failed` where the server refuses for good (no permission). */
export async function* watchRange(
  channel: Channel,
  clock: Clock,
  target: WatchTarget,
  signal: AbortSignal,
): AsyncIterable<WatchStep> {
  const end = target.isPrefix ? { end: prefixEnd(target.key) } : {};
  let { from } = target;
  let pauseMs = FIRST_PAUSE_MS;
  while (!signal.aborted) {
    try {
      const stream = await channel.stream(WATCH);
      const cancel = (): void => stream.cancel();
      signal.addEventListener("abort", cancel, { once: true });
      try {
        if (signal.aborted) return;
        stream.send({ key: target.key, ...end, from });
        for await (const answer of stream.answers()) {
          channel.answered(null);
          if (answer.compactRevision > 0) {
            yield { kind: "compacted" };
            return;
          }
          if (answer.canceled !== null) throw new GrpcError(cancelStatus(answer.canceled), answer.canceled, true);
          pauseMs = FIRST_PAUSE_MS;
          if (answer.events.length === 0) continue;
          const revision = answer.events.at(-1)!.kv.modRevision;
          from = revision + 1;
          yield { kind: "events", revision, events: answer.events };
        }
      } finally {
        signal.removeEventListener("abort", cancel);
        cancel();
      }
    } catch (error) {
      if (signal.aborted) return;
      if (!isPassing(error)) throw refused(error);
    }
    await clock.sleep(milliseconds(pauseMs), signal);
    pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS);
  }
}

/** A cancelled watch has only words. */
const cancelStatus = (reason: string): number => (reason.includes("permission denied") ? 7 : STATUS.unavailable);
