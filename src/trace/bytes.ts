/** Loops over the bytes of traces that are hot in every reader: plain functions on plain arrays, compiled soon and only once. */

const SPACE = 32;

/** Whether `expected` stands in `bytes` from `at` on. */
export function startsWith(bytes: Uint8Array, at: number, expected: Uint8Array): boolean {
  const length = expected.length;
  if (at + length > bytes.length) return false;
  for (let i = 0; i < length; i++) if (bytes[at + i] !== expected[i]) return false;
  return true;
}

/** How often `wanted` stands from `from` to `to`. */
export function countOf(wanted: number, bytes: Uint8Array, from: number, to: number): number {
  let count = 0;
  for (let i = from; i < to; i++) if (bytes[i] === wanted) count += 1;
  return count;
}

/** Whether nothing but white space stands from `from` to `to`. */
export function isBlank(bytes: Uint8Array, from: number, to: number): boolean {
  for (let i = from; i < to; i++) if (bytes[i]! > SPACE) return false;
  return true;
}
