/** Files that samples move to and from, told by their names: lines of JSON, Parquet, and the estimator's trace. */
import { createWriteStream } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { OperationalError } from "../../ports/errors.js";
import { UsageError } from "../exit.js";

export const FORMATS = ["lines", "parquet", "estimator"] as const;
export type SampleFormat = (typeof FORMATS)[number];

/** The standard streams. */
export const STANDARD = "-";

const ENDINGS: readonly (readonly [RegExp, SampleFormat])[] = [
  [/\.(?:jsonl|ndjson)(?:\.gz|\.zst)?$/, "lines"],
  [/\.parquet$/, "parquet"],
  [/\.json(?:\.gz|\.zst)?$/, "estimator"],
];

export function formatOf(path: string, named: SampleFormat | undefined): SampleFormat {
  const format = named ?? (path === STANDARD ? "lines" : ENDINGS.find(([ending]) => ending.test(path))?.[1]);
  if (format !== undefined) return format;
  throw new UsageError(
    `${path}: the name does not say what it is: .jsonl (samples), .parquet, .json (the estimator's trace), .gz behind; or say --format`,
  );
}

interface Output {
  write(text: string): unknown;
}

/** Pieces of text to a file, or to `stdout`; packed where the name ends in .gz. The file has its name when it is whole. */
export async function writeText(path: string, pieces: AsyncIterable<string>, stdout: Output): Promise<void> {
  if (path === STANDARD) {
    for await (const piece of pieces) if (stdout.write(piece) === false) await drained(stdout);
    return;
  }
  const fresh = `${path}.new`;
  const text = Readable.from(pieces, { objectMode: false });
  try {
    const file = createWriteStream(fresh);
    await (path.endsWith(".gz") ? pipeline(text, createGzip(), file) : pipeline(text, file));
    await rename(fresh, path);
  } catch (cause) {
    await rm(fresh, { force: true });
    if (cause instanceof OperationalError || !(cause instanceof Error && "code" in cause)) throw cause;
    throw new OperationalError("state-not-written", `${path} cannot be written: ${cause.message}`, false, { cause });
  }
}

async function drained(stdout: Output): Promise<void> {
  if ("once" in stdout && typeof stdout.once === "function")
    await new Promise<void>((resolve) => (stdout as NodeJS.WritableStream).once("drain", resolve));
}
