/**
 * `doa`, the seed's "dynamic oversubscription algorithm": starts from what is booked, and steps. A quiet window (every
 * sample below 95 % of the capacity) frees a twentieth of the host, a busy one takes half of it back. It feels its way
 * without a model: on a quiet host it goes far below what is used, and what it predicts may be less than nothing.
 */
import { type Estimator, FORGETFUL, justLevel } from "./estimator.js";
import { roundHalfEven } from "./seed-rounding.js";
import { SliceMemory } from "./slice-memory.js";

const BUSY = 0.95;
const STEPS_DOWN = 20;
const STEPS_UP = 2;
/** Of the capacity. */
const LOWEST = -2;

export function createDoa(): Estimator {
  const previous = new SliceMemory<number>();
  return {
    ...FORGETFUL,
    restsOn: "usage",
    update: () => justLevel(Number.NaN),
    predict({ slice, capacity, peak }, { booked }) {
      const before = previous.of(slice) ?? booked;
      const need =
        peak < BUSY * capacity
          ? Math.max(before - roundHalfEven(capacity / STEPS_DOWN), LOWEST * capacity)
          : before + roundHalfEven(capacity / STEPS_UP);
      previous.set(slice, need);
      return { need, arithmetic: "decimal" };
    },
    snapshot: () => previous.snapshot(),
    restore: (state) => previous.restore(state),
  };
}
