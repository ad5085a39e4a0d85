/** What repeats: the shape of a season, learnt time by time, and the season itself where no calendar knows it. */

/** What is left after so many steps is half: the share of the new that each step takes. */
export const shareOf = (halfLife: number): number => 1 - 0.5 ** (1 / halfLife);

/** Of a season's shape, in seasons. */
const SHAPE = shareOf(2);
/** Seasons looked for; each needs to have been seen three times. */
const [SHORTEST, LONGEST] = [2, 60];
export const TIMES_SEEN = 3;
/** Correlation of values a season apart that is believed. */
const BELIEVED = 0.5;

export interface Season {
  /** Windows. */
  readonly length: number;
  /** Smoothed value of each time of the season; null: not seen yet. */
  readonly shape: (number | null)[];
}

export const newSeason = (length: number): Season => ({ length, shape: Array.from({ length }, () => null) });

export const shapeAt = ({ length, shape }: Season, occurrence: number): number | null =>
  shape[occurrence % length] ?? null;

/** `kept`: what is kept of the smoothed value. */
export function learn(season: Season, occurrence: number, value: number, kept = (smoothed: number) => smoothed): void {
  const known = shapeAt(season, occurrence);
  season.shape[occurrence % season.length] = kept(known === null ? value : known + SHAPE * (value - known));
}

/** The shortest lag at which `values` correlate about as well as at any; 0 where none is believed. */
function bestLag(values: readonly number[]): number {
  const count = values.length;
  let mean = 0;
  for (const value of values) mean += value / count;
  const off = values.map((value) => value - mean);
  let whole = 0;
  for (const value of off) whole += value * value;
  if (whole === 0) return 0;
  let [best, found, before] = [BELIEVED, 0, Number.POSITIVE_INFINITY];
  // A slow wander correlates at every short distance: only what falls and rises again is a season.
  let hasFallen = false;
  for (let lag = 1; lag <= Math.min(LONGEST, Math.floor(count / TIMES_SEEN)); lag++) {
    let sum = 0;
    for (let i = lag; i < count; i++) sum += off[i]! * off[i - lag]!;
    const correlation = (sum / whole) * (count / (count - lag));
    if (correlation < before && correlation < BELIEVED / 2) hasFallen = true;
    if (hasFallen && lag >= SHORTEST && correlation > best + 0.05) [best, found] = [correlation, lag];
    before = correlation;
  }
  return found;
}

/** Of the peaks; where they show none, of their changes: a host that fills up is one large rise, beside which its rhythm is small. */
export function foundSeason(peaks: readonly number[]): number {
  const found = bestLag(peaks);
  return found > 0 ? found : bestLag(peaks.slice(1).map((peak, i) => peak - peaks[i]!));
}
