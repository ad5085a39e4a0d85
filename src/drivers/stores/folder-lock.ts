/**
 * One process at a time: the file `lock-G` belongs to the process that opened the store for the G-th time. It is made with
 * link(2), which gives one of several processes the number and the others an error, so that there is no moment between
 * looking and taking. Node has no flock(2); and a lock that the kernel holds would not tell who holds it.
 *
 * A holder that died (no such process, or another one under its number, or the machine was booted since) is replaced at
 * once. Where that cannot be known (another container, another machine on shared storage), the holder's sign of life
 * decides: it touches its file every few seconds. Should that judgement ever be wrong (a holder frozen for long), nothing
 * is lost either: who takes over deletes the old holder's file before it reads the data, and the holder looks for its file
 * after each write and before it acknowledges (`isHeld`). What it acknowledged has then been read, and what it writes later
 * goes to files that nobody reads.
 */
import { randomUUID } from "node:crypto";
import { access, link, readdir, readFile, readlink, rm, stat, utimes, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { milliseconds } from "../../core/units.js";
import type { Clock } from "../../ports/clock.js";
import { OperationalError } from "../../ports/errors.js";
import { makeFolder } from "../linux/make-folder.js";
import { syncFolder } from "./sync-folder.js";

/** Also the longest that a restart in a new container waits for the old one's lock, three times over. */
const TOUCH_MS = 2_000;
const MISSED_TOUCHES = 3;

const NAME = /^lock-(\d{8,})$/;
const nameOf = (generation: number): string => `lock-${String(generation).padStart(8, "0")}`;

export interface Holder {
  readonly pid: number;
  /** Start time of the process in clock ticks since boot; null where /proc does not say. */
  readonly started: string | null;
  readonly bootId: string | null;
  /** Identity of the PID namespace: process numbers mean the same only within one. */
  readonly pidNamespace: string | null;
  readonly machine: string | null;
  readonly hostname: string;
}

export interface FolderLock {
  readonly generation: number;
  /** False once another process has taken the store over. */
  isHeld(): Promise<boolean>;
  release(): Promise<void>;
}

const orNull = async (read: Promise<string>): Promise<string | null> => {
  try {
    return (await read).trim();
  } catch (error) {
    if (error instanceof Error && "code" in error) return null; // not Linux, or a sealed container: unknown
    throw error;
  }
};

/** Field 22 of /proc/PID/stat, counted behind the name, which may contain spaces and parentheses. Null: unknown. */
async function startOf(pid: number): Promise<string | null> {
  const text = await orNull(readFile(`/proc/${pid}/stat`, "utf8"));
  return text?.slice(text.lastIndexOf(")") + 2).split(" ")[19] ?? null;
}

async function describeSelf(): Promise<Holder> {
  return {
    pid: process.pid,
    started: await startOf(process.pid),
    bootId: await orNull(readFile("/proc/sys/kernel/random/boot_id", "utf8")),
    pidNamespace: await orNull(readlink("/proc/self/ns/pid")),
    machine: await orNull(readFile("/etc/machine-id", "utf8")),
    hostname: hostname(),
  };
}

function processExists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== "ESRCH";
  }
}

/** Whether the holder of a lock still runs, judged from this process. */
export async function judge(holder: Holder, self: Holder): Promise<"alive" | "dead" | "unknown"> {
  const sameBoot = holder.bootId !== null && holder.bootId === self.bootId;
  const sameMachine = holder.machine !== null && holder.machine !== "" && holder.machine === self.machine;
  if (!sameBoot) return sameMachine && holder.bootId !== null && self.bootId !== null ? "dead" : "unknown";
  if (holder.pidNamespace !== self.pidNamespace) return "unknown";
  if (!processExists(holder.pid)) return "dead";
  const started = await startOf(holder.pid);
  return started !== null && holder.started !== null && started !== holder.started ? "dead" : "alive";
}

/** Null: the lock is gone meanwhile. */
async function readHolder(path: string): Promise<Holder | null> {
  const text = await orNull(readFile(path, "utf8"));
  if (text === null) return null;
  try {
    return JSON.parse(text) as Holder;
  } catch (cause) {
    throw new OperationalError("state-corrupt", `the lock ${path} is no JSON; delete it if nobody runs here`, false, {
      cause,
    });
  }
}

/** What is locked, in the folder. */
export interface Locked {
  readonly folder: string;
  /** In words: the cluster's store. */
  readonly name: string;
  /** What to do about another holder: stop that scheduler first. */
  readonly remedy: string;
  /** The highest generation among the files of the store; 0 where there are none. */
  newestGeneration(): Promise<number>;
}

const lockedBy = ({ folder, name, remedy }: Locked, { pid, hostname: host }: Holder): OperationalError =>
  new OperationalError("store-locked", `${name} ${folder} is in use by process ${pid} on ${host}: ${remedy}`, true);

async function touchedAt(path: string): Promise<number | null> {
  try {
    return (await stat(path)).mtimeMs;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
}

/** Throws `store-locked` when the holder shows a sign of life. Returns when there is none, or the lock is gone. */
async function waitForSilence(locked: Locked, path: string, holder: Holder, clock: Clock): Promise<void> {
  const before = await touchedAt(path);
  for (let i = 0; i <= MISSED_TOUCHES && before !== null; i++) {
    await clock.sleep(milliseconds(TOUCH_MS));
    const now = await touchedAt(path);
    if (now === null) return;
    if (now !== before) throw lockedBy(locked, holder);
  }
}

async function generations(locked: Locked): Promise<{ locks: readonly number[]; newest: number }> {
  const locks = (await readdir(locked.folder)).flatMap((name) => NAME.exec(name)?.slice(1).map(Number) ?? []);
  return { locks, newest: Math.max(await locked.newestGeneration(), ...locks) };
}

/** False: another process was quicker. */
async function take(folder: string, generation: number, self: Holder): Promise<boolean> {
  const own = join(folder, `lock-new-${randomUUID()}`);
  await writeFile(own, JSON.stringify(self), { mode: 0o600, flush: true });
  try {
    await link(own, join(folder, nameOf(generation)));
    await syncFolder(folder);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  } finally {
    await rm(own, { force: true });
  }
}

/**
 * Waits for nobody: throws `store-locked` when another process holds the folder, `state-not-written` where nothing can be written there. Creates
 * the folder.
 */
export async function lockFolder(locked: Locked, clock: Clock): Promise<FolderLock> {
  try {
    return await lockMade(locked, clock);
  } catch (cause) {
    if (!(cause instanceof Error) || !("syscall" in cause)) throw cause;
    const message = `${locked.name} ${locked.folder} cannot be used: ${cause.message}`;
    throw new OperationalError("state-not-written", message, false, { cause });
  }
}

async function lockMade(locked: Locked, clock: Clock): Promise<FolderLock> {
  const { folder } = locked;
  await makeFolder(folder, 0o750);
  const self = await describeSelf();
  for (;;) {
    const { locks, newest } = await generations(locked);
    for (const generation of locks) {
      const path = join(folder, nameOf(generation));
      const holder = await readHolder(path);
      const state = holder === null ? "dead" : await judge(holder, self);
      if (holder !== null && state === "alive") throw lockedBy(locked, holder);
      if (holder !== null && state === "unknown") await waitForSilence(locked, path, holder, clock);
    }
    const generation = newest + 1;
    if (!(await take(folder, generation, self))) continue;
    // Somebody may have come and gone between the look and the link.
    const now = await generations(locked);
    if (now.newest === generation && now.locks.every((other) => other === generation || locks.includes(other))) {
      for (const old of locks) await rm(join(folder, nameOf(old)), { force: true });
      await syncFolder(folder);
      return holdLock(join(folder, nameOf(generation)), generation);
    }
    await rm(join(folder, nameOf(generation)), { force: true });
  }
}

function holdLock(path: string, generation: number): FolderLock {
  const touch = (): void => {
    const now = new Date();
    // A lock that is gone belongs to somebody else now: the next commit finds out.
    utimes(path, now, now).catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") clearInterval(timer);
    });
  };
  const timer = setInterval(touch, TOUCH_MS);
  timer.unref();
  return {
    generation,
    async isHeld() {
      try {
        await access(path);
        return true;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
        throw error;
      }
    },
    async release() {
      clearInterval(timer);
      await rm(path, { force: true });
    },
  };
}
