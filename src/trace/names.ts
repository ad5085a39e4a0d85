/**
 * Names repeat from window to window in the same order: the one that followed last time mostly follows again, and so does all
 * that stood between two lists. Comparing bytes then takes the place of reading them.
 */
import { startsWith } from "./bytes.js";

/** A name with its quotes, and what came after it. */
interface Name {
  readonly bytes: Buffer;
  readonly text: string;
  next: Name | null;
  /** What stood between the list of this name and the next one in the same object, that one's bracket included. */
  link: { readonly bytes: Buffer; readonly to: Name } | null;
}

/** Longer links hold more than a name: not worth comparing. */
const MOST_LINK_BYTES = 100;

export class Names {
  readonly #known = new Map<string, Name>();
  #last: Name | null = null;
  /** The list before: where it ended, and its name; -1: in bytes that are gone, or in another object. */
  #listEnd = -1;
  #listName: Name | null = null;

  /** The name read last. */
  get last(): string {
    return this.#last?.text ?? "";
  }

  /** The name, with its quotes, from `from` to `to`; `decode` is asked for its text where it is not the one expected. */
  read(bytes: Buffer, from: number, to: number, decode: () => string): string {
    const expected = this.#last?.next ?? null;
    if (expected !== null && to - from === expected.bytes.length && startsWith(bytes, from, expected.bytes)) {
      this.#last = expected;
      return expected.text;
    }
    const text = decode();
    const found = this.#known.get(text) ?? { bytes: copyOf(bytes, from, to), text, next: null, link: null };
    this.#known.set(text, found);
    if (this.#last !== null) this.#last.next = found;
    this.#last = found;
    return text;
  }

  /** A list of the name read last begins before `at`. */
  listBegins(bytes: Buffer, at: number): void {
    const from = this.#listEnd;
    if (from >= 0 && at - from <= MOST_LINK_BYTES)
      this.#listName!.link = { bytes: copyOf(bytes, from, at), to: this.#last! };
  }

  /** The list of the name read last ends before `at`. Where the next one follows as it did last time: behind its bracket; else `at`. */
  listEnds(bytes: Buffer, at: number, filled: number): number {
    const link = this.#last!.link;
    if (link !== null && at + link.bytes.length <= filled && startsWith(bytes, at, link.bytes)) {
      this.#last = link.to;
      return at + link.bytes.length;
    }
    this.#listEnd = at;
    this.#listName = this.#last;
    return at;
  }

  /** The bytes are gone, or another object begins. */
  forgetList(): void {
    this.#listEnd = -1;
  }
}

const copyOf = (bytes: Buffer, from: number, to: number): Buffer => Buffer.from(bytes.subarray(from, to));
