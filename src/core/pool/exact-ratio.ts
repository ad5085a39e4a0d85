/**
 * Allocation ratios as exact fractions (2.6 is 13/5), so that sizes of pools are integer arithmetic: in doubles
 * `floor((7 * 2.6 - 0) / 2.6)` is 6, and the pool keeps a pCPU for ever that it does not need (spec 1.3).
 * All products stay below 2^53: numerators and denominators are bounded here, vCPUs of a host by its size.
 */
import { type Ratio, ratio } from "../units.js";

/** `numerator / denominator` in lowest terms, both positive integers. */
export interface ExactRatio {
  readonly numerator: number;
  readonly denominator: number;
}

/** Operators write one or two decimals; six leave room and keep `vcpus * denominator` exact. */
const MAX_DECIMALS = 6;
/** Far above any host's vCPUs per pCPU; bounds `pcpus * numerator`. */
const MAX_RATIO = 1000;

function greatestCommonDivisor(a: number, b: number): number {
  while (b !== 0) [a, b] = [b, a % b];
  return a;
}

function fractionOf(ratio: number): ExactRatio | null {
  // Most are, and placement asks for each candidate.
  if (Number.isInteger(ratio)) return { numerator: ratio, denominator: 1 };
  // Division rounds to the nearest double, and so does reading a decimal: they are equal exactly for the same decimal.
  for (let decimals = 0, scale = 1; decimals <= MAX_DECIMALS; decimals++, scale *= 10) {
    const scaled = Math.round(ratio * scale);
    if (scaled === 0 || scaled / scale !== ratio) continue;
    const divisor = greatestCommonDivisor(scaled, scale);
    return { numerator: scaled / divisor, denominator: scale / divisor };
  }
  return null;
}

/** What keeps `ratio` from being an exact ratio; null: it is one. */
export function exactRatioProblem(ratio: number): string | null {
  if (!(ratio > 0 && ratio <= MAX_RATIO))
    return `allocation ratio ${ratio}: expected a number above 0 and at most ${MAX_RATIO}`;
  if (Number.isInteger(ratio)) return null;
  return fractionOf(ratio) === null ? `allocation ratio ${ratio}: expected at most ${MAX_DECIMALS} decimals` : null;
}

/**
 * The fraction that the decimal `ratio` was written as: above 0, at most 1000, at most six decimals. Throws `RangeError`
 * otherwise; ask `exactRatioProblem` first where the ratio comes from outside.
 */
export function exactRatio(ratio: Ratio): ExactRatio {
  const fraction = ratio > 0 && ratio <= MAX_RATIO ? fractionOf(ratio) : null;
  if (fraction === null) throw new RangeError(exactRatioProblem(ratio) ?? `allocation ratio ${ratio}`);
  return fraction;
}

/** Smallest number of pCPUs that carries `vcpus` at the ratio: ceil(vcpus / ratio). */
export function neededPcpus(vcpus: number, ratio: ExactRatio): number {
  return Math.floor((vcpus * ratio.denominator + ratio.numerator - 1) / ratio.numerator);
}

/** Whole vCPUs that `pcpus` carry at the ratio: floor(pcpus * ratio). */
export function capacityVcpus(pcpus: number, ratio: ExactRatio): number {
  return Math.floor((pcpus * ratio.numerator) / ratio.denominator);
}

/** Whole vCPUs that still fit into a pool of `pcpus` with `allocated`; negative where it carries too many. */
export function availableVcpus(pcpus: number, allocated: number, ratio: ExactRatio): number {
  return capacityVcpus(pcpus, ratio) - allocated;
}

/** Size of a pool: enough for its vCPUs, and `largestVm` pCPUs so that no VM is oversubscribed with itself. */
export function poolSize(allocated: number, largestVm: number, ratio: ExactRatio): number {
  return Math.max(neededPcpus(allocated, ratio), largestVm);
}

/** pCPUs that the pool holds beyond its size: what a shrink gives back. */
export function unusedPcpus(pcpus: number, allocated: number, largestVm: number, ratio: ExactRatio): number {
  return Math.max(0, pcpus - poolSize(allocated, largestVm, ratio));
}

/** Steps of ratios that are worked out, not written by people: on the largest pools they differ by less than a vCPU. */
const GRID = 1000;

/** The next step upwards or downwards; a value on the grid, as far as doubles tell, comes out as it is. */
export const ratioAbove = (value: number): Ratio => ratio(Math.ceil(value * GRID - 1e-9) / GRID);
export const ratioBelow = (value: number): Ratio => ratio(Math.floor(value * GRID + 1e-9) / GRID);
