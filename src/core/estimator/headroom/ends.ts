/**
 * Guesses at the next window's peak from how the last one ended: usage that moves within windows goes on from there, not from the
 * peak. The end itself, the end and its own trend, and the end with what the next peak usually lies above it at this time of the
 * day or week.
 */
import { meanOf } from "../statistics.js";
import { brief } from "./brief.js";
import { learn, newSeason, type Season, shapeAt } from "./seasons.js";

/** Share of a window that is its end. */
const END = 1 / 6;
/** The end, and with its trend. */
const PLAIN = 2;

/** Plain, for snapshots. */
export interface Ends {
  /** Null: no window yet. */
  last: number | null;
  before: number | null;
  /** Window that ended with `last`. */
  occurrence: number;
  /** By how much the next peak lay above the end. */
  readonly rises: readonly Season[];
}

export const newEnds = (seasons: readonly number[]): Ends => ({
  last: null,
  before: null,
  occurrence: -1,
  rises: seasons.map(newSeason),
});

export const endGuessCount = (seasons: number): number => PLAIN + seasons;

/** Mean of a window's last samples. */
export const endOf = (samples: Float64Array): number =>
  meanOf(samples.subarray(samples.length - Math.max(1, Math.round(samples.length * END))));

/** Takes a window in. */
export function observeEnd(state: Ends, occurrence: number, end: number, peak: number): void {
  const { last } = state;
  if (last !== null && state.occurrence === occurrence - 1)
    for (const rise of state.rises) learn(rise, occurrence - 1, peak - last, brief);
  state.before = last;
  state.last = end;
  state.occurrence = occurrence;
}

/** About the window after the newest; always in the same order, null where too little is known. */
export function endGuesses({ last, before, occurrence, rises }: Ends): readonly (number | null)[] {
  if (last === null) return Array.from({ length: endGuessCount(rises.length) }, () => null);
  const seasonal = rises.map((season) => {
    const rise = shapeAt(season, occurrence);
    return rise === null ? null : last + rise;
  });
  return [last, before === null ? null : last + (last - before), ...seasonal];
}
