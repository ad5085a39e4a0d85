/**
 * Takes JSON apart as it comes, piece by piece, and never keeps more than a token: the traces of estimators are one value of
 * hundreds of MB. Lists of numbers, which are nearly all of it, go straight from bytes into the caller's arrays, and what
 * nobody asks for is passed over. Accepts what Python writes: NaN and infinities among numbers.
 */
import { OperationalError } from "../ports/errors.js";
import type { NumberList } from "./number-list.js";

/** What is to be done with a list or an object that begins. */
export type Reading = "walk" | "skip" | NumberList;

export interface JsonVisitor {
  open(kind: "object" | "list"): Reading;
  /** After the last member of what was walked, or the last number of a list. */
  close(): void;
  key(name: string): void;
  scalar(value: string | number | boolean | null): void;
  /** Where the scanner is, for messages: `node.raw_data[3].cpu_usage`. */
  where(): string;
}

const QUOTE = 34;
const COMMA = 44;
const COLON = 58;
const OPEN_LIST = 91;
const BACKSLASH = 92;
const CLOSE_LIST = 93;
const OPEN_OBJECT = 123;
const CLOSE_OBJECT = 125;
const MINUS = 45;
const DOT = 46;
const ZERO = 48;
const NINE = 57;
const SPACE = 32;

/** The longest token: a name. What is longer is no trace. */
const MAX_TOKEN_BYTES = 1 << 20;
/** Room for what is left over from piece to piece; grows where a name is longer. */
const SLACK_BYTES = 1 << 12;
/** A mantissa of so many digits is exact, and so is its quotient by a power of ten up to 10^22 (Clinger, 1990). */
const EXACT_DIGITS = 15;
const POWERS = Float64Array.from({ length: EXACT_DIGITS + 1 }, (_, i) => 10 ** i);

const WORDS: ReadonlyMap<string, boolean | null> = new Map([
  ["null", null],
  ["true", true],
  ["false", false],
]);
/** Python's words for what JSON has no number for. */
const NOT_FINITE: ReadonlySet<string> = new Set(["null", "NaN", "Infinity", "-Infinity"]);
const NUMBER = /^-?\d+(\.\d*)?([eE][+-]?\d+)?$/;

/** A name with its quotes, and the one that came after it. */
interface Name {
  readonly bytes: Buffer;
  readonly text: string;
  next: Name | null;
}

/** What may come next. */
type Expected = "value" | "value or end" | "key" | "key or end" | "colon" | "comma or end" | "nothing";

export class JsonScanner {
  readonly #open: ("object" | "list")[] = [];
  #expected: Expected = "value";
  #list: NumberList | null = null;
  /** Depth of what is passed over; 0: nothing is. */
  #skipping = 0;
  #isListSkipped = false;
  #inSkippedText = false;
  /** What is being read: what the piece before left over, and the piece. Always the same memory, unless a piece is larger. */
  #bytes: Buffer = Buffer.alloc(0);
  /** Bytes left over, at the start of `#bytes`. */
  #left = 0;
  /** Bytes before `#bytes`. */
  #consumed = 0;
  #filled = 0;
  #lastName: Name | null = null;
  readonly #names = new Map<string, Name>();
  /** End of what can be read safely: behind a byte that ends any number. */
  #limit = 0;
  /** Where the number or word read last ends. */
  #end = 0;

  constructor(
    private readonly path: string,
    private readonly visitor: JsonVisitor,
  ) {}

  /** `piece` is read at once and may be overwritten afterwards. */
  push(piece: Buffer): void {
    this.#filled = this.#left + piece.length;
    if (this.#bytes.length < this.#filled) {
      const larger = Buffer.allocUnsafe(this.#filled + SLACK_BYTES);
      this.#bytes.copy(larger, 0, 0, this.#left);
      this.#bytes = larger;
    }
    const bytes = this.#bytes;
    piece.copy(bytes, this.#left);
    const last = this.#filled - 1;
    this.#limit =
      1 +
      Math.max(
        bytes.lastIndexOf(COMMA, last),
        bytes.lastIndexOf(CLOSE_LIST, last),
        bytes.lastIndexOf(CLOSE_OBJECT, last),
      );
    let at = 0;
    for (let next = this.#step(at); next >= 0; next = this.#step(at)) at = next;
    this.#left = this.#filled - at;
    if (this.#left > MAX_TOKEN_BYTES) this.#fail(at, "no value of a trace is this long");
    bytes.copyWithin(0, at, this.#filled);
    this.#consumed += at;
  }

  end(): void {
    const rest = this.#bytes.toString("latin1", 0, this.#left).trim();
    if (this.#expected === "nothing" && rest === "") return;
    const isBegun = this.#expected !== "value" || this.#open.length > 0;
    if (rest === "" && !isBegun) this.#fail(0, "the file is empty");
    this.#fail(0, isBegun ? "the file ends in the middle" : `${show(rest)} is no JSON value`);
  }

  /** Reads one token; returns where the next one begins, or -1 where more bytes are needed first. */
  #step(from: number): number {
    if (from >= this.#limit) return -1;
    if (this.#list !== null) return this.#fill(this.#list, from);
    if (this.#skipping > 0) return this.#skip(from);
    const byte = this.#bytes[from]!;
    if (byte <= SPACE) return from + 1;
    switch (byte) {
      case OPEN_OBJECT:
      case OPEN_LIST:
        return this.#begin(byte === OPEN_LIST ? "list" : "object", from);
      case CLOSE_OBJECT:
      case CLOSE_LIST:
        return this.#finish(byte === CLOSE_LIST ? "list" : "object", from);
      case COMMA:
        if (this.#expected !== "comma or end" || this.#open.length === 0) this.#unexpected(from);
        this.#expected = this.#open.at(-1) === "object" ? "key" : "value";
        return from + 1;
      case COLON:
        if (this.#expected !== "colon") this.#unexpected(from);
        this.#expected = "value";
        return from + 1;
      case QUOTE:
        return this.#text(from);
      default:
        return this.#word(from);
    }
  }

  #begin(kind: "object" | "list", from: number): number {
    if (!this.#expected.startsWith("value")) this.#unexpected(from);
    const reading = this.visitor.open(kind);
    if (reading === "skip") {
      this.#skipping = 1;
      this.#isListSkipped = kind === "list";
    } else if (reading === "walk") {
      this.#open.push(kind);
      this.#expected = kind === "list" ? "value or end" : "key or end";
    } else {
      reading.clear();
      reading.isTold = true;
      this.#list = reading;
    }
    return from + 1;
  }

  #finish(kind: "object" | "list", from: number): number {
    if (this.#open.at(-1) !== kind || !this.#expected.endsWith("or end")) this.#unexpected(from);
    this.#open.pop();
    this.visitor.close();
    this.#afterValue();
    return from + 1;
  }

  #afterValue(): void {
    this.#expected = this.#open.length === 0 ? "nothing" : "comma or end";
  }

  /**
   * Numbers into the list, up to its end or the end of the bytes. Nearly all of a trace passes here: one loop over the bytes,
   * on locals, and nothing called for a number of common length.
   */
  #fill(list: NumberList, from: number): number {
    const [bytes, limit] = [this.#bytes, this.#limit];
    let at = from;
    let values = list.room(0);
    let count = list.length;
    if (list.wanted !== "all" && count === 1) at = this.#toLast(list, at);
    while (at < limit) {
      const start = at;
      let byte = bytes[at]!;
      if (byte === MINUS) byte = bytes[++at]!;
      let mantissa = 0;
      let digits = at;
      for (; byte >= ZERO && byte <= NINE; byte = bytes[++at]!) mantissa = mantissa * 10 + (byte - ZERO);
      let decimals = 0;
      if (byte === DOT) {
        digits += 1;
        const point = at;
        for (byte = bytes[++at]!; byte >= ZERO && byte <= NINE; byte = bytes[++at]!)
          mantissa = mantissa * 10 + (byte - ZERO);
        decimals = at - point - 1;
      }
      digits = at - digits;
      if (digits > 0 && digits <= EXACT_DIGITS && (byte === COMMA || byte === CLOSE_LIST || byte <= SPACE)) {
        const value = mantissa / POWERS[decimals]!;
        if (count === values.length) values = list.room(count);
        values[count++] = bytes[start] === MINUS ? -value : value;
        if (byte === COMMA) at += 1;
        if (count === 1 && list.wanted !== "all") at = this.#toLast(list, at);
      } else if (at > start || !(byte === COMMA || byte === CLOSE_LIST || byte <= SPACE)) {
        const value = this.#slowNumber(start);
        at = this.#end;
        if (count === values.length) values = list.room(count);
        if (Number.isFinite(value)) values[count++] = value;
        else list.missing += 1;
      } else if (byte === CLOSE_LIST) {
        list.length = count;
        this.#list = null;
        this.visitor.close();
        this.#afterValue();
        return at + 1;
      } else at += 1;
    }
    list.length = count;
    return at;
  }

  /** Where the last number of the list begins, if its end is here. */
  #toLast(list: NumberList, at: number): number {
    const bytes = this.#bytes;
    const end = bytes.indexOf(CLOSE_LIST, at);
    if (end < 0 || end >= this.#limit) return at;
    const last = bytes.lastIndexOf(COMMA, end) + 1;
    if (list.wanted !== "ends") for (let i = at; i < last; i++) if (bytes[i] === COMMA) list.passed += 1;
    return Math.max(at, last);
  }

  #slowNumber(at: number): number {
    const word = this.#readWord(at);
    if (NOT_FINITE.has(word)) return Number.NaN;
    if (!NUMBER.test(word))
      this.#fail(at, `${show(word)} is not a number; allowed: numbers, and null where one is missing`);
    return Number(word);
  }

  #readWord(at: number): string {
    let end = at;
    while (!endsNumber(this.#bytes[end]!)) end += 1;
    // Texts, lists and objects begin with what ends a number.
    this.#end = Math.max(end, at + 1);
    return this.#bytes.toString("latin1", at, this.#end);
  }

  #word(from: number): number {
    if (!this.#expected.startsWith("value")) this.#unexpected(from);
    const word = this.#readWord(from);
    const known = WORDS.get(word);
    if (known !== undefined) this.visitor.scalar(known);
    else if (NUMBER.test(word) || NOT_FINITE.has(word)) this.visitor.scalar(Number(word));
    else this.#fail(from, `${show(word)} is no JSON value`);
    this.#afterValue();
    return this.#end;
  }

  #text(from: number): number {
    const isKey = this.#expected.startsWith("key");
    if (!isKey && !this.#expected.startsWith("value")) this.#unexpected(from);
    const end = this.#endOfText(from);
    if (end < 0) return -1;
    if (isKey) {
      this.visitor.key(this.#name(from, end));
      this.#expected = "colon";
    } else {
      this.visitor.scalar(this.#decode(from, end));
      this.#afterValue();
    }
    return end;
  }

  /** Behind the closing quote; -1 where it has not come yet. */
  #endOfText(from: number): number {
    for (let at = from + 1; at < this.#filled; at++) {
      const byte = this.#bytes[at];
      if (byte === BACKSLASH) at += 1;
      else if (byte === QUOTE) return at + 1;
    }
    return -1;
  }

  /** Names repeat in the same order from window to window: the one that followed last time mostly follows again. */
  #name(from: number, end: number): string {
    const expected = this.#lastName?.next ?? null;
    if (expected !== null && this.#bytes.compare(expected.bytes, 0, expected.bytes.length, from, end) === 0) {
      this.#lastName = expected;
      return expected.text;
    }
    const text = this.#decode(from, end);
    const found = this.#names.get(text) ?? { bytes: Buffer.from(this.#bytes.subarray(from, end)), text, next: null };
    this.#names.set(text, found);
    if (this.#lastName !== null) this.#lastName.next = found;
    this.#lastName = found;
    return found.text;
  }

  #decode(from: number, end: number): string {
    const text = this.#bytes.toString("utf8", from + 1, end - 1);
    if (!text.includes("\\")) return text;
    try {
      return JSON.parse(`"${text}"`) as string;
    } catch (error) {
      return this.#fail(from, (error as Error).message);
    }
  }

  /** Passes over a list or an object. */
  #skip(from: number): number {
    const bytes = this.#bytes;
    let at = this.#behindPlainList(from) ?? from;
    while (at < this.#limit) {
      if (this.#inSkippedText) {
        at = this.#skipText(at);
        continue;
      }
      const byte = bytes[at++]!;
      if (byte === QUOTE) this.#inSkippedText = true;
      else if (byte === OPEN_LIST || byte === OPEN_OBJECT) this.#skipping += 1;
      else if (byte === CLOSE_LIST || byte === CLOSE_OBJECT) {
        this.#skipping -= 1;
        if (this.#skipping > 0) continue;
        this.visitor.close();
        this.#afterValue();
        return at;
      }
    }
    return at;
  }

  /** Where the list that is passed over holds nothing but scalars: its end, found without looking at each byte. */
  #behindPlainList(from: number): number | null {
    if (!this.#isListSkipped || this.#inSkippedText || this.#skipping > 1) return null;
    const bytes = this.#bytes;
    const end = bytes.indexOf(CLOSE_LIST, from);
    if (end < 0 || end >= this.#limit) return null;
    const isPlain = (byte: number): boolean => {
      const found = bytes.indexOf(byte, from);
      return found < 0 || found > end;
    };
    return isPlain(QUOTE) && isPlain(OPEN_LIST) && isPlain(OPEN_OBJECT) ? end : null;
  }

  /** Behind the end of a text, or where more bytes are needed. What is read ends with no backslash, so none is cut off. */
  #skipText(from: number): number {
    for (let at = from; at < this.#limit; at++) {
      const byte = this.#bytes[at];
      if (byte === BACKSLASH) at += 1;
      else if (byte === QUOTE) {
        this.#inSkippedText = false;
        return at + 1;
      }
    }
    return this.#limit;
  }

  #unexpected(at: number): never {
    const found = this.#bytes.toString("utf8", at, at + 1);
    return this.#fail(at, `found ${show(found)} where ${this.#expected} was expected`);
  }

  #fail(at: number, why: string): never {
    const place = this.visitor.where();
    const prefix = place === "" ? this.path : `${this.path}: ${place}`;
    throw new OperationalError("bad-input-file", `${prefix}: ${why} (byte ${this.#consumed + at})`, false);
  }
}

const show = (text: string): string => JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}...` : text);

const endsNumber = (byte: number): boolean =>
  byte === COMMA || byte === CLOSE_LIST || byte === CLOSE_OBJECT || byte <= SPACE;
