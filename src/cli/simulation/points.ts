/** What the tables and figures of many runs have in common: means with their confidence, by ratio. */
import type { Mean } from "../../core/sizing/sweep.js";

/** Those that some know the steal of, from the lowest on. */
export const ratiosOf = (of: readonly { readonly steal: Readonly<Record<string, unknown>> }[]): readonly string[] =>
  [...new Set(of.flatMap(({ steal }) => Object.keys(steal)))].sort((a, b) => Number(a) - Number(b));

export const low = ({ mean, within }: Mean): number => mean - within;
export const high = ({ mean, within }: Mean): number => mean + within;

/** As tables of numbers have it. */
export const rounded = (value: number): number => Number(value.toFixed(4));
