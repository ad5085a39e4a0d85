/**
 * Numbers as Python prints them (`repr` of a double): the seeds wrote their traces so, and a re-computed trace compares equal
 * only when it does too. Both languages print the shortest digits that read back as the same double; the layout differs.
 */

/** `0.0`, `1e-05`, `12.5`, `1e+16`. */
export function pythonFloat(value: number): string {
  if (Number.isNaN(value)) return "nan";
  if (!Number.isFinite(value)) return value > 0 ? "inf" : "-inf";
  if (value === 0) return Object.is(value, -0) ? "-0.0" : "0.0";
  // Nearly all: here both languages write the digits out.
  const size = Math.abs(value);
  if (size >= 1e-4 && size < 1e16) return withPoint(String(value));
  const [digits, exponentText] = value.toExponential().split("e") as [string, string];
  const exponent = Number(exponentText);
  return `${digits}e${exponent < 0 ? "-" : "+"}${String(Math.abs(exponent)).padStart(2, "0")}`;
}

const withPoint = (text: string): string => (text.includes(".") ? text : `${text}.0`);

const ZERO = 48;
const NINE = 57;
const DOT = 46;
/** Up to 15 significant digits, a decimal text and its double stand for each other; the dot makes 16. */
const EXACT_LENGTH = 16;

/**
 * Whether a number stands in `bytes` as Python would print it, so that it need not be read and printed anew. False also for
 * texts that would pass but are rare (negative or very small numbers), and for what is no number. Nearly every value of a
 * recorded trace passes.
 */
export function isPythonFloatText(bytes: Uint8Array, from: number, to: number): boolean {
  const length = to - from;
  if (length < 3 || length > EXACT_LENGTH) return false;
  let dot = -1;
  for (let i = from; i < to; i++) {
    const code = bytes[i]!;
    if (code === DOT && dot < 0) dot = i;
    else if (code < ZERO || code > NINE) return false;
  }
  if (dot <= from || dot === to - 1) return false;
  const startsWithZero = bytes[from] === ZERO;
  if (startsWithZero && dot !== from + 1) return false;
  if (bytes[to - 1] === ZERO) return to - dot === 2;
  // 0.0000x is below 1e-4.
  return !startsWithZero || bytes.subarray(dot + 1, dot + 5).some((code) => code !== ZERO) || to - dot < 5;
}

/** A decimal number as it stands in a trace; null for anything else (`nan`, `inf`, `0x1`, an empty text). */
export function decimalOf(text: string): number | null {
  if (!/^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(text)) return null;
  const value = Number(text);
  return Number.isFinite(value) ? value : null;
}
