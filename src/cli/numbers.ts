/** Numbers as people write them on the command line, and as tables show them. */
import { UsageError } from "./exit.js";

const MIB_PER_UNIT: Readonly<Record<string, number>> = {
  "": 1,
  mib: 1,
  m: 1,
  gib: 1024,
  g: 1024,
  tib: 1_048_576,
  t: 1_048_576,
};

/** `4GiB`, `1.5G`, `512MiB`, `512`: MiB. Throws `UsageError` naming the option. */
export function parseMemory(text: string, option: string): number {
  const match = /^(\d{1,9}(?:\.\d{1,6})?)\s*([a-z]*)$/i.exec(text);
  const unit = MIB_PER_UNIT[match?.[2]?.toLowerCase() ?? "?"];
  const memoryMiB = match === null || unit === undefined ? 0 : Number(match[1]) * unit;
  if (memoryMiB < 1 || !Number.isInteger(memoryMiB))
    throw new UsageError(`${option} ${text}: expected whole MiB, such as 512MiB, 4GiB or 2048`);
  return memoryMiB;
}

/** Throws `UsageError` naming the option. */
export function parseCount(text: string, option: string): number {
  if (!/^[1-9]\d{0,5}$/.test(text)) throw new UsageError(`${option} ${text}: expected a whole number from 1`);
  return Number(text);
}

/** Throws `UsageError` naming the option. */
export function parseRatio(text: string, option: string): number {
  const value = /^\d{1,4}(\.\d{1,6})?$/.test(text) ? Number(text) : 0;
  if (value < 1) throw new UsageError(`${option} ${text}: expected a ratio of at least 1, such as 1, 1.5 or 2.6`);
  return value;
}

/** `4 GiB`, `1.5 GiB`, `512 MiB`. */
export function showMemory(memoryMiB: number): string {
  const gigabytes = memoryMiB / 1024;
  return gigabytes < 1 ? `${round(memoryMiB)} MiB` : `${round(gigabytes)} GiB`;
}

/** Null: not known (yet). */
export const showNumber = (value: number | null): string => (value === null ? "-" : String(round(value)));

const round = (value: number): number => Math.round(value * 100) / 100;

export const formatRatio = (ratio: number): string => `${ratio}:1`;

/** `1.2 TiB`, `512 GiB`, `768 MiB`. */
export function formatMemory(memoryMiB: number): string {
  if (memoryMiB >= 1024 * 1024) return `${(memoryMiB / 1024 / 1024).toFixed(1)} TiB`;
  return memoryMiB >= 1024 ? `${Math.round(memoryMiB / 1024)} GiB` : `${memoryMiB} MiB`;
}
