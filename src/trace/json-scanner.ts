/**
 * Takes JSON apart as it comes, piece by piece, and never keeps more than a token: the traces of estimators are one value of
 * hundreds of MB. Lists of numbers, which are nearly all of it, go straight from bytes into the caller's arrays, and what
 * nobody asks for is passed over. Accepts what Python writes: NaN and infinities among numbers.
 */
import { OperationalError } from "../ports/errors.js";
import { Names } from "./names.js";
import { isMissing, isNumber, readNumbers, wordAt } from "./number-bytes.js";
import { NumberList } from "./number-list.js";

/**
 * Where the lists of an object go, by their names; its other lists are passed over. They are shown where they stand, mostly, and
 * can be read until `close` of the object returns.
 */
export type Fields = ReadonlyMap<string, NumberList>;

/** What is to be done with a list or an object that begins. `Fields`: it is walked, but of its lists only `key` tells. */
export type Reading = "walk" | "skip" | NumberList | Fields;

export interface JsonVisitor {
  open(kind: "object" | "list"): Reading;
  /** After the last member of what was walked, or the last number of a list; not of a list among `Fields`. */
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
const SPACE = 32;
/** What a list of scalars without texts does not hold. */
const NESTING = [QUOTE, OPEN_LIST, OPEN_OBJECT, CLOSE_LIST, CLOSE_OBJECT];

/** The longest token: a name. What is longer is no trace. */
const MAX_TOKEN_BYTES = 1 << 20;
/** Room for what is left over from piece to piece; grows where a name is longer. */
const SLACK_BYTES = 1 << 12;
/** More than this of a list of an object's fields is not waited for, but read as it comes. */
const MOST_HELD_BYTES = 1 << 16;
/** The list goes on behind what is here; it holds what is no number. */
const [NOT_HERE, NO_NUMBERS] = [-1, -2];
const WORDS: ReadonlyMap<string, boolean | null> = new Map([
  ["null", null],
  ["true", true],
  ["false", false],
]);

/** What may come next. */
type Expected = "value" | "value or end" | "key" | "key or end" | "colon" | "comma or end" | "nothing";

export class JsonScanner {
  readonly #open: ("object" | "list")[] = [];
  /** Of each of them that is an object. */
  readonly #fields: (Fields | null)[] = [];
  #expected: Expected = "value";
  #list: NumberList | null = null;
  /** Depth of what is passed over; 0: nothing is. */
  #skipping = 0;
  #isListSkipped = false;
  /** What is filled or passed over is one of an object's fields. */
  #isField = false;
  #inSkippedText = false;
  /** What is being read: what the piece before left over, and the piece. Always the same memory, unless a piece is larger. */
  #bytes: Buffer = Buffer.alloc(0);
  /** Bytes left over, at the start of `#bytes`. */
  #left = 0;
  /** Bytes before `#bytes`. */
  #consumed = 0;
  #filled = 0;
  readonly #names = new Names();
  /** End of what can be read safely: behind a byte that ends any number. */
  #limit = 0;

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
    for (const list of this.#fields.at(-1)?.values() ?? []) list.settle();
    bytes.copyWithin(0, at, this.#filled);
    this.#consumed += at;
    this.#names.forgetList();
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
    const fields = kind === "list" ? (this.#fields.at(-1) ?? null) : null;
    if (fields !== null) {
      this.#names.listBegins(this.#bytes, from + 1);
      return this.#beginField(fields, from + 1);
    }
    const reading = this.visitor.open(kind);
    if (reading === "skip") this.#beginSkipping(kind);
    else if (reading instanceof NumberList) this.#beginList(reading);
    else {
      this.#open.push(kind);
      this.#fields.push(reading === "walk" ? null : reading);
      this.#expected = kind === "list" ? "value or end" : "key or end";
      this.#names.forgetList();
    }
    return from + 1;
  }

  #beginSkipping(kind: "object" | "list"): void {
    this.#skipping = 1;
    this.#isListSkipped = kind === "list";
  }

  #beginList(list: NumberList): void {
    list.clear();
    list.isTold = true;
    this.#list = list;
  }

  /** The list of the name read last, whose numbers begin at `from`, and those that follow as they did last time. */
  #beginField(fields: Fields, from: number): number {
    const names = this.#names;
    const bytes = this.#bytes;
    let at = from;
    let list = fields.get(names.last);
    while (list !== undefined) {
      const end = this.#numbersEnd(at);
      if (end < 0) break;
      list.show(bytes, at, end);
      at = names.listEnds(bytes, end + 1, this.#filled);
      if (at === end + 1) {
        this.visitor.key(names.last);
        this.#afterValue();
        return at;
      }
      list = fields.get(names.last);
    }
    this.visitor.key(names.last);
    this.#isField = true;
    if (list === undefined) this.#beginSkipping("list");
    else this.#beginList(list);
    return at;
  }

  #finish(kind: "object" | "list", from: number): number {
    if (this.#open.at(-1) !== kind || !this.#expected.endsWith("or end")) this.#unexpected(from);
    this.#open.pop();
    this.#fields.pop();
    this.#names.forgetList();
    this.visitor.close();
    this.#afterValue();
    return from + 1;
  }

  /** Behind a list that was filled or passed over, or an object that was passed over; returns where to go on. */
  #endValue(at: number): number {
    this.#afterValue();
    if (!this.#isField) {
      this.visitor.close();
      return at;
    }
    this.#isField = false;
    const next = this.#names.listEnds(this.#bytes, at, this.#filled);
    return next === at ? at : this.#beginField(this.#fields.at(-1)!, next);
  }

  #afterValue(): void {
    this.#expected = this.#open.length === 0 ? "nothing" : "comma or end";
  }

  /** Numbers into the list, up to its end or the end of the bytes; -1 where the whole of a field is waited for. */
  #fill(list: NumberList, from: number): number {
    const bytes = this.#bytes;
    const limit = this.#limit;
    if (this.#isField && list.count === 0) {
      const end = this.#numbersEnd(from);
      if (end >= 0) {
        this.#list = null;
        list.show(bytes, from, end);
        return this.#endValue(end + 1);
      }
      if (end === NOT_HERE && this.#filled - from < MOST_HELD_BYTES) return -1;
    }
    for (let at = from; ; ) {
      at = readNumbers(bytes, at, limit, list, list.values.length);
      if (at >= limit) return at;
      if (list.length === list.values.length) list.grow();
      else if (bytes[at] === CLOSE_LIST) {
        this.#list = null;
        return this.#endValue(at + 1);
      } else at = this.#oddNumber(list, at);
    }
  }

  /** Where a list ends that nobody looks into yet; or why that is not said. One in it would end it, and so be found out. */
  #numbersEnd(from: number): number {
    const bytes = this.#bytes;
    const end = bytes.indexOf(CLOSE_LIST, from);
    if (end < 0 || end >= this.#limit) return NOT_HERE;
    const quote = bytes.indexOf(QUOTE, from);
    return quote < 0 || quote > end ? end : NO_NUMBERS;
  }

  /** What `readNumbers` left: a number of many digits or with an exponent, what stands for a missing one, or none. */
  #oddNumber(list: NumberList, at: number): number {
    const word = wordAt(this.#bytes, at);
    if (!list.add(word)) this.#fail(at, notNumber(word));
    return at + word.length;
  }

  #word(from: number): number {
    if (!this.#expected.startsWith("value")) this.#unexpected(from);
    const word = wordAt(this.#bytes, from);
    const known = WORDS.get(word);
    if (known !== undefined) this.visitor.scalar(known);
    else if (isNumber(word) || isMissing(word)) this.visitor.scalar(Number(word));
    else this.#fail(from, `${show(word)} is no JSON value`);
    this.#afterValue();
    return from + word.length;
  }

  #text(from: number): number {
    const isKey = this.#expected.startsWith("key");
    if (!isKey && !this.#expected.startsWith("value")) this.#unexpected(from);
    const end = this.#endOfText(from);
    if (end < 0) return -1;
    if (isKey) {
      this.visitor.key(this.#names.read(this.#bytes, from, end, () => this.#decode(from, end)));
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
    if (this.#isListSkipped && !this.#inSkippedText && this.#skipping === 1) {
      const end = this.#plainListEnd(from);
      if (end !== null) {
        this.#skipping = 0;
        return this.#endValue(end + 1);
      }
      if (NESTING.every((byte) => this.#isAfter(this.#limit - 1, byte, from))) return this.#limit;
    }
    let at = from;
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
        return this.#endValue(at);
      }
    }
    return at;
  }

  /** Where the list holds nothing but scalars, and its end is here: that end, found without looking at each byte. */
  #plainListEnd(from: number): number | null {
    const bytes = this.#bytes;
    const end = bytes.indexOf(CLOSE_LIST, from);
    if (end < 0 || end >= this.#limit) return null;
    // Objects need not be looked for: one without names holds nothing, and their names have quotes.
    return this.#isAfter(end, QUOTE, from) && this.#isAfter(end, OPEN_LIST, from) ? end : null;
  }

  /** Whether `byte` stands nowhere from `from` to `end`. */
  #isAfter(end: number, byte: number, from: number): boolean {
    const found = this.#bytes.indexOf(byte, from);
    return found < 0 || found > end;
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

/** What is wrong with a word in a list of numbers. */
export const notNumber = (word: string): string =>
  `${show(word)} is not a number; allowed: numbers, and null where one is missing`;

const show = (text: string): string => JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}...` : text);
