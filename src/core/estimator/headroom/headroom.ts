/**
 * `headroom`, our own. The next window's peak is guessed in several simple ways (forecasts.ts); each guess becomes bounds by its own
 * record of misses (misses.ts); the bounds are averaged, those that served well of late far above the rest (prediction with
 * expert advice: Cesa-Bianchi and Lugosi, "Prediction, Learning, and Games", 2006); and a last factor holds the promised rate
 * of violations, growing at each one and sinking while there is none (adaptive conformal inference: Gibbs and Candes, 2021).
 * It sees the host's peaks only: what new VMs bring shows as growth, and what the next window's newcomers will bring it cannot know.
 */
import { type Estimator, type EstimatorSettings, FORGETFUL, justLevel } from "../estimator.js";
import { type Forecasts, guessCount, guesses, newForecasts, observe } from "./forecasts.js";
import { MARGINS, marginsOf, remember } from "./misses.js";
import { DEFAULT_PROMISE, type PromiseSettings, promiseOf } from "./promise.js";

const DAYS_OF_WEEK = 7;
/** Longer seasons are not kept. */
const MOST_SEASON = 4096;

/** What is left of a bound's costs after each window: half after twelve. */
const COST_FADE = 0.5 ** (1 / 12);
/** A bound is trusted once it was weighed about so often. */
const PROVEN = 3;
/** The worse a bound, the less it counts: by this power of its cost. */
const SHARPNESS = 12;
/** A bound that never cost anything must not count alone for ever; shares of a core, or of an MB. */
const LEAST_COST = 1e-9;
/** Trusted before any was proven: the last peak and the larger of the last two, as forecasts.ts orders them. */
const UNPROVEN_GUESSES = 2;
/** Misses' deviation before any was seen, in deviations of the samples. */
const PRIOR = 0.4;

/** By what the last factor grows at a violation. */
const STEP = 1.05;

/** One guess's past. */
interface GuessRecord {
  /** Truth less guess, the newest last. */
  readonly misses: number[];
  /** What each of its bounds cost, and how often they were weighed, discounted alike. */
  readonly costs: number[];
  weight: number;
}

/** Plain, for snapshots. */
interface State {
  readonly forecasts: Forecasts;
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
  const newRecord = (): GuessRecord => ({ misses: [], costs: Array.from({ length: MARGINS }, () => 0), weight: 0 });
  return {
    forecasts: newForecasts(seasons),
    records: Array.from({ length: guessCount(seasons.length) }, newRecord),
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
  const { rate, dread } = promise;
  const [leastCare, mostCare] = promise.care;
  for (const [i, guess] of state.guesses.entries()) {
    if (guess === null) continue;
    const record = state.records[i]!;
    for (const [j, bound] of state.bounds[i]!.entries()) {
      const cost = peak > bound ? dread * (peak - bound) : bound - peak;
      record.costs[j] = COST_FADE * record.costs[j]! + cost;
    }
    record.weight = COST_FADE * record.weight + 1;
    remember(record.misses, peak - guess);
  }
  const care = state.care * (peak > state.need ? STEP : STEP ** (-rate / (1 - rate)));
  state.care = Math.min(mostCare, Math.max(leastCare, care));
}

/** Mean costs of a guess's bounds; null while it is not proven. */
const meanCosts = ({ costs, weight }: GuessRecord): readonly number[] | null =>
  weight < PROVEN ? null : costs.map((cost) => (cost + LEAST_COST) / weight);

function average({ bounds, records }: State): number {
  const costs = records.map(meanCosts);
  const least = Math.min(...costs.flatMap((row) => row ?? []));
  let [sum, weights] = [0, 0];
  for (const [i, row] of bounds.entries()) {
    for (const [j, bound] of row.entries()) {
      const cost = costs[i]?.[j] ?? Number.POSITIVE_INFINITY;
      const weight = Number.isFinite(least) ? (least / cost) ** SHARPNESS : i < UNPROVEN_GUESSES ? 1 : 0;
      sum += weight * bound;
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
    update: (_usage, history) => justLevel(history.moments().deviation),
    predict({ occurrence, peak, level }) {
      judge(state, occurrence, peak, promise);
      observe(state.forecasts, occurrence, peak);
      state.next = occurrence + 1;
      state.guesses = guesses(state.forecasts, occurrence);
      state.bounds = state.guesses.map((guess, i) => {
        if (guess === null) return [];
        return marginsOf(state.records[i]!.misses, PRIOR * level, promise).map((margin) => guess + state.care * margin);
      });
      state.need = average(state);
      return { need: state.need, arithmetic: "decimal" };
    },
    snapshot: () => state,
    restore: (saved) => {
      // Not to be shared with whoever keeps the snapshot.
      state = JSON.parse(JSON.stringify(saved)) as State;
    },
  };
}
