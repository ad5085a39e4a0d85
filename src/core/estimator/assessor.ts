/**
 * Is a host's usage as it was? An assessor compares a new window with the old ones and says yes or no; `greedy` trusts a
 * stable host with a smaller margin. Assessors are pure: same input, same answer.
 */
export interface StabilityAssessor {
  /** `old`: the windows before, in order of time; `fresh`: the new one; neither is empty. In units of the resource. */
  isStable(old: Float64Array, fresh: Float64Array, capacity: number): boolean;
}

export const ASSESSOR_NAMES = ["lstm", "percentile", "average", "pvalue", "always", "never"] as const;
export type AssessorName = (typeof ASSESSOR_NAMES)[number];
