/**
 * A trace file as a stream of bytes with whole lines: plain, gzip or Zstandard, told by the first bytes rather than by the
 * name. Where bytes become text they are taken for Latin-1, so that they pass through unchanged; names are decoded where
 * they are used.
 */
import { closeSync, createReadStream, fstatSync, openSync, promises, readSync } from "node:fs";
import { OperationalError } from "../ports/errors.js";

/** One read: large enough that per-chunk costs vanish, small enough that several fit into a cache-friendly footprint. */
const CHUNK_BYTES = 1 << 18;
const NEWLINE = 10;
/** A line longer than this is no trace but a binary or endless file. The seeds' widest `sb_dsc` is some 100 KiB. */
const MAX_LINE_BYTES = 1 << 26;

type Compression = "none" | "gzip" | "zstd";

/** In place, as waiting for so little costs more: a pool of threads would be started for it. */
function compressionOf(path: string): Compression {
  const file = openSync(path, "r");
  try {
    if (!fstatSync(file).isFile())
      throw new OperationalError(
        "bad-input-file",
        `${path}: not a file: a trace is read twice, and cannot be piped`,
        false,
      );
    const magic = Buffer.alloc(4);
    const bytesRead = readSync(file, magic, 0, 4, 0);
    if (bytesRead >= 2 && magic[0] === 0x1f && magic[1] === 0x8b) return "gzip";
    if (bytesRead === 4 && magic.readUInt32LE(0) === 0xfd2fb528) return "zstd";
    return "none";
  } finally {
    closeSync(file);
  }
}

async function* zstdChunks(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  // Seldom needed, and a start counts.
  const { Decompress } = await import("fzstd");
  let ready: Buffer[] = [];
  const decoder = new Decompress((data) => {
    // fzstd keeps writing into its window: what it hands out must be copied.
    ready.push(Buffer.from(data));
  });
  const take = (): Buffer[] => {
    const taken = ready;
    ready = [];
    return taken;
  };
  for await (const chunk of source) {
    decoder.push(chunk);
    yield* take();
  }
  decoder.push(new Uint8Array(0), true);
  yield* take();
}

/** Told how many bytes of the file, as it lies there, were read so far. */
export type ReadProgress = (bytes: number) => void;

async function* unpackedChunks(
  path: string,
  compression: "gzip" | "zstd",
  progress?: ReadProgress,
): AsyncGenerator<Buffer> {
  const file = createReadStream(path, { highWaterMark: CHUNK_BYTES });
  if (progress !== undefined) file.on("data", () => progress(file.bytesRead));
  if (compression === "zstd") return yield* zstdChunks(file);
  const { createGunzip } = await import("node:zlib");
  const unzipped = createGunzip({ chunkSize: CHUNK_BYTES });
  file.on("error", (error) => unzipped.destroy(error));
  yield* file.pipe(unzipped) as AsyncIterable<Buffer>;
}

const isSystemError = (error: unknown): error is NodeJS.ErrnoException => error instanceof Error && "code" in error;

function unreadable(path: string, error: unknown): OperationalError {
  if (error instanceof OperationalError) return error;
  const why = error instanceof Error ? error.message : String(error);
  const missing = isSystemError(error) && error.code === "ENOENT";
  const message = missing ? `${path}: no such file` : `${path}: cannot be read: ${why}`;
  return new OperationalError("bad-input-file", message, false, { cause: error });
}

function tooLong(path: string): OperationalError {
  const message = `${path}: a line is longer than ${MAX_LINE_BYTES} bytes: this is no trace`;
  return new OperationalError("bad-input-file", message, false);
}

/** Always the same memory, unless a line is longer: fresh buffers would cost more than reading. */
async function* plainPieces(path: string): AsyncGenerator<Buffer> {
  const file = await promises.open(path, "r");
  try {
    let buffer = Buffer.allocUnsafe(CHUNK_BYTES);
    let filled = 0;
    for (;;) {
      const { bytesRead } = await file.read(buffer, filled, buffer.length - filled);
      if (bytesRead === 0) break;
      const end = buffer.lastIndexOf(NEWLINE, filled + bytesRead - 1) + 1;
      filled += bytesRead;
      if (end > 0) {
        yield buffer.subarray(0, end);
        buffer.copyWithin(0, end, filled);
        filled -= end;
      }
      if (filled > MAX_LINE_BYTES) throw tooLong(path);
      if (filled === buffer.length) buffer = Buffer.concat([buffer, Buffer.allocUnsafe(buffer.length)]);
    }
    if (filled > 0) yield buffer.subarray(0, filled);
  } finally {
    await file.close();
  }
}

async function* unpackedPieces(path: string, chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let carry: Buffer[] = [];
  let carried = 0;
  for await (const chunk of chunks) {
    const end = chunk.lastIndexOf(NEWLINE) + 1;
    if (end > 0) {
      const whole = chunk.subarray(0, end);
      yield carried === 0 ? whole : Buffer.concat([...carry, whole]);
      carry = [];
      carried = 0;
    }
    if (end < chunk.length) {
      carry.push(chunk.subarray(end));
      carried += chunk.length - end;
    }
    if (carried > MAX_LINE_BYTES) throw tooLong(path);
  }
  if (carried > 0) yield Buffer.concat(carry);
}

/**
 * Pieces of the file that each end with a line end, except the last one where the file does not. A piece is the caller's
 * until it asks for the next one. Throws `OperationalError` (bad-input-file) where the file is missing, unreadable or broken
 * in its compression.
 */
export async function* linePieces(path: string): AsyncGenerator<Buffer> {
  try {
    const compression = compressionOf(path);
    if (compression === "none") yield* plainPieces(path);
    else yield* unpackedPieces(path, unpackedChunks(path, compression));
  } catch (error) {
    throw unreadable(path, error);
  }
}

/** Reads in place: for one reader of one file, waiting for each piece costs more than reading it. */
function* plainChunks(path: string, progress?: ReadProgress): Generator<Buffer> {
  const file = openSync(path, "r");
  try {
    const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
    for (let total = 0; ; ) {
      const read = readSync(file, buffer);
      if (read === 0) return;
      total += read;
      progress?.(total);
      yield buffer.subarray(0, read);
    }
  } finally {
    closeSync(file);
  }
}

/**
 * The file's bytes as they come, unpacked, for formats that have no lines. A piece is the caller's until it asks for the next
 * one. Throws as `linePieces` does.
 */
export async function* bytePieces(path: string, progress?: ReadProgress): AsyncGenerator<Buffer> {
  try {
    const compression = compressionOf(path);
    if (compression === "none") yield* plainChunks(path, progress);
    else yield* unpackedChunks(path, compression, progress);
  } catch (error) {
    throw unreadable(path, error);
  }
}

/** Latin-1 text as it is meant: UTF-8. */
export const decodeText = (latin1: string): string => {
  for (let i = 0; i < latin1.length; i++)
    if (latin1.charCodeAt(i) > 127) return Buffer.from(latin1, "latin1").toString("utf8");
  return latin1;
};
