/**
 * What a vCPU wants, from noisy readings: the mean of its present level, and how uncertain that is. A reading that is near
 * the level is noise and is averaged in; one that lies far off begins a new level at once, so that a load that changed is
 * seen in the first interval that shows it. A level that is left again the way it came was noise too: the vCPU is then
 * known to be that noisy. Why so: docs/decisions/0013-vcpu-balancer.md.
 *
 * Leaves out trends and daily patterns: the balancer looks at most some intervals ahead.
 */

export interface DemandEstimate {
  readonly meanPcpus: number;
  /** Readings of the present level that the mean rests on, at most MOST_READINGS. */
  readonly readings: number;
  /** Standard deviation of a reading, as far as it is known. */
  readonly noisePcpus: number;
  /** By how much the present level lies above the one before; 0: there was none. */
  readonly jumpPcpus: number;
}

/** Older readings fade: a level that drifts is followed within about this many. */
const MOST_READINGS = 12;
/** Noise is learned from about as many. */
const NOISE_READINGS = 8;
/** Noise and level of fewer are not relied on. */
const YOUNG_READINGS = 4;
/** Nearer than this is always noise: no more than what counts as balanced on one pCPU. */
const LEAST_BAND_PCPUS = 0.05;
/** In standard deviations: a normal reading lies outside once in 16,000. */
const BAND = 4;
/** Standard deviation of a normal variable over its mean absolute deviation. */
const PER_ABSOLUTE_DEVIATION = 1.25;
/** A new level that is left within as many readings was none. */
const SHORT_LIVED = 2;
/** Nothing is known more exactly than in the steps in which hypervisors count, over a second. */
const LEAST_NOISE_PCPUS = 0.01;

export const firstEstimate = (reading: number): DemandEstimate => ({
  meanPcpus: reading,
  readings: 1,
  noisePcpus: 0,
  jumpPcpus: 0,
});

/** `commonNoisePcpus`: what the vCPUs of the host have been off their levels by for more than one reading. */
export function nextEstimate(estimate: DemandEstimate, reading: number, commonNoisePcpus: number): DemandEstimate {
  const { meanPcpus, readings, noisePcpus, jumpPcpus } = estimate;
  const residual = reading - meanPcpus;
  const distance = Math.abs(residual);
  const isNear = distance <= Math.max(LEAST_BAND_PCPUS, BAND * Math.max(noisePcpus, commonNoisePcpus));
  const cameBack = jumpPcpus * residual < 0 && readings <= SHORT_LIVED;
  if (!isNear && !cameBack) return { meanPcpus: reading, readings: 1, noisePcpus, jumpPcpus: residual };
  const seen = Math.min(readings + 1, MOST_READINGS);
  const learned = PER_ABSOLUTE_DEVIATION * distance;
  // Of the first two readings of a level nothing better is known than how far they are apart.
  const noise = seen === 2 ? Math.max(noisePcpus, learned) : noisePcpus;
  return {
    meanPcpus: meanPcpus + residual / seen,
    readings: seen,
    noisePcpus: noise + (learned - noise) / Math.min(seen, NOISE_READINGS),
    jumpPcpus,
  };
}

export const isYoung = ({ readings }: DemandEstimate): boolean => readings < YOUNG_READINGS;

/** Standard error of the mean. `typicalNoisePcpus`: what a vCPU without a history of its own is taken to have. */
export function errorOf(estimate: DemandEstimate, typicalNoisePcpus: number): number {
  const own = Math.max(estimate.noisePcpus, LEAST_NOISE_PCPUS);
  const noise = isYoung(estimate) ? Math.max(own, typicalNoisePcpus) : own;
  return noise / Math.sqrt(estimate.readings);
}
