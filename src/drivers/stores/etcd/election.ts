/**
 * Election by a queue (etcd's own recipe, clientv3/concurrency/election.go, after Burrows, "The Chubby lock service", OSDI
 * 2006): each candidate takes a seat; the oldest leads; everybody else waits for the seat before the own to disappear.
 */
import { randomInt } from "node:crypto";
import { milliseconds } from "../../../core/units.js";
import type { Clock } from "../../../ports/clock.js";
import type { Leader } from "../../../ports/cluster-store.js";
import { OperationalError } from "../../../ports/errors.js";
import { joined } from "../../../ports/signals.js";
import type { Channel } from "./channel.js";
import { type KeyValue, LEASE_GRANT, TXN } from "./messages.js";
import { readPrefix, watchRange } from "./range-watch.js";
import { Seat } from "./seat.js";

const RETRY_MS = 300;
/** Lease numbers are chosen here, below 2^48: etcd's own would not fit a safe integer. */
const MOST_LEASE = 2 ** 48 - 1;

export const newLease = (): number => randomInt(1, MOST_LEASE);

export interface ElectionParts {
  readonly channel: Channel;
  readonly clock: Clock;
  /** All seats lie below it. */
  readonly prefix: string;
  readonly ttlSeconds: number;
  readonly epochAbove: number;
}

const byAge = (a: KeyValue, b: KeyValue): number => a.createRevision - b.createRevision;

export async function findLeader({ channel, prefix, epochAbove }: ElectionParts): Promise<Leader | null> {
  const oldest = [...(await readPrefix(channel, prefix)).kvs].sort(byAge)[0];
  return oldest ? { candidate: oldest.value, epoch: epochAbove + oldest.createRevision } : null;
}

/** See `ClusterStore.campaign`. */
export async function campaign(parts: ElectionParts, candidate: string, signal: AbortSignal): Promise<Seat> {
  for (;;) {
    signal.throwIfAborted();
    try {
      const seat = await takeSeat(parts, candidate);
      if (await waitForTurn(parts, seat, signal)) return seat;
      await seat.resign();
    } catch (error) {
      const passing = error instanceof OperationalError && error.code !== "store-failed";
      if (!passing && !signal.aborted) throw error;
    }
    await parts.clock.sleep(milliseconds(RETRY_MS), signal);
  }
}

/**
 * A key named after the lease: asking twice makes one seat, and what an earlier campaign of this process left behind is a
 * stranger's seat, which expires.
 */
async function takeSeat(parts: ElectionParts, candidate: string): Promise<Seat> {
  const { channel, clock, prefix, epochAbove } = parts;
  const id = newLease();
  const grantedAt = clock.monotonic();
  const { ttl } = await channel.ask(LEASE_GRANT, { id, ttl: parts.ttlSeconds });
  const key = `${prefix}${id.toString(16).padStart(12, "0")}`;
  const txn = {
    when: [{ key, createRevision: 0 }],
    success: [{ kind: "put" as const, key, value: candidate, lease: id }],
    failure: [{ kind: "range" as const, key }],
  };
  const { succeeded, revision, found } = await channel.ask(TXN, txn);
  const createRevision = succeeded ? revision : found[0]![0]!.createRevision;
  const epoch = epochAbove + createRevision;
  return new Seat({ channel, clock, key, candidate, lease: id, ttlSeconds: ttl, grantedAt, createRevision, epoch });
}

/** False: the seat was lost, or `signal` aborted. */
async function waitForTurn(parts: ElectionParts, seat: Seat, signal: AbortSignal): Promise<boolean> {
  const { signal: ended, release } = joined(signal, seat.lost);
  try {
    for (;;) {
      const { kvs, revision } = await readPrefix(parts.channel, parts.prefix);
      if (ended.aborted || seat.see(kvs.find(({ key }) => key === seat.key)) === "gone" || seat.isOver) return false;
      const before = kvs.filter(({ createRevision }) => createRevision < seat.createRevision).sort(byAge);
      const predecessor = before.at(-1);
      if (predecessor === undefined) return true;
      await waitForEnd(parts, predecessor.key, revision + 1, ended);
    }
  } catch (error) {
    await seat.resign();
    throw error;
  } finally {
    release();
  }
}

/** Until the key is deleted, the watch must begin anew, or `signal` aborts. */
async function waitForEnd(parts: ElectionParts, key: string, from: number, signal: AbortSignal): Promise<void> {
  for await (const step of watchRange(parts.channel, parts.clock, { key, isPrefix: false, from }, signal)) {
    if (step.kind === "compacted" || step.events.some(({ kind }) => kind === "delete")) return;
  }
}
