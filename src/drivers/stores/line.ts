/**
 * The lines of the embedded store's files: `CRC JSON`, the CRC-32 of the JSON text in eight hexadecimal digits. A line is
 * written with one call and made durable before the next one is begun, so a line is either whole or the last: what a crash
 * leaves at the end is cut off, and a broken line before a whole one is damage, never a crash (Pillai et al., OSDI 2014;
 * ALICE's findings on append-only logs).
 */
import { crc32 } from "node:zlib";

const CRC_DIGITS = 8;
const NEWLINE = 0x0a;

export function encodeLine(value: unknown): Buffer {
  const json = JSON.stringify(value);
  return Buffer.from(`${crc32(json).toString(16).padStart(CRC_DIGITS, "0")} ${json}\n`);
}

/** Undefined: the line is broken. `line` is without its newline. */
export function decodeLine(line: Buffer): unknown {
  const json = line.subarray(CRC_DIGITS + 1);
  if (json.length === 0 || line[CRC_DIGITS] !== 0x20) return undefined;
  if (line.toString("latin1", 0, CRC_DIGITS) !== crc32(json).toString(16).padStart(CRC_DIGITS, "0")) return undefined;
  return JSON.parse(json.toString());
}

export interface Lines {
  readonly values: readonly unknown[];
  /** Bytes of the whole lines. Less than the file's: the rest was torn by a crash. */
  readonly wholeBytes: number;
  /** Where a whole line follows a broken one: the place of the broken one, in bytes. Null: nothing is damaged. */
  readonly damagedAt: number | null;
}

export function decodeLines(bytes: Buffer): Lines {
  const values: unknown[] = [];
  let wholeBytes = 0;
  let brokenAt: number | null = null;
  for (let start = 0; start < bytes.length; ) {
    const end = bytes.indexOf(NEWLINE, start);
    const value = end < 0 ? undefined : decodeLine(bytes.subarray(start, end));
    if (value === undefined) {
      brokenAt ??= start;
    } else if (brokenAt !== null) {
      return { values, wholeBytes, damagedAt: brokenAt };
    } else {
      values.push(value);
      wholeBytes = end + 1;
    }
    if (end < 0) break;
    start = end + 1;
  }
  return { values, wholeBytes, damagedAt: null };
}
