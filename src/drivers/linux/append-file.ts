/**
 * AppendFile on a real file. Writes one piece at a time; what arrives meanwhile goes out together as the next piece. A line
 * that a crash left incomplete is cut off when the file is opened again, so that a reader never meets half a record.
 */
import { type FileHandle, open } from "node:fs/promises";
import type { AppendFile } from "../../ports/append-file.js";
import { OperationalError } from "../../ports/errors.js";

/** How much may wait for a disk that does not keep up before it counts as failed: hours of records of a large host. */
const MOST_WAITING_CHARS = 64 * 1024 * 1024;
const CHUNK_BYTES = 64 * 1024;
const NEWLINE = 0x0a;

/** Opens or creates `path`. Throws `state-not-written`, or `bad-settings` when it is something other than lines of text. */
export async function openAppendFile(path: string): Promise<AppendFile> {
  let file: FileHandle | undefined;
  try {
    // Reads are positioned; with O_APPEND the kernel finds the end of the file at each write.
    file = await open(path, "a+", 0o640);
    const size = await cutIncompleteLine(file, path);
    return new QueuedFile(file, path, size === 0);
  } catch (error) {
    await file?.close();
    throw error instanceof OperationalError ? error : notWritten(path, error);
  }
}

/** Cuts what follows the last line end; gives the size left. */
async function cutIncompleteLine(file: FileHandle, path: string): Promise<number> {
  const { size } = await file.stat();
  const buffer = Buffer.alloc(CHUNK_BYTES);
  for (let end = size; end > 0; ) {
    const start = Math.max(0, end - CHUNK_BYTES);
    const { bytesRead } = await file.read(buffer, 0, end - start, start);
    const newline = buffer.subarray(0, bytesRead).lastIndexOf(NEWLINE);
    if (newline >= 0) {
      const kept = start + newline + 1;
      if (kept < size) await file.truncate(kept);
      return kept;
    }
    end = start;
  }
  if (size > 0) {
    const message = `${path} has no line end in its ${size} bytes: not a record to append to; name another file`;
    throw new OperationalError("bad-settings", message, false);
  }
  return 0;
}

class QueuedFile implements AppendFile {
  readonly startedEmpty: boolean;
  readonly #file: FileHandle;
  readonly #path: string;
  #waiting: string[] = [];
  #waitingChars = 0;
  #writing: Promise<void> | null = null;
  #failure: OperationalError | null = null;
  #closing: Promise<void> | null = null;

  constructor(file: FileHandle, path: string, startedEmpty: boolean) {
    this.#file = file;
    this.#path = path;
    this.startedEmpty = startedEmpty;
  }

  append(text: string): void {
    if (this.#failure) throw this.#failure;
    if (this.#closing) throw notWritten(this.#path, new Error("the file is closed"));
    this.#waiting.push(text);
    this.#waitingChars += text.length;
    if (this.#waitingChars > MOST_WAITING_CHARS) {
      this.#failure = notWritten(this.#path, new Error("the disk does not keep up"));
      throw this.#failure;
    }
    this.#writing ??= this.#writeWaiting();
  }

  async flush(): Promise<void> {
    await this.#writing;
    if (this.#failure) throw this.#failure;
  }

  close(): Promise<void> {
    this.#closing ??= this.#finish();
    return this.#closing;
  }

  async #finish(): Promise<void> {
    try {
      await this.flush();
    } finally {
      await this.#file.close();
    }
  }

  /** Never rejects: a failure is kept, for whoever appends, flushes or closes next. */
  async #writeWaiting(): Promise<void> {
    try {
      while (this.#waiting.length > 0 && !this.#failure) {
        const text = this.#waiting.join("");
        this.#waiting = [];
        this.#waitingChars = 0;
        await this.#file.appendFile(text);
      }
    } catch (error) {
      this.#failure = notWritten(this.#path, error);
    } finally {
      this.#writing = null;
    }
  }
}

function notWritten(path: string, cause: unknown): OperationalError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new OperationalError("state-not-written", `cannot append to ${path}: ${why}`, false, { cause });
}
