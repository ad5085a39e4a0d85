/**
 * What the cluster's store holds: one record for each VM and each host, as JSON, checked field by field when read. A VM's
 * record is written before its host is asked and changed only by compare-and-swap under the leader's fence, so it says at
 * any time what may be true of the VM:
 *
 *   reserved   its host was, or will be, asked to run it by the request `pending`; nobody knows the answer yet
 *   placed     its host confirmed it
 *   resizing   as placed; its host was asked for the size `to` by `pending`
 *   migrating  as placed; it is being moved to `target`, and both hosts know the move by `pending`
 *   removing   its host was asked to remove it by `pending`; the removal is final, and repeated until it is confirmed
 *   lost       its host was replaced by another machine or given up; the record waits for an operator, or for the VM
 */
import { z } from "zod";
import { type MiB, mib, type Ratio, ratio } from "../core/units.js";
import { OperationalError } from "../ports/errors.js";

export const VM_PREFIX = "vms/";
export const REMOVED_PREFIX = "removed/";
export const EPOCH_PREFIX = "epochs/";
export const HOST_PREFIX = "hosts/";

export interface VmSize {
  readonly vcpus: number;
  readonly memoryMiB: MiB;
  /** Null: the host's per-vCPU template decides. */
  readonly ratio: Ratio | null;
}

/** A host, and the machine that was meant; null: not known when it was asked. */
export interface Place {
  readonly host: string;
  readonly machineId: string | null;
}

/** Where a VM may be, as its deploy said. */
export interface Bounds {
  readonly labels: Readonly<Record<string, string>>;
  /** Null: on any host. */
  readonly hosts: readonly string[] | null;
}

export interface VmRecord extends VmSize, Place {
  readonly name: string;
  readonly image: string | null;
  /** No two VMs of a group share a host; null: no group. */
  readonly antiAffinity: string | null;
  readonly phase: "reserved" | "placed" | "resizing" | "migrating" | "removing" | "lost";
  /** The caller's id of the request that asked for the VM; null: found on a host. */
  readonly requestId: string | null;
  /** While removing: the caller's id of the request that removes it. Null also where the VM went by itself. */
  readonly removal: string | null;
  /** Null: it may be anywhere. */
  readonly constraints: Bounds | null;
  /** Id of the request to the agents that is not settled; null in the phases placed and lost. */
  readonly pending: string | null;
  /** While resizing. */
  readonly to: VmSize | null;
  /** While migrating: where it goes. */
  readonly target: Place | null;
  /** Null until confirmed. */
  readonly uuid: string | null;
}

export interface HostRecord {
  readonly id: string;
  readonly url: string;
  readonly machineId: string;
  readonly cordoned: boolean;
  readonly draining: boolean;
}

/** Where the epochs of this cluster begin, since an operator adopted hosts that have seen higher ones (adopt.ts). */
export interface EpochRecord {
  readonly name: "floor";
  /** Added to the epochs that the store counts. */
  readonly above: number;
}

const size = {
  vcpus: z.number().int().positive(),
  memoryMiB: z
    .number()
    .positive()
    .transform((value): MiB => mib(value)),
  ratio: z
    .number()
    .positive()
    .transform((value): Ratio => ratio(value))
    .nullable(),
};

const text = z.string().min(1);

const vmRecord = z.strictObject({
  ...size,
  name: text,
  image: z.string().nullable(),
  antiAffinity: z.string().nullable(),
  phase: z.enum(["reserved", "placed", "resizing", "migrating", "removing", "lost"]),
  host: text,
  machineId: text.nullable(),
  requestId: text.nullable(),
  /** Not in records of before 0.2. */
  removal: text.nullable().default(null),
  pending: text.nullable(),
  to: z.strictObject(size).nullable(),
  target: z.strictObject({ host: text, machineId: text.nullable() }).nullable().default(null),
  constraints: z
    .strictObject({ labels: z.record(z.string(), z.string()), hosts: z.array(text).nullable() })
    .nullable()
    .default(null),
  uuid: text.nullable(),
}) satisfies z.ZodType<VmRecord>;

const hostRecord = z.strictObject({
  id: text,
  url: text,
  machineId: text,
  cordoned: z.boolean(),
  draining: z.boolean(),
}) satisfies z.ZodType<HostRecord>;

const epochRecord = z.strictObject({
  name: z.literal("floor"),
  above: z.number().int().nonnegative(),
}) satisfies z.ZodType<EpochRecord>;

/** A kind of record: where it is kept, and how it is read. */
export interface RecordKind<T> {
  readonly prefix: string;
  nameOf(record: T): string;
  /** Throws `state-corrupt` naming the record and the field. */
  decode(key: string, value: string): T;
}

export const VM_RECORDS: RecordKind<VmRecord> = {
  prefix: VM_PREFIX,
  nameOf: (record) => record.name,
  decode: (key, value) => decoded(vmRecord, key, value),
};

/** VMs that are gone, for requests that are repeated (removals.ts). */
export const REMOVED_RECORDS: RecordKind<VmRecord> = { ...VM_RECORDS, prefix: REMOVED_PREFIX };

export const HOST_RECORDS: RecordKind<HostRecord> = {
  prefix: HOST_PREFIX,
  nameOf: (record) => record.id,
  decode: (key, value) => decoded(hostRecord, key, value),
};

export const EPOCH_RECORDS: RecordKind<EpochRecord> = {
  prefix: EPOCH_PREFIX,
  nameOf: (record) => record.name,
  decode: (key, value) => decoded(epochRecord, key, value),
};

function decoded<T>(schema: z.ZodType<T>, key: string, value: string): T {
  const parsed = schema.safeParse(jsonOf(key, value));
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const field = issue === undefined || issue.path.length === 0 ? "" : ` in ${issue.path.join(".")}`;
  throw new OperationalError(
    "state-corrupt",
    `the store's record ${key} is wrong${field}: ${issue?.message ?? "unreadable"}`,
    false,
  );
}

function jsonOf(key: string, value: string): unknown {
  try {
    return JSON.parse(value);
  } catch (error) {
    throw new OperationalError("state-corrupt", `the store's record ${key} is not JSON`, false, { cause: error });
  }
}
