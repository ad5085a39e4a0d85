/**
 * The normal distribution and its quantiles: to 1e-7 by Abramowitz and Stegun's formula 26.2.17, and to 2e-9 by the rational
 * approximations of Peter Acklam (2003).
 */
const TAIL = [0.31938153, -0.356563782, 1.781477937, -1.821255978, 1.330274429] as const;

/** Share of a standard normal distribution below `z`. */
export function normalBelow(z: number): number {
  const t = 1 / (1 + 0.2316419 * Math.abs(z));
  const above =
    TAIL.reduceRight((sum, part) => t * (part + sum), 0) * (Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI));
  return z < 0 ? above : 1 - above;
}

const CENTRE = {
  over: [
    -39.69683028665376, 220.9460984245205, -275.9285104469687, 138.357751867269, -30.66479806614716, 2.506628277459239,
  ],
  under: [-54.47609879822406, 161.5858368580409, -155.6989798598866, 66.80131188771972, -13.28068155288572, 1],
} as const;
const ENDS = {
  over: [
    -0.007784894002430293, -0.3223964580411365, -2.400758277161838, -2.549732539343734, 4.374664141464968,
    2.938163982698783,
  ],
  under: [0.007784695709041462, 0.3224671290700398, 2.445134137142996, 3.754408661907416, 1],
} as const;
/** Beyond, the distribution's ends are approximated otherwise. */
const END = 0.02425;
/** No draw is farther out: draws are of 32 bits. */
const LEAST = 1e-10;

const polynomial = (parts: readonly number[], x: number): number => parts.reduce((sum, part) => sum * x + part, 0);

/** Where a standard normal distribution has `share` below, from 0 to 1. */
export function normalQuantile(share: number): number {
  const p = Math.min(1 - LEAST, Math.max(LEAST, share));
  if (p > 1 - END) return -normalQuantile(1 - p);
  if (p < END) {
    const q = Math.sqrt(-2 * Math.log(p));
    return polynomial(ENDS.over, q) / polynomial(ENDS.under, q);
  }
  const q = p - 0.5;
  return (polynomial(CENTRE.over, q * q) * q) / polynomial(CENTRE.under, q * q);
}
