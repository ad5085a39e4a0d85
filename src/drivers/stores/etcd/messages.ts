/**
 * The messages of etcd's API v3 that the store uses: names and field numbers are those of etcd's api/etcdserverpb/rpc.proto
 * and api/mvccpb/kv.proto (3.4; unchanged in 3.5 and 3.6).
 */
import { Reader, Writer } from "./protobuf.js";

export interface KeyValue {
  readonly key: string;
  readonly value: string;
  readonly createRevision: number;
  readonly modRevision: number;
  /** Counts the writes of the key since it was created. */
  readonly version: number;
  readonly lease: number;
}

export interface RangeQuestion {
  readonly key: string;
  /** First key behind the range; without it the question is about one key. */
  readonly end?: string;
  readonly limit?: number;
  /** As of this revision; without it, the newest, confirmed by a quorum. */
  readonly revision?: number;
}

export interface RangeAnswer {
  readonly revision: number;
  readonly kvs: readonly KeyValue[];
  readonly more: boolean;
}

type Comparison =
  | { readonly key: string; readonly createRevision: number }
  | { readonly key: string; readonly modRevision: number }
  | { readonly key: string; readonly version: number };

type Operation =
  | { readonly kind: "range"; readonly key: string }
  | { readonly kind: "put"; readonly key: string; readonly value: string; readonly lease?: number }
  | { readonly kind: "delete"; readonly key: string };

export interface Txn {
  readonly when: readonly Comparison[];
  readonly success: readonly Operation[];
  readonly failure: readonly Operation[];
}

export interface TxnAnswer {
  readonly succeeded: boolean;
  readonly revision: number;
  /** What the ranges found, in the order of the operations (others are left out). */
  readonly found: readonly (readonly KeyValue[])[];
}

export interface WatchEvent {
  readonly kind: "put" | "delete";
  /** Of a deletion only key and modRevision. */
  readonly kv: KeyValue;
}

export interface WatchAnswer {
  readonly revision: number;
  readonly created: boolean;
  readonly canceled: string | null;
  /** Changes up to here are gone; 0: not the reason. */
  readonly compactRevision: number;
  readonly events: readonly WatchEvent[];
}

export interface LeaseAnswer {
  readonly id: number;
  /** Seconds; 0 when there is no such lease. */
  readonly ttl: number;
}

/** Path of a method, and how its messages are written and read. */
export interface Method<Question, Answer> {
  readonly path: string;
  readonly encode: (question: Question) => Buffer;
  readonly decode: (bytes: Buffer) => Answer;
}

/** First string behind all that begin with `prefix`, for the ASCII keys that the store uses. */
export const prefixEnd = (prefix: string): string =>
  prefix.slice(0, -1) + String.fromCharCode(prefix.charCodeAt(prefix.length - 1) + 1);

function rangeWriter({ key, end, limit, revision }: RangeQuestion): Writer {
  const writer = new Writer().text(1, key);
  if (end !== undefined) writer.text(2, end);
  if (limit !== undefined) writer.int(3, limit);
  if (revision !== undefined) writer.int(4, revision);
  return writer;
}

function readKeyValue(reader: Reader): KeyValue {
  const kv = { key: "", value: "", createRevision: 0, modRevision: 0, version: 0, lease: 0 };
  reader.fields((field) => {
    if (field === 1) kv.key = reader.text();
    else if (field === 2) kv.createRevision = reader.int();
    else if (field === 3) kv.modRevision = reader.int();
    else if (field === 4) kv.version = reader.int();
    else if (field === 5) kv.value = reader.text();
    else if (field === 6) kv.lease = reader.int();
    else return "skip";
    return undefined;
  });
  return kv;
}

function readRevision(reader: Reader): number {
  let revision = 0;
  reader.fields((field) => {
    if (field !== 3) return "skip";
    revision = reader.int();
    return undefined;
  });
  return revision;
}

function readRange(reader: Reader): RangeAnswer {
  const answer = { revision: 0, kvs: [] as KeyValue[], more: false };
  reader.fields((field) => {
    if (field === 1) answer.revision = readRevision(reader.message());
    else if (field === 2) answer.kvs.push(readKeyValue(reader.message()));
    else if (field === 3) answer.more = reader.flag();
    else return "skip";
    return undefined;
  });
  return answer;
}

export const RANGE: Method<RangeQuestion, RangeAnswer> = {
  path: "/etcdserverpb.KV/Range",
  encode: (question) => rangeWriter(question).finish(),
  decode: (bytes) => readRange(new Reader(bytes)),
};

/** Numbers of Compare.CompareTarget, and of the field that holds the value. `result` is left at 0: EQUAL. */
function comparisonWriter(comparison: Comparison): Writer {
  const writer = new Writer();
  const { key } = comparison;
  if ("version" in comparison) return writer.int(2, 0).text(3, key).int(4, comparison.version);
  if ("createRevision" in comparison) return writer.int(2, 1).text(3, key).int(5, comparison.createRevision);
  return writer.int(2, 2).text(3, key).int(6, comparison.modRevision);
}

function operationWriter(operation: Operation): Writer {
  if (operation.kind === "range") return new Writer().message(1, rangeWriter(operation));
  if (operation.kind === "delete") return new Writer().message(3, new Writer().text(1, operation.key));
  const put = new Writer().text(1, operation.key).text(2, operation.value);
  if (operation.lease !== undefined) put.int(3, operation.lease);
  return new Writer().message(2, put);
}

function readTxn(reader: Reader): TxnAnswer {
  const answer = { succeeded: false, revision: 0, found: [] as (readonly KeyValue[])[] };
  const readOperation = (operation: Reader): void =>
    operation.fields((field) => {
      if (field !== 1) return "skip";
      answer.found.push(readRange(operation.message()).kvs);
      return undefined;
    });
  reader.fields((field) => {
    if (field === 1) answer.revision = readRevision(reader.message());
    else if (field === 2) answer.succeeded = reader.flag();
    else if (field === 3) readOperation(reader.message());
    else return "skip";
    return undefined;
  });
  return answer;
}

export const TXN: Method<Txn, TxnAnswer> = {
  path: "/etcdserverpb.KV/Txn",
  encode: ({ when, success, failure }) => {
    const writer = new Writer();
    for (const comparison of when) writer.message(1, comparisonWriter(comparison));
    for (const operation of success) writer.message(2, operationWriter(operation));
    for (const operation of failure) writer.message(3, operationWriter(operation));
    return writer.finish();
  },
  decode: (bytes) => readTxn(new Reader(bytes)),
};

function readLease(bytes: Buffer): LeaseAnswer {
  const reader = new Reader(bytes);
  const answer = { id: 0, ttl: 0 };
  reader.fields((field) => {
    if (field === 2) answer.id = reader.int();
    else if (field === 3) answer.ttl = reader.int();
    else return "skip";
    return undefined;
  });
  return answer;
}

export const LEASE_GRANT: Method<LeaseAnswer, LeaseAnswer> = {
  path: "/etcdserverpb.Lease/LeaseGrant",
  encode: ({ id, ttl }) => new Writer().int(1, ttl).int(2, id).finish(),
  decode: readLease,
};

export const LEASE_REVOKE: Method<number, null> = {
  path: "/etcdserverpb.Lease/LeaseRevoke",
  encode: (id) => new Writer().int(1, id).finish(),
  decode: () => null,
};

export const LEASE_KEEP_ALIVE: Method<number, LeaseAnswer> = {
  path: "/etcdserverpb.Lease/LeaseKeepAlive",
  encode: (id) => new Writer().int(1, id).finish(),
  decode: readLease,
};

function readEvent(reader: Reader): WatchEvent {
  let kind: WatchEvent["kind"] = "put";
  let kv: KeyValue | null = null;
  reader.fields((field) => {
    if (field === 1) kind = reader.int() === 1 ? "delete" : "put";
    else if (field === 2) kv = readKeyValue(reader.message());
    else return "skip";
    return undefined;
  });
  return { kind, kv: kv ?? readKeyValue(new Reader(Buffer.alloc(0))) };
}

function readWatch(reader: Reader): WatchAnswer {
  const answer = { revision: 0, created: false, compactRevision: 0, reason: "", events: [] as WatchEvent[] };
  let isCanceled = false;
  reader.fields((field) => {
    if (field === 1) answer.revision = readRevision(reader.message());
    else if (field === 3) answer.created = reader.flag();
    else if (field === 4) isCanceled = reader.flag();
    else if (field === 5) answer.compactRevision = reader.int();
    else if (field === 6) answer.reason = reader.text();
    else if (field === 11) answer.events.push(readEvent(reader.message()));
    else return "skip";
    return undefined;
  });
  return { ...answer, canceled: isCanceled ? answer.reason || "canceled" : null };
}

export interface WatchQuestion {
  readonly key: string;
  readonly end?: string;
  /** First revision of interest. */
  readonly from: number;
}

export const WATCH: Method<WatchQuestion, WatchAnswer> = {
  path: "/etcdserverpb.Watch/Watch",
  encode: ({ key, end, from }) => {
    const create = new Writer().text(1, key);
    if (end !== undefined) create.text(2, end);
    return new Writer().message(1, create.int(3, from)).finish();
  },
  decode: (bytes) => readWatch(new Reader(bytes)),
};

export const AUTHENTICATE: Method<{ readonly user: string; readonly password: string }, string> = {
  path: "/etcdserverpb.Auth/Authenticate",
  encode: ({ user, password }) => new Writer().text(1, user).text(2, password).finish(),
  decode: (bytes) => {
    const reader = new Reader(bytes);
    let token = "";
    reader.fields((field) => {
      if (field !== 2) return "skip";
      token = reader.text();
      return undefined;
    });
    return token;
  },
};
