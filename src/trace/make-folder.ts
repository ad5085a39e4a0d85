/**
 * Makes a folder for files that a command writes, and what is missing above it. Not by Node's own `recursive`, for the reason that
 * src/drivers/linux/make-folder.ts gives; at once, as commands have nothing else to do meanwhile.
 */
import { mkdirSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { OperationalError } from "../ports/errors.js";

/** Throws `OperationalError` (state-not-written). */
export function makeFolder(folder: string): void {
  try {
    makeWithAbove(folder);
  } catch (cause) {
    const message = `${folder}: cannot be made: ${(cause as Error).message}`;
    throw new OperationalError("state-not-written", message, false, { cause });
  }
}

/** Throws what the kernel said. */
function makeWithAbove(folder: string): void {
  if (tryToMake(folder)) return;
  makeWithAbove(dirname(folder));
  if (!tryToMake(folder)) mkdirSync(folder);
}

/** False: what it lies in is missing. */
function tryToMake(folder: string): boolean {
  try {
    mkdirSync(folder);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" && dirname(folder) !== folder) return false;
    if (code !== "EEXIST" || !statSync(folder).isDirectory()) throw error;
    return true;
  }
}
