/**
 * Simple guesses at the next window's peak, from the peaks so far. None is good everywhere: the last peak follows shifts, a
 * smoothed one averages noise away, a trend meets growth (Holt, 1957), the same time of the days or weeks before knows the
 * load's shape. Which one is trusted is decided elsewhere (headroom.ts); here they only guess.
 */

const shareOf = (halfLife: number): number => 1 - 0.5 ** (1 / halfLife);

/** Half-lives of smoothed levels and changes, in windows. */
const LEVELS = [3, 10, 30, 100].map(shareOf);
const CHANGES = [2, 8].map(shareOf);
/** Of a season's shape, in seasons. */
const SHAPE = shareOf(2);
/** How much of the present departure from a season's shape is expected to last. */
const LASTING = [0, 0.5, 1];
/** The last peak, and the larger of the last two. */
const PLAIN = 2;
/** Levels that a departure is expected to come back to by half: hosts wander. */
const HALF_WAY = [1, 2];
/** Peaks kept to find a season that no calendar knows. */
const KEPT = 192;
/** Seasons looked for, and how often; each needs to have been seen three times. */
const [SHORTEST, LONGEST, EVERY] = [2, 60, 4];
const TIMES_SEEN = 3;
/** Correlation of peaks a season apart that is believed. */
const BELIEVED = 0.5;

interface Season {
  /** Windows. */
  readonly length: number;
  /** Smoothed peak of each time of the season; null: not seen yet. */
  readonly shape: (number | null)[];
}

/** Plain, for snapshots. */
export interface Forecasts {
  /** Null: no window yet. */
  last: number | null;
  before: number;
  levels: readonly number[];
  changes: readonly number[];
  readonly seasons: readonly Season[];
  /** The newest last; without gaps. */
  peaks: number[];
  /** Windows; 0: none found. */
  found: number;
}

export const newForecasts = (seasons: readonly number[]): Forecasts => ({
  last: null,
  before: 0,
  levels: [],
  changes: [],
  seasons: seasons.map((length) => ({ length, shape: Array.from({ length }, () => null) })),
  peaks: [],
  found: 0,
});

export const guessCount = (seasons: number): number =>
  PLAIN + LEVELS.length + HALF_WAY.length + CHANGES.length + LASTING.length * (seasons + 1);

/** Takes a window's peak in. */
export function observe(state: Forecasts, occurrence: number, peak: number): void {
  const { last } = state;
  state.levels = LEVELS.map((share, i) =>
    last === null ? peak : state.levels[i]! + share * (peak - state.levels[i]!),
  );
  state.changes = CHANGES.map((share, i) =>
    last === null ? 0 : state.changes[i]! + share * (peak - last - state.changes[i]!),
  );
  for (const { length, shape } of state.seasons) {
    const at = occurrence % length;
    const known = shape[at] ?? null;
    shape[at] = known === null ? peak : known + SHAPE * (peak - known);
  }
  state.before = last ?? peak;
  state.last = peak;
  state.peaks.push(peak);
  if (state.peaks.length > KEPT) state.peaks.shift();
  if (occurrence % EVERY === 0) state.found = foundSeason(state.peaks);
}

/** The shortest season whose peaks correlate about as well as any's; 0 where none is believed. */
function foundSeason(peaks: readonly number[]): number {
  const count = peaks.length;
  let mean = 0;
  for (const peak of peaks) mean += peak / count;
  const off = peaks.map((peak) => peak - mean);
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

/** Mean of the last seasons' peaks at the window that is `ahead` of the newest. */
function inFoundSeason({ peaks, found }: Forecasts, ahead: number): number | null {
  let [sum, seen] = [0, 0];
  for (let k = 1; k <= TIMES_SEEN; k++) {
    const peak = peaks[peaks.length - 1 + ahead - k * found];
    if (peak === undefined) continue;
    sum += peak;
    seen += 1;
  }
  return found === 0 || seen === 0 ? null : sum / seen;
}

function seasonalGuesses(now: number | null, next: number | null, last: number): readonly (number | null)[] {
  return LASTING.map((share) => (now === null || next === null ? null : next + share * (last - now)));
}

/** Every guess at the peak of the window after `occurrence`, always in the same order; null where too little is known. */
export function guesses(state: Forecasts, occurrence: number): readonly (number | null)[] {
  const { last, before, levels, changes, seasons } = state;
  if (last === null) return Array.from({ length: guessCount(seasons.length) }, () => null);
  const halfWay = HALF_WAY.map((i) => (last + levels[i]!) / 2);
  const recent = [last, Math.max(last, before), ...levels, ...halfWay, ...changes.map((change) => last + change)];
  const seasonal = seasons.flatMap(({ length, shape }) => {
    const [now, next] = [shape[occurrence % length], shape[(occurrence + 1) % length]];
    return seasonalGuesses(now ?? null, next ?? null, last);
  });
  return [...recent, ...seasonal, ...seasonalGuesses(inFoundSeason(state, 0), inFoundSeason(state, 1), last)];
}
