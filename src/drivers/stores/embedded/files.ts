/**
 * The files of the embedded store. `snapshot-G-N` holds the whole state as it was when `log-G-N` was begun, and the log what
 * was committed since; the state is the newest snapshot and every log from it on. G is the generation: it counts the times
 * that the store was opened (../folder-lock.ts), so that what an ousted process still writes is never read. N counts the logs of a
 * generation. A snapshot gets its name only when it is complete and durable.
 */
import { type FileHandle, open, readdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { OperationalError } from "../../../ports/errors.js";
import { decodeLines, encodeLine } from "../line.js";
import { syncFolder } from "../sync-folder.js";
import { applyEntry, type Entry, emptyState, type State } from "./state.js";

const FORMAT = "headroom-store";
const VERSION = 1;
/** Records per line of a snapshot: large enough to be quick, small enough that a line fits into memory many times. */
const RECORDS_PER_LINE = 500;

export interface FileName {
  readonly kind: "snapshot" | "log";
  readonly generation: number;
  readonly number: number;
}

const NAME = /^(snapshot|log)-(\d{8,})-(\d{6,})$/;

export const nameOf = ({ kind, generation, number }: FileName): string =>
  `${kind}-${String(generation).padStart(8, "0")}-${String(number).padStart(6, "0")}`;

/** The store's files in `folder`, in no order; others are left out. */
export async function listFiles(folder: string): Promise<readonly FileName[]> {
  return (await readdir(folder)).flatMap((name) => {
    const match = NAME.exec(name);
    if (!match) return [];
    return [{ kind: match[1] as FileName["kind"], generation: Number(match[2]), number: Number(match[3]) }];
  });
}

export const newestGeneration = async (folder: string): Promise<number> =>
  Math.max(0, ...(await listFiles(folder)).map(({ generation }) => generation));

interface SnapshotHead {
  readonly format: string;
  readonly version: number;
  readonly revision: number;
  readonly epoch: number;
  readonly records: number;
  readonly leases: readonly (readonly [string, number])[];
}

/** Writes the state as the snapshot of this name; resolves when it would survive a power cut. Gives its size in bytes. */
export async function writeSnapshot(folder: string, name: FileName, state: State): Promise<number> {
  const path = join(folder, nameOf(name));
  const file = await open(`${path}.new`, "w", 0o600);
  let bytes = 0;
  const write = async (value: unknown): Promise<void> => {
    const line = encodeLine(value);
    await file.appendFile(line);
    bytes += line.length;
  };
  try {
    const { revision, epoch, records } = state;
    const leases = [...state.leases];
    await write({
      format: FORMAT,
      version: VERSION,
      revision,
      epoch,
      records: records.size,
      leases,
    } satisfies SnapshotHead);
    const rows = [...records.values()];
    for (let i = 0; i < rows.length; i += RECORDS_PER_LINE) {
      await write(rows.slice(i, i + RECORDS_PER_LINE).map((row) => [row.key, row.value, row.revision]));
    }
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(`${path}.new`, path);
  await syncFolder(folder);
  return bytes;
}

export async function createLog(folder: string, name: FileName): Promise<FileHandle> {
  const file = await open(join(folder, nameOf(name)), "wx", 0o600);
  await syncFolder(folder);
  return file;
}

/** Deletes what is older than the snapshot of this name: it is not needed any more. */
export async function deleteOlder(folder: string, than: FileName): Promise<void> {
  for (const file of await listFiles(folder)) {
    const older = file.generation < than.generation;
    if (older || (file.generation === than.generation && file.number < than.number)) {
      await rm(join(folder, nameOf(file)), { force: true });
    }
  }
  for (const name of await readdir(folder)) {
    // A snapshot that a crash interrupted; those of this generation may be under way.
    const match = NAME.exec(name.replace(/\.new$/, ""));
    const left = match !== null && name.endsWith(".new") && Number(match[2]) < than.generation;
    if (left) await rm(join(folder, name), { force: true });
  }
}

export interface Recovered {
  readonly state: State;
  /** Bytes that a crash left at the end of the last log, and that belong to no acknowledged commit. */
  readonly tornBytes: number;
}

const corrupt = (path: string, what: string): OperationalError =>
  new OperationalError("state-corrupt", `the cluster's store cannot be read: ${path} ${what}`, false);

/** The state that the files hold. Throws `state-corrupt` where something that was acknowledged is damaged. */
export async function recover(folder: string): Promise<Recovered> {
  const files = await listFiles(folder);
  const order = (a: FileName, b: FileName): number => a.generation - b.generation || a.number - b.number;
  const snapshot = files
    .filter(({ kind }) => kind === "snapshot")
    .sort(order)
    .at(-1);
  const logs = files.filter(({ kind }) => kind === "log").sort(order);
  if (snapshot === undefined) {
    // Every opening writes its snapshot before its log.
    if (logs.length > 0) throw corrupt(folder, "has logs and no snapshot");
    return { state: emptyState(), tornBytes: 0 };
  }
  const state = await readSnapshot(join(folder, nameOf(snapshot)));
  const wanted = logs.filter((log) => log.generation === snapshot.generation && log.number >= snapshot.number);
  let tornBytes = 0;
  for (const [index, log] of wanted.entries()) {
    const path = join(folder, nameOf(log));
    if (log.number !== snapshot.number + index) throw corrupt(path, "follows a log that is missing");
    tornBytes = await replayLog(path, state);
    if (tornBytes > 0 && index < wanted.length - 1) throw corrupt(path, "ends in a broken line, and others follow it");
  }
  return { state, tornBytes };
}

async function readSnapshot(path: string): Promise<State> {
  const bytes = await readFile(path);
  const { values, wholeBytes } = decodeLines(bytes);
  const head = values[0] as SnapshotHead | undefined;
  if (wholeBytes !== bytes.length || head === undefined) throw corrupt(path, `is broken at byte ${wholeBytes}`);
  if (head.format !== FORMAT || head.version !== VERSION) {
    throw corrupt(path, `is of format ${head.format} ${head.version}; this program reads ${FORMAT} ${VERSION}`);
  }
  const state = emptyState();
  state.revision = head.revision;
  state.epoch = head.epoch;
  for (const [host, period] of head.leases) state.leases.set(host, period);
  for (const line of values.slice(1) as (readonly [string, string, number])[][]) {
    for (const [key, value, revision] of line) state.records.set(key, { key, value, revision });
  }
  if (state.records.size !== head.records) {
    throw corrupt(path, `has ${state.records.size} records and says that it has ${head.records}`);
  }
  return state;
}

/** Gives the bytes of the torn end. */
async function replayLog(path: string, state: State): Promise<number> {
  const bytes = await readFile(path);
  const { values, wholeBytes, damagedAt } = decodeLines(bytes);
  if (damagedAt !== null) throw corrupt(path, `is damaged at byte ${damagedAt}, and whole lines follow`);
  for (const entry of (values as (readonly Entry[])[]).flat()) {
    const follows = !("r" in entry) || entry.r === state.revision + 1;
    if (!follows) throw corrupt(path, `lacks commits between revisions ${state.revision} and ${entry.r}`);
    applyEntry(state, entry);
  }
  return bytes.length - wholeBytes;
}
