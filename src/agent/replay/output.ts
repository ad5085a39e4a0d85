/**
 * A text file that is written as it grows, in large pieces, and never kept. Bytes as they come: Latin-1 or UTF-8. In place: what is
 * written goes to the system's memory, and handing it to another thread costs more than that.
 */
import { closeSync, openSync, writeSync } from "node:fs";
import { OperationalError } from "../../ports/errors.js";

/** Small enough to stay in the cache, large enough that writes do not count. */
const PIECE_CHARS = 1 << 18;

export class TextOutput {
  #pending = "";
  #file: number | null = null;

  constructor(
    readonly path: string,
    private readonly encoding: "utf8" | "latin1",
  ) {}

  write(text: string): void {
    this.#pending += text;
  }

  /** Hands over what is waiting once it is worth a write. Throws `OperationalError` (state-not-written). */
  drain(): void {
    if (this.#pending.length >= PIECE_CHARS) this.#flush();
  }

  /** Throws `OperationalError` (state-not-written). */
  end(): void {
    this.#flush();
    this.abandon();
  }

  /** After a failure elsewhere: lets go of the file. */
  abandon(): void {
    if (this.#file !== null) closeSync(this.#file);
    this.#file = null;
  }

  #flush(): void {
    const bytes = Buffer.from(this.#pending, this.encoding);
    this.#pending = "";
    try {
      this.#file ??= openSync(this.path, "w");
      for (let at = 0; at < bytes.length; ) at += writeSync(this.#file, bytes, at);
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new OperationalError("state-not-written", `${this.path}: cannot be written: ${why}`, false, { cause });
    }
  }
}
