/** Files of a report. A file is whole, or the old one stands. Written in place: nothing else is to be done meanwhile. */
import { renameSync, writeFileSync } from "node:fs";
import { OperationalError } from "../ports/errors.js";

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Throws `OperationalError` (state-not-written). */
export function writeWhole(path: string, content: string | Uint8Array): void {
  try {
    writeFileSync(`${path}.new`, content);
    renameSync(`${path}.new`, path);
  } catch (cause) {
    throw new OperationalError("state-not-written", `${path}: cannot be written: ${messageOf(cause)}`, true, { cause });
  }
}

/** After a figure: its pixels are not V8's, and given back between turns of the event loop only. */
export const letGo = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
