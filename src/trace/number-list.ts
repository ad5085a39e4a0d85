/**
 * A list of numbers that is filled again and again without allocating: the reader of traces owns it, and lends it out. Of some
 * lists only the ends are wanted: of capacities the last number, of times the first, the last and how many there are. Others
 * are seldom asked for: their text is kept, and read when they are.
 */
import { isMissing, isNumber, readNumbers, wordAt } from "./number-bytes.js";

export type Wanted = "all" | "late" | "ends" | "ends and count";

const NO_TEXT = Buffer.alloc(0);
const SPACE = 32;

export class NumberList {
  readonly wantsEnds: boolean;
  #values = new Float64Array(512);
  length = 0;
  /** Nulls, NaN and infinities: they stand in traces for samples that did not come. */
  missing = 0;
  /** Numbers between the ends that were passed over. */
  passed = 0;
  /** Whether the list was there at all. */
  isTold = false;
  #text = NO_TEXT;
  /** Of the text that was not read yet. */
  #textBytes = 0;

  /** Whoever fills it may leave out what is not wanted. `refuse`: told what stands for a number in a text, and is none. */
  constructor(
    readonly wanted: Wanted = "all",
    private readonly refuse: (word: string) => void = () => undefined,
  ) {
    this.wantsEnds = wanted === "ends" || wanted === "ends and count";
  }

  /** Where the numbers lie, and those of an earlier filling behind them. */
  get values(): Float64Array<ArrayBuffer> {
    return this.#values;
  }

  /** Makes room for more than `values` holds. */
  grow(): void {
    const larger = new Float64Array(this.#values.length * 2);
    larger.set(this.#values);
    this.#values = larger;
  }

  clear(): void {
    this.length = 0;
    this.missing = 0;
    this.passed = 0;
    this.isTold = false;
    this.#textBytes = 0;
  }

  /** Takes the text of the whole list, without its brackets. */
  postpone(bytes: Buffer, from: number, to: number): void {
    this.#textBytes = to - from;
    // With an end for the last number.
    if (this.#text.length <= this.#textBytes) this.#text = Buffer.allocUnsafe(this.#textBytes * 2 + 1);
    bytes.copy(this.#text, 0, from, to);
    this.#text[this.#textBytes] = SPACE;
  }

  /** The numbers, until the list is filled again. */
  view(): Float64Array {
    if (this.#textBytes > 0) this.#read();
    return this.#values.subarray(0, this.length);
  }

  /** One like it, with nothing in it. */
  empty(): NumberList {
    return new NumberList(this.wanted, this.refuse);
  }

  /** Becomes a copy of `other`. */
  copy(other: NumberList): void {
    this.clear();
    this.isTold = other.isTold;
    if (other.#textBytes > 0) this.postpone(other.#text, 0, other.#textBytes);
    while (this.#values.length < other.length) this.grow();
    if (other.length > 0) this.#values.set(other.#values.subarray(0, other.length));
    this.length = other.length;
    this.missing = other.missing;
    this.passed = other.passed;
  }

  #read(): void {
    const text = this.#text;
    const limit = this.#textBytes + 1;
    this.#textBytes = 0;
    for (let at = 0; ; ) {
      at = readNumbers(text, at, limit, this, this.#values.length);
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
    return this.length === 0 ? null : this.#values[0]!;
  }

  get last(): number | null {
    return this.length === 0 ? null : this.#values[this.length - 1]!;
  }

  /** Members, those that are no numbers and those that were passed over included; not where only the ends are wanted. */
  get count(): number {
    return this.length + this.missing + this.passed;
  }
}
