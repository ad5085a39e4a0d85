/**
 * A list of numbers that is filled again and again without allocating: the reader of traces owns it, and lends it out. What fills
 * it either reads the numbers into it, or shows it where they stand; then they are read once somebody asks, and of some lists
 * nobody does, or for one number only.
 */
import { countOf, isBlank } from "./bytes.js";
import { isMissing, isNumber, readNumbers, wordAt } from "./number-bytes.js";

const NO_TEXT: Buffer = Buffer.alloc(0);
const NO_VALUES = new Float64Array(0);
const FIRST_ROOM = 512;
const COMMA = 44;
const SPACE = 32;

export class NumberList {
  #values: Float64Array<ArrayBuffer> = NO_VALUES;
  length = 0;
  /** Nulls, NaN and infinities: they stand in traces for samples that did not come. */
  missing = 0;
  /** Whether the list was there at all. */
  isTold = false;
  /** Where the numbers stand, from `#from` to `#to`, with what ends a number behind them; to 0: nowhere, they were read into it. */
  #text = NO_TEXT;
  #from = 0;
  #to = 0;
  #isRead = true;
  /** Memory for a text that is kept. */
  #own = NO_TEXT;

  /** `refuse`: told what stands for a number in a text, and is none. */
  constructor(private readonly refuse: (word: string) => void = () => undefined) {}

  /** Where the numbers that were read lie, and those of an earlier filling behind them. */
  get values(): Float64Array<ArrayBuffer> {
    return this.#values;
  }

  /** Makes room for more than `values` holds. */
  grow(): void {
    const larger = new Float64Array(Math.max(FIRST_ROOM, this.#values.length * 2));
    larger.set(this.#values);
    this.#values = larger;
  }

  clear(): void {
    this.length = 0;
    this.missing = 0;
    this.isTold = false;
    this.#from = 0;
    this.#to = 0;
    this.#isRead = true;
  }

  /** Takes the list, without its brackets, for what stands in `bytes` from `from` to `to`, as long as it stands there. */
  show(bytes: Buffer, from: number, to: number): void {
    this.length = 0;
    this.missing = 0;
    this.isTold = true;
    this.#text = bytes;
    this.#from = from;
    this.#to = to;
    this.#isRead = false;
  }

  /** The bytes that it was shown are about to be overwritten. */
  settle(): void {
    if (this.#text === this.#own) return;
    if (!this.#isRead) this.#keep(this.#text, this.#from, this.#to);
    else this.#to = 0;
  }

  #keep(bytes: Buffer, from: number, to: number): void {
    const length = to - from;
    if (this.#own.length <= length) this.#own = Buffer.allocUnsafe(length + 1 + (length >> 1));
    bytes.copy(this.#own, 0, from, to);
    this.#own[length] = SPACE;
    this.show(this.#own, 0, length);
  }

  /** The numbers, until the list is filled again. */
  view(): Float64Array {
    if (!this.#isRead) this.#read();
    return this.#values.subarray(0, this.length);
  }

  /** One like it, with nothing in it. */
  empty(): NumberList {
    return new NumberList(this.refuse);
  }

  /** Becomes a copy of `other`. */
  copy(other: NumberList): void {
    if (other.#to > 0) {
      this.#keep(other.#text, other.#from, other.#to);
      return;
    }
    this.clear();
    this.isTold = other.isTold;
    while (this.#values.length < other.length) this.grow();
    this.#values.set(other.#values.subarray(0, other.length));
    this.length = other.length;
    this.missing = other.missing;
  }

  #read(): void {
    const text = this.#text;
    const limit = this.#to;
    this.#isRead = true;
    for (let at = this.#from; at < limit; ) {
      // With what ends the last number.
      at = readNumbers(text, at, limit + 1, this, this.#values.length);
      if (at >= limit) return;
      if (this.length === this.#values.length) this.grow();
      else {
        const word = wordAt(text, at);
        if (!this.add(word)) this.refuse(word);
        at += word.length;
      }
    }
  }

  /** A number in any form, or what stands for a missing one; false for anything else. There is room for one. */
  add(word: string): boolean {
    if (!isMissing(word) && !isNumber(word)) return false;
    const value = isMissing(word) ? Number.NaN : Number(word);
    if (Number.isFinite(value)) this.#values[this.length++] = value;
    else this.missing += 1;
    return true;
  }

  get first(): number | null {
    return this.#end(this.#from) ?? (this.view().length === 0 ? null : this.#values[0]!);
  }

  get last(): number | null {
    const comma = this.#isRead ? 0 : this.#text.lastIndexOf(COMMA, this.#to - 1);
    return (
      this.#end(Math.max(comma + 1, this.#from)) ?? (this.view().length === 0 ? null : this.#values[this.length - 1]!)
    );
  }

  /** The number that stands from `from` on, without reading the others; null: they were read, or it is of no common form. */
  #end(from: number): number | null {
    if (this.#isRead || from >= this.#to) return null;
    if (this.#values.length === 0) this.grow();
    readNumbers(this.#text, from, this.#to + 1, this, 1);
    const isOne = this.length === 1;
    this.length = 0;
    return isOne ? this.#values[0]! : null;
  }

  /** Members, those that are no numbers included. */
  get count(): number {
    if (this.#isRead) return this.length + this.missing;
    return isBlank(this.#text, this.#from, this.#to) ? 0 : 1 + countOf(COMMA, this.#text, this.#from, this.#to);
  }
}
