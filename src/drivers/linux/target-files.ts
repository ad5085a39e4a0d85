/**
 * Files of endpoints by name, or by a pattern with `*` in the last part of its path, as Prometheus' file_sd takes them. A file that is
 * not there is none; a folder that cannot be read is a failure, as nobody knows then what is in it.
 */
import { readdir, readFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { OperationalError } from "../../ports/errors.js";

export interface ReadFile {
  readonly path: string;
  readonly text: string;
}

/** Each file once, in order of their paths. Throws `bad-input-file`. */
export async function readMatching(patterns: readonly string[]): Promise<readonly ReadFile[]> {
  try {
    const paths = new Set((await Promise.all(patterns.map(matching))).flat());
    const files = await Promise.all([...paths].sort().map(readIfThere));
    return files.filter((file) => file !== null);
  } catch (cause) {
    throw new OperationalError("bad-input-file", (cause as Error).message, true, { cause });
  }
}

async function matching(pattern: string): Promise<readonly string[]> {
  const [folder, name] = [dirname(pattern), basename(pattern)];
  if (!name.includes("*")) return [pattern];
  const parts = name.split("*").map((part) => part.replace(/[.+?^${}()|[\]\\]/g, "\\$&"));
  const wanted = new RegExp(`^${parts.join(".*")}$`);
  return (await readdir(folder)).filter((one) => wanted.test(one)).map((one) => join(folder, one));
}

async function readIfThere(path: string): Promise<ReadFile | null> {
  try {
    return { path, text: await readFile(path, "utf8") };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
}
