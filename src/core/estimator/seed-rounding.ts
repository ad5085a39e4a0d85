/**
 * How the seed turns an estimate into what it says is free: CPU to tenths of a core, memory cut to whole MB. Its numbers are
 * of two kinds, and they round differently: numpy's by scaling (`rint(10 x) / 10`), Python's own to the nearest decimal of
 * the true value; both halves to even. A tenth of a core hangs on it, so the kind travels with the number.
 */
import type { Resource } from "./resource.js";

/** `numpy`: a numpy float64; `decimal`: a Python float. */
export type Arithmetic = "numpy" | "decimal";

export interface Tiers {
  /** Needed, rounded. */
  readonly tier0: number;
  /** What rounding lost: next to nothing. */
  readonly tier1: number;
  /** Free. */
  readonly tier2: number;
}

/** To the nearest whole number, halves to even. */
export function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  const part = value - floor;
  if (part < 0.5) return floor;
  if (part > 0.5) return floor + 1;
  return floor % 2 === 0 ? floor : floor + 1;
}

function roundTenth(value: number, arithmetic: Arithmetic): number {
  if (!Number.isFinite(value)) return value;
  if (arithmetic === "numpy") return roundHalfEven(value * 10) / 10;
  // Only quarters are exact halves between two tenths; `toFixed` takes the larger, Python the even one.
  const quarters = value * 4;
  if (Number.isInteger(quarters) && quarters % 2 !== 0) return roundHalfEven(value * 10) / 10;
  return Number(value.toFixed(1));
}

/** Scaled values this far from a half round the same way whatever the last bits of scaling are. */
const SAFE = 1e-6;

/** `round(value, 3)` of a Python float. */
export function roundThousandth(value: number): number {
  const scaled = value * 1000;
  const floor = Math.floor(scaled);
  const part = scaled - floor;
  if (Math.abs(part - 0.5) > SAFE) return (part < 0.5 ? floor : floor + 1) / 1000;
  // Exact halves between thousandths are odd sixteenths.
  const sixteenths = value * 16;
  if (Number.isInteger(sixteenths) && sixteenths % 2 !== 0) return roundHalfEven(value * 1000) / 1000;
  return Number(value.toFixed(3));
}

export function seedTiers(resource: Resource, need: number, capacity: number, arithmetic: Arithmetic): Tiers {
  const round = resource === "cpu" ? (value: number): number => roundTenth(value, arithmetic) : Math.trunc;
  const tier0 = round(need);
  const tier1 = Math.max(0, round(need - tier0));
  return { tier0, tier1, tier2: Math.max(0, round(capacity - tier1 - tier0)) };
}
