/**
 * `headroom`, our own. The next window's peak is guessed in several simple ways (forecasts.ts, ends.ts), and by all of them
 * together (combined.ts); each guess becomes bounds by its own record of misses (misses.ts); the bounds are averaged, those that
 * served well of late above the rest (prediction with expert advice: Cesa-Bianchi and Lugosi, "Prediction, Learning, and Games",
 * 2006); and a last factor holds the promised rate of violations, growing at each one and sinking while there is none (adaptive
 * conformal inference: Gibbs and Candes, 2021). It sees the host's usage only: what new VMs bring shows as growth, and what the
 * next window's newcomers will bring it cannot know.
 */
import { type Estimator, type EstimatorSettings, FORGETFUL, justLevel } from "../estimator.js";
import { COMBINED, combined } from "./combined.js";
import { type Ends, endGuessCount, endGuesses, endOf, newEnds, observeEnd } from "./ends.js";
import { type Forecasts, guessCount, guesses, newForecasts, observe } from "./forecasts.js";
import { MARGINS, marginsOf, remember } from "./misses.js";
import { DEFAULT_PROMISE, type PromiseSettings, promiseOf } from "./promise.js";

const DAYS_OF_WEEK = 7;
/** Longer seasons are not kept. */
const MOST_SEASON = 4096;

/** A bound, or a guess, is trusted once it was weighed about so often. */
const PROVEN = 3;
/** A bound that never cost anything must not count alone for ever; shares of a core, or of an MB. */
const LEAST_COST = 1e-9;
/** Trusted before any was proven: the last peak and the larger of the last two, as forecasts.ts orders them. */
const UNPROVEN_GUESSES = 2;
/** Misses' deviation before any was seen, in deviations of the samples. */
const PRIOR = 0.4;

/** One guess's past. */
interface GuessRecord {
  /** Truth less guess, the newest last. */
  readonly misses: number[];
  /** What each of its bounds cost, the squares of its misses, and how often they were weighed, discounted alike. */
  readonly costs: number[];
  squares: number;
  weight: number;
}

/** Plain, for snapshots. */
interface State {
  readonly forecasts: Forecasts;
  readonly ends: Ends;
  readonly records: readonly GuessRecord[];
  /** Window that the guesses are about. */
  next: number;
  guesses: readonly (number | null)[];
  /** Of each guess; none where there is no guess. */
  bounds: readonly (readonly number[])[];
  need: number;
  care: number;
}

function seasonsOf({ slices, dayWindows }: EstimatorSettings): readonly number[] {
  const seasons = new Set<number>();
  if (slices > 1) seasons.add(slices);
  if (dayWindows !== null && dayWindows > 1) for (const days of [1, DAYS_OF_WEEK]) seasons.add(days * dayWindows);
  return [...seasons].filter((length) => length <= MOST_SEASON);
}

function newState(settings: EstimatorSettings): State {
  const seasons = seasonsOf(settings);
  const costs = (): number[] => Array.from({ length: MARGINS }, () => 0);
  const newRecord = (): GuessRecord => ({ misses: [], costs: costs(), squares: 0, weight: 0 });
  const count = guessCount(seasons.length) + endGuessCount(seasons.length) + COMBINED;
  return {
    forecasts: newForecasts(seasons),
    ends: newEnds(seasons),
    records: Array.from({ length: count }, newRecord),
    next: -1,
    guesses: [],
    bounds: [],
    need: 0,
    care: 1,
  };
}

/** What was guessed of a window is held against its peak. */
function judge(state: State, occurrence: number, peak: number, promise: PromiseSettings): void {
  if (state.next !== occurrence) return;
  const { rate, dread, step, halfLife } = promise;
  const [leastCare, mostCare] = promise.care;
  const fade = 0.5 ** (1 / halfLife);
  for (const [i, guess] of state.guesses.entries()) {
    if (guess === null) continue;
    const record = state.records[i]!;
    for (const [j, bound] of state.bounds[i]!.entries()) {
      const cost = peak > bound ? dread * (peak - bound) : bound - peak;
      record.costs[j] = fade * record.costs[j]! + cost;
    }
    record.squares = fade * record.squares + (peak - guess) ** 2;
    record.weight = fade * record.weight + 1;
    remember(record.misses, peak - guess);
  }
  const care = state.care * (peak > state.need ? step : step ** (-rate / (1 - rate)));
  state.care = Math.min(mostCare, Math.max(leastCare, care));
}

/** Every guess at the peak of the window after `occurrence`. */
function guess({ forecasts, ends, records }: State, occurrence: number): readonly (number | null)[] {
  const single = [...guesses(forecasts, occurrence), ...endGuesses(ends)];
  const errors = single.map((_, i) => {
    const { squares, weight } = records[i]!;
    return weight < PROVEN ? null : squares / weight;
  });
  return [...single, ...combined(single, errors)];
}

/** The least mean cost of any proven bound; infinite: none is. */
function leastCost(records: readonly GuessRecord[]): number {
  let least = Number.POSITIVE_INFINITY;
  for (const { costs, weight } of records) {
    if (weight < PROVEN) continue;
    for (let j = 0; j < MARGINS; j++) least = Math.min(least, (costs[j]! + LEAST_COST) / weight);
  }
  return least;
}

function average({ bounds, records }: State, sharpness: number): number {
  const least = leastCost(records);
  let [sum, weights] = [0, 0];
  for (let i = 0; i < bounds.length; i++) {
    const { costs, weight: weighed } = records[i]!;
    const row = bounds[i]!;
    if (Number.isFinite(least) ? weighed < PROVEN : i >= UNPROVEN_GUESSES) continue;
    for (let j = 0; j < row.length; j++) {
      const weight = Number.isFinite(least) ? ((least * weighed) / (costs[j]! + LEAST_COST)) ** sharpness : 1;
      sum += weight * row[j]!;
      weights += weight;
    }
  }
  return sum / weights;
}

export function createHeadroom(settings: EstimatorSettings): Estimator {
  const promise = promiseOf(settings.promise ?? DEFAULT_PROMISE);
  let state = newState(settings);
  return {
    ...FORGETFUL,
    restsOn: "prior",
    // Its level is how much samples spread.
    update: ({ aggregated }, history) => ({ ...justLevel(history.moments().deviation), end: endOf(aggregated) }),
    predict({ occurrence, peak, level, end }) {
      judge(state, occurrence, peak, promise);
      observe(state.forecasts, occurrence, peak);
      observeEnd(state.ends, occurrence, end, peak);
      state.next = occurrence + 1;
      state.guesses = guess(state, occurrence);
      state.bounds = state.guesses.map((guess, i) => {
        if (guess === null) return [];
        return marginsOf(state.records[i]!.misses, PRIOR * level, promise).map((margin) => guess + state.care * margin);
      });
      state.need = average(state, promise.sharpness);
      return { need: state.need, arithmetic: "decimal" };
    },
    snapshot: () => state,
    restore: (saved) => {
      // Not to be shared with whoever keeps the snapshot.
      state = JSON.parse(JSON.stringify(saved)) as State;
    },
  };
}
