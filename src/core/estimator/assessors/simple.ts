/** The assessors that need no model: each compares one statistic of the new window with the old ones' (spec 5.2). */
import type { StabilityAssessor } from "../assessor.js";
import { deviationOf, meanOf, percentileOf, sorted } from "../statistics.js";
import { tTestPValue } from "../student-t.js";

const RANK = 90;
const [LOWEST, HIGHEST] = [0.9, 1.1];
/** Below this the t-test calls the means different. */
const SIGNIFICANT = 0.1;

/** The 90th percentile moved by less than a tenth. */
export const percentileAssessor: StabilityAssessor = {
  isStable(old, fresh) {
    const before = percentileOf(sorted(old), RANK);
    const now = percentileOf(sorted(fresh), RANK);
    return LOWEST * before < now && now < HIGHEST * before;
  },
};

/** The mean moved by less than one deviation. */
export const averageAssessor: StabilityAssessor = {
  isStable(old, fresh) {
    const before = meanOf(old);
    const deviation = deviationOf(old, before);
    const now = meanOf(fresh);
    return before - deviation < now && now < before + deviation;
  },
};

/** A t-test finds no difference of the means; where it is not defined nothing changed. */
export const pvalueAssessor: StabilityAssessor = {
  isStable(old, fresh) {
    const before = meanOf(old);
    const now = meanOf(fresh);
    const p = tTestPValue(
      { mean: before, deviation: deviationOf(old, before), count: old.length },
      { mean: now, deviation: deviationOf(fresh, now), count: fresh.length },
    );
    return !(p < SIGNIFICANT);
  },
};

export const alwaysStable: StabilityAssessor = { isStable: () => true };
export const neverStable: StabilityAssessor = { isStable: () => false };
