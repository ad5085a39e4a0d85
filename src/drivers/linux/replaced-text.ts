/**
 * A file that others read while it is replaced: they see the old text or the new one. Written beside it and renamed, readable by
 * all, under a name that node_exporter's textfile collector passes over. Not kept through a power cut: see durable-text.ts.
 */
import { chmod, rename, rm, writeFile } from "node:fs/promises";
import { OperationalError } from "../../ports/errors.js";

export interface ReplacedText {
  /** One after the other. Throws `state-not-written`. */
  write(text: string): Promise<void>;
  /** No error when there is none. */
  remove(): Promise<void>;
}

const READABLE = 0o644;

export function replacedText(path: string): ReplacedText {
  const fresh = `${path}.new`;
  return {
    async write(text) {
      try {
        await writeFile(fresh, text, { mode: READABLE });
        // The process's mask may have taken something of it.
        await chmod(fresh, READABLE);
        await rename(fresh, path);
      } catch (cause) {
        const message = `cannot write ${path}: ${(cause as Error).message}`;
        throw new OperationalError("state-not-written", message, true, { cause });
      }
    },
    remove: () => rm(path, { force: true }),
  };
}
