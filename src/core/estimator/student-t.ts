/**
 * Student's t-test from means, deviations and counts (equal variances), with the tail of the t distribution by the continued
 * fraction of the incomplete beta function (Press et al., "Numerical Recipes", 6.4).
 */

const LANCZOS = [
  0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059,
  12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
];

/** Logarithm of the gamma function, by Lanczos' approximation (g = 7); `x` > 0. */
function logGamma(x: number): number {
  let sum = LANCZOS[0]!;
  for (let i = 1; i < LANCZOS.length; i++) sum += LANCZOS[i]! / (x - 1 + i);
  const t = x + 6.5;
  return 0.5 * Math.log(2 * Math.PI) + (x - 0.5) * Math.log(t) - t + Math.log(sum);
}

/** Lentz' method; converges in a few steps where x < (a + 1) / (a + b + 2). */
function betaFraction(a: number, b: number, x: number): number {
  const tiny = 1e-300;
  let c = 1;
  let d = 1 - ((a + b) * x) / (a + 1);
  d = 1 / (Math.abs(d) < tiny ? tiny : d);
  let value = d;
  for (let m = 1; m <= 1000; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    let change = 1;
    for (const part of [even, odd]) {
      d = 1 + part * d;
      d = 1 / (Math.abs(d) < tiny ? tiny : d);
      c = 1 + part / c;
      if (Math.abs(c) < tiny) c = tiny;
      change = d * c;
      value *= change;
    }
    if (Math.abs(change - 1) < 1e-15) break;
  }
  return value;
}

/** Regularised incomplete beta function. */
function incompleteBeta(a: number, b: number, x: number): number {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  const front = Math.exp(logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log1p(-x));
  return x < (a + 1) / (a + b + 2) ? (front * betaFraction(a, b, x)) / a : 1 - (front * betaFraction(b, a, 1 - x)) / b;
}

export interface SampleSummary {
  readonly mean: number;
  readonly deviation: number;
  readonly count: number;
}

/** Two-sided p-value; NaN where it is not defined (two constant samples of one value, one sample each). */
export function tTestPValue(one: SampleSummary, other: SampleSummary): number {
  const freedom = one.count + other.count - 2;
  const pooled = ((one.count - 1) * one.deviation ** 2 + (other.count - 1) * other.deviation ** 2) / freedom;
  const t = (one.mean - other.mean) / Math.sqrt(pooled * (1 / one.count + 1 / other.count));
  if (Number.isNaN(t)) return Number.NaN;
  return incompleteBeta(freedom / 2, 0.5, freedom / (freedom + t * t));
}

/** Half of the interval that holds the mean with a confidence of 95 %; 0 for fewer than two values, of which nothing is known. */
export function confidenceOfMean(values: readonly number[]): number {
  const count = values.length;
  if (count < 2) return 0;
  const mean = values.reduce((sum, value) => sum + value, 0) / count;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (count - 1);
  return tOf95(count - 1) * Math.sqrt(variance / count);
}

/** The t that 5 % exceed on either side together, by bisection: the tail falls with t. */
function tOf95(freedom: number): number {
  let [low, high] = [0, 1000];
  for (let step = 0; step < 60; step++) {
    const half = (low + high) / 2;
    if (incompleteBeta(freedom / 2, 0.5, freedom / (freedom + half * half)) > 0.05) low = half;
    else high = half;
  }
  return (low + high) / 2;
}
