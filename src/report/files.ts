/** Files of a report. A file is whole, or the old one stands. */
import { mkdir, rename, writeFile } from "node:fs/promises";
import { OperationalError } from "../ports/errors.js";

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Makes the folder. Throws `OperationalError` (state-not-written). */
export async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
  } catch (cause) {
    throw new OperationalError("state-not-written", `${folder}: cannot be made: ${messageOf(cause)}`, false, { cause });
  }
}

/** Throws `OperationalError` (state-not-written). */
export async function writeWhole(path: string, content: string | Uint8Array): Promise<void> {
  try {
    await writeFile(`${path}.new`, content);
    await rename(`${path}.new`, path);
  } catch (cause) {
    throw new OperationalError("state-not-written", `${path}: cannot be written: ${messageOf(cause)}`, true, { cause });
  }
}
