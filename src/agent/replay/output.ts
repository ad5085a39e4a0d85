/** A text file that is written as it grows, in large pieces, and never kept. Bytes as they come: Latin-1 or UTF-8. */

import { once } from "node:events";
import { createWriteStream, type WriteStream } from "node:fs";
import { finished } from "node:stream/promises";
import { OperationalError } from "../../ports/errors.js";

/** Small enough to stay in the cache, large enough that writes do not count. */
const PIECE_CHARS = 1 << 18;

export class TextOutput {
  #pending = "";
  readonly #stream: WriteStream;
  #failure: Error | null = null;

  constructor(
    readonly path: string,
    private readonly encoding: "utf8" | "latin1",
  ) {
    this.#stream = createWriteStream(path);
    this.#stream.on("error", (error) => {
      this.#failure ??= error;
    });
  }

  write(text: string): void {
    this.#pending += text;
  }

  /** Hands over what is waiting once it is worth a write; resolves when there is room again. */
  async drain(): Promise<void> {
    if (this.#pending.length >= PIECE_CHARS) await this.#flush();
  }

  async end(): Promise<void> {
    await this.#flush();
    this.#stream.end();
    try {
      await finished(this.#stream);
    } catch (error) {
      throw this.#unwritten(error);
    }
  }

  /** After a failure elsewhere: lets go of the file. */
  abandon(): void {
    this.#stream.destroy();
  }

  async #flush(): Promise<void> {
    const text = this.#pending;
    this.#pending = "";
    if (this.#failure !== null) throw this.#unwritten(this.#failure);
    if (text === "" || this.#stream.write(text, this.encoding)) return;
    try {
      await once(this.#stream, "drain");
    } catch (error) {
      throw this.#unwritten(error);
    }
  }

  #unwritten(cause: unknown): OperationalError {
    const why = cause instanceof Error ? cause.message : String(cause);
    return new OperationalError("state-not-written", `${this.path}: cannot be written: ${why}`, false, { cause });
  }
}
