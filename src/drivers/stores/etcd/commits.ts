/**
 * Commits as etcd transactions: the conditions of the changes, and the fence, which is the creation revision of the leader's
 * key and the number of times it was written (`Seat.bar` counts it up to shut out what was sent before).
 *
 * A transaction that was sent and not answered is resolved here as long as time allows; `store-outcome-unknown` leaves only
 * what etcd cannot be asked about.
 */
import { assert } from "../../../core/assert.js";
import { milliseconds } from "../../../core/units.js";
import type { Clock } from "../../../ports/clock.js";
import type { Change, CommitOutcome, Leadership, ResolvedOutcome, StoreRecord } from "../../../ports/cluster-store.js";
import { OperationalError } from "../../../ports/errors.js";
import { checkChanges, firstConflict, verdict } from "../changes.js";
import { type Channel, isPassing, refused, unanswered } from "./channel.js";
import type { KeyValue, Txn, TxnAnswer } from "./messages.js";
import { TXN } from "./messages.js";
import { Seat } from "./seat.js";

const PAUSE_MS = 50;

/** The key that the port knows is what follows the prefix. */
export const toRecord = (prefix: string, { key, value, modRevision }: KeyValue): StoreRecord => ({
  key: key.slice(prefix.length),
  value,
  revision: modRevision,
});

export class Commits {
  constructor(
    private readonly channel: Channel,
    private readonly clock: Clock,
    /** Records lie below it. */
    private readonly prefix: string,
  ) {}

  async commit(changes: readonly Change[], fence: Leadership): Promise<CommitOutcome> {
    checkChanges(changes);
    const seat = seatOf(fence);
    const until = this.clock.monotonic() + this.channel.deadlineMs;
    for (;;) {
      if (seat.isOver) return { kind: "fenced" };
      try {
        const outcome = this.read(changes, seat, await this.channel.once(TXN, this.transaction(changes, seat)));
        if (outcome) return outcome;
      } catch (error) {
        if (!isPassing(error)) throw refused(error);
        const left = until - this.clock.monotonic();
        if (error.wasSent) {
          const settled = await this.settle(changes, seat, error, left);
          if (settled) return settled;
        } else if (left <= PAUSE_MS) {
          throw unanswered(error);
        }
        await this.clock.sleep(milliseconds(PAUSE_MS), this.channel.closing);
      }
    }
  }

  async resolve(changes: readonly Change[], fence: Leadership): Promise<ResolvedOutcome> {
    checkChanges(changes);
    const seat = seatOf(fence);
    if (seat.isOver) return "fenced";
    const found = await this.bar(changes, seat, this.channel.deadlineMs);
    return found === null ? "fenced" : verdict(changes, found.record);
  }

  /** Null: the transaction did not happen and cannot any more. */
  private async settle(
    changes: readonly Change[],
    seat: Seat,
    cause: Error,
    leftMs: number,
  ): Promise<CommitOutcome | null> {
    try {
      const find = seat.isOver ? null : await this.bar(changes, seat, Math.max(leftMs, PAUSE_MS));
      if (find === null) throw cause;
      if (verdict(changes, find.record) === "not-committed") return null;
      const written = changes.find(({ kind }) => kind !== "delete");
      return { kind: "committed", revision: (written && find.record(written.key)?.revision) ?? find.revision };
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      const message = `etcd did not confirm a change, and what became of it is not known yet: ${why}`;
      throw new OperationalError("store-outcome-unknown", message, false, { cause });
    }
  }

  /** What the records are when nothing sent before can happen any more; null: fenced. */
  private async bar(
    changes: readonly Change[],
    seat: Seat,
    deadlineMs: number,
  ): Promise<{ readonly revision: number; readonly record: (key: string) => StoreRecord | null } | null> {
    const found = await seat.bar(
      changes.map(({ key }) => this.prefix + key),
      deadlineMs,
    );
    return found && { revision: found.revision, record: this.finder(found.kvs) };
  }

  private finder(kvs: readonly KeyValue[]): (key: string) => StoreRecord | null {
    const records = new Map(kvs.map((kv) => [kv.key, toRecord(this.prefix, kv)]));
    return (key) => records.get(this.prefix + key) ?? null;
  }

  private transaction(changes: readonly Change[], { key, createRevision, version }: Seat): Txn {
    return {
      when: [
        { key, createRevision },
        { key, version },
        ...changes.map((change) => ({
          key: this.prefix + change.key,
          ...(change.kind === "create" ? { createRevision: 0 } : { modRevision: change.revision }),
        })),
      ],
      success: changes.map((change) => {
        const full = this.prefix + change.key;
        return change.kind === "delete"
          ? { kind: "delete" as const, key: full }
          : { kind: "put" as const, key: full, value: change.value };
      }),
      failure: [key, ...changes.map((change) => this.prefix + change.key)].map((full) => ({
        kind: "range" as const,
        key: full,
      })),
    };
  }

  /** Null: shut out by a `bar` that resolved another commit; to be sent again. */
  private read(changes: readonly Change[], seat: Seat, answer: TxnAnswer): CommitOutcome | null {
    if (answer.succeeded) return { kind: "committed", revision: answer.revision };
    if (seat.see(answer.found[0]?.[0]) === "gone") return { kind: "fenced" };
    return firstConflict(changes, this.finder(answer.found.slice(1).flat()));
  }
}

export function seatOf(fence: Leadership): Seat {
  assert(fence instanceof Seat, "the leadership is one of this store");
  return fence;
}
