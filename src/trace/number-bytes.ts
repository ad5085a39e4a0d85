/**
 * Decimal numbers straight from bytes into an array: nearly all of a trace passes here. One loop that calls nothing for numbers
 * of common form and leaves others to its caller, in whole numbers of 32 bits, which are quicker than doubles. Short, since V8
 * takes as long to optimize it as a short trace takes to read.
 */

/** What is filled: the first `length` of `values`. */
interface Filling {
  readonly values: Float64Array;
  length: number;
}

const [ZERO, NINE, DOT, MINUS, COMMA, CLOSE_LIST, CLOSE_OBJECT, SPACE] = [48, 57, 46, 45, 44, 93, 125, 32];

/** A mantissa of so many digits is exact, and so is its quotient by a power of ten up to 10^22 (Clinger, 1990). */
const EXACT_DIGITS = 15;
const POWERS = Float64Array.from({ length: EXACT_DIGITS + 1 }, (_, i) => 10 ** i);
/** Whole numbers of so many digits have 32 bits. */
const SHORT_DIGITS = 9;

/** By a byte: 1 where it ends a number. A table, since a comparison that has never been made costs compiling everything anew. */
const ENDS = Uint8Array.from({ length: 256 }, (_, byte) =>
  byte <= SPACE || byte === COMMA || byte === CLOSE_LIST || byte === CLOSE_OBJECT ? 1 : 0,
);
/** By a byte: 1 where it stands between numbers. */
const SEPARATES = Uint8Array.from({ length: 256 }, (_, byte) => (byte <= SPACE || byte === COMMA ? 1 : 0));

/** Python's words for what JSON has no number for. */
const MISSING: ReadonlySet<string> = new Set(["null", "NaN", "Infinity", "-Infinity"]);
const NUMBER = /^-?\d+(\.\d*)?([eE][+-]?\d+)?$/;

export const isMissing = (word: string): boolean => MISSING.has(word);
export const isNumber = (word: string): boolean => NUMBER.test(word);

/** Up to what ends a number: at least one byte, since texts, lists and objects begin with what does. */
export function wordAt(bytes: Buffer, at: number): string {
  let end = at;
  while (ENDS[bytes[end]!] === 0) end += 1;
  return bytes.toString("latin1", at, Math.max(end, at + 1));
}

/** Up to 15 digits as a number, whether a point stands among them or not. */
function digitsOf(bytes: Uint8Array, from: number, to: number): number {
  let number = 0;
  for (let i = from; i < to; i++) if (bytes[i] !== DOT) number = number * 10 + (bytes[i]! - ZERO);
  return number;
}

/**
 * Appends to `list` the numbers from `from` on, until it holds `most`; returns where it stopped: at `limit`, or at what is no
 * number of at most 15 digits without an exponent. The byte before `limit` ends any number.
 */
export function readNumbers(bytes: Uint8Array, from: number, limit: number, list: Filling, most: number): number {
  const values = list.values;
  let count = list.length;
  let at = from;
  while (at < limit && count < most) {
    const start = at;
    let byte = bytes[at]!;
    if (SEPARATES[byte] === 1) {
      at += 1;
      continue;
    }
    if (byte === MINUS) byte = bytes[++at]!;
    const first = at;
    let whole = 0;
    let point = 0;
    for (; ; byte = bytes[++at]!) {
      if (byte >= ZERO && byte <= NINE) whole = (whole * 10 + (byte - ZERO)) | 0;
      else if (byte === DOT && point === 0) point = at;
      else break;
    }
    const decimals = point === 0 ? 0 : at - point - 1;
    const digits = point === 0 ? at - first : at - first - 1;
    if (digits === decimals || digits > EXACT_DIGITS || ENDS[byte] === 0) {
      list.length = count;
      return start;
    }
    const value = (digits > SHORT_DIGITS ? digitsOf(bytes, first, at) : whole) / POWERS[decimals]!;
    values[count++] = first > start ? -value : value;
  }
  list.length = count;
  return at;
}
