/**
 * DurableText on a real file, by the only sequence that POSIX lets one rely on: write a new file beside the old one, fsync
 * it, rename it over the old one, fsync the folder (Pillai et al., "All File Systems Are Not Created Equal", OSDI 2014).
 * A file `NAME.new` that a crash left behind was never the state: it is not read, and the next write replaces it.
 * What is written every few seconds and worth nothing after a power cut leaves the fsyncs out.
 */
import { appendFile, open, readFile, rename } from "node:fs/promises";
import { dirname } from "node:path";
import { OperationalError } from "../../ports/errors.js";
import type { DurableText, GrowingText } from "../../ports/host.js";
import { makeFolder } from "./make-folder.js";

export const durableText = (path: string): DurableText => textAt(path, true);

/** As `durableText`, but after a power cut the file may hold anything: for what tells by itself whether it is whole. */
export function processText(path: string): GrowingText {
  const { read, write } = textAt(path, false);
  return {
    read,
    write,
    async append(text) {
      try {
        await appendFile(path, text, { mode: 0o600 });
      } catch (cause) {
        throw new OperationalError("state-not-written", `cannot add to ${path}: ${messageOf(cause)}`, true, { cause });
      }
    },
  };
}

/** Writes of one value follow one another; two values must not share a path. */
function textAt(path: string, isSynced: boolean): DurableText {
  let last: Promise<void> = Promise.resolve();
  return {
    read: () => readText(path),
    write(text) {
      const next = last.then(() => replaceText(path, text, isSynced));
      last = next.then(
        () => undefined,
        () => undefined, // its own caller has been told; the next write is not to blame
      );
      return next;
    },
  };
}

async function readText(path: string): Promise<string | null> {
  try {
    const bytes = await readFile(path);
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && cause.code === "ENOENT") return null;
    throw new OperationalError("state-corrupt", `cannot read ${path}: ${messageOf(cause)}`, false, { cause });
  }
}

async function replaceText(path: string, text: string, isSynced: boolean): Promise<void> {
  const folder = dirname(path);
  const fresh = `${path}.new`;
  try {
    await makeFolder(folder, 0o750);
    await writeNew(fresh, text, isSynced);
    await rename(fresh, path);
    if (isSynced) await syncFolder(folder);
  } catch (cause) {
    throw new OperationalError("state-not-written", `cannot write ${path}: ${messageOf(cause)}`, true, { cause });
  }
}

async function writeNew(path: string, text: string, isSynced: boolean): Promise<void> {
  const file = await open(path, "w", 0o600);
  try {
    await file.writeFile(text);
    if (isSynced) await file.sync();
  } finally {
    await file.close();
  }
}

/** The rename itself is lost in a power cut until its folder is on disk. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

const messageOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause));
