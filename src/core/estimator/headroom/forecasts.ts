/**
 * Simple guesses at the next window's peak, from the peaks so far. None is good everywhere: the last peak follows shifts, a
 * smoothed one averages noise away, a trend meets growth (Holt, 1957), the same time of the days or weeks before knows the
 * load's shape. Which one is trusted is decided elsewhere (headroom.ts); here they only guess.
 */

import { foundSeason, learn, newSeason, type Season, shapeAt, shareOf, TIMES_SEEN } from "./seasons.js";

/** Half-lives of smoothed levels and changes, in windows. */
const LEVELS = [3, 10, 30, 100].map(shareOf);
const CHANGES = [2, 8].map(shareOf);
/** How much of the present departure from a season's shape is expected to last. */
const LASTING = [0, 0.5, 1];
/** The last peak, and the larger of the last two. */
const PLAIN = 2;
/** Levels that a departure is expected to come back to by half: hosts wander. */
const HALF_WAY = [1, 2];
/** Peaks kept to find a season that no calendar knows. */
const KEPT = 192;
/** How often that is done: a search costs as much as many guesses. */
const EVERY = 4;

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
  seasons: seasons.map(newSeason),
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
  for (const season of state.seasons) learn(season, occurrence, peak);
  state.before = last ?? peak;
  state.last = peak;
  state.peaks.push(peak);
  if (state.peaks.length > KEPT) state.peaks.shift();
  if (occurrence % EVERY === 0) state.found = foundSeason(state.peaks);
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
  const seasonal = seasons.flatMap((season) =>
    seasonalGuesses(shapeAt(season, occurrence), shapeAt(season, occurrence + 1), last),
  );
  return [...recent, ...seasonal, ...seasonalGuesses(inFoundSeason(state, 0), inFoundSeason(state, 1), last)];
}
