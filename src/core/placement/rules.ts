/**
 * The rules of a placement: which filters and weighers there are, and what each weigher counts. New ones join the lists here,
 * or a list of the caller's own (docs/extending.md); none knows another.
 */
import { assert } from "../assert.js";
import { antiAffinityFilter } from "./filters/anti-affinity/filter.js";
import { cpuPoolFitFilter } from "./filters/cpu-pool-fit/filter.js";
import { imageFilter } from "./filters/image/filter.js";
import { labelsFilter } from "./filters/labels/filter.js";
import { memoryFilter } from "./filters/memory/filter.js";
import { ratioOfferedFilter } from "./filters/ratio-offered/filter.js";
import { stateFilter } from "./filters/state/filter.js";
import type { HostFilter, ProfileFilter, ShapeFilter, Weigher } from "./model.js";
import { balanceWeigher } from "./weighers/balance/weigher.js";
import { bestFitWeigher } from "./weighers/best-fit/weigher.js";
import { packWeigher } from "./weighers/pack/weigher.js";
import { progressWeigher } from "./weighers/progress/weigher.js";
import { spreadWeigher } from "./weighers/spread/weigher.js";
import { thriftWeigher } from "./weighers/thrift/weigher.js";
import { usageWeigher } from "./weighers/usage/weigher.js";

export interface Registry {
  /** In the order in which they are asked: what is quickest to say first. */
  readonly shapeFilters: readonly ShapeFilter[];
  readonly profileFilters: readonly ProfileFilter[];
  readonly hostFilters: readonly HostFilter[];
  readonly weighers: readonly Weigher[];
  /** Filters that are shown by explanations, and veto nothing. */
  readonly advisers?: readonly ShapeFilter[];
}

export const BUILT_IN: Registry = {
  shapeFilters: [stateFilter, ratioOfferedFilter, memoryFilter, cpuPoolFitFilter],
  profileFilters: [labelsFilter, imageFilter],
  hostFilters: [antiAffinityFilter],
  weighers: [balanceWeigher, thriftWeigher, bestFitWeigher, packWeigher, spreadWeigher, usageWeigher, progressWeigher],
};

/** By name of the weigher; those not named count nothing. */
export type Weights = Readonly<Record<string, number>>;

export interface Rules extends Registry {
  /** Of each weigher, in the order of `weighers`. */
  readonly weights: readonly number[];
  /** The weighers that count, in that order. */
  readonly counting: readonly { readonly weigher: Weigher; readonly weight: number }[];
  /** Whether any of those, or of the filters of shapes, reads more of a host than its class. */
  readonly readsFacts: boolean;
}

/** What is wrong with the weights, in a sentence that names the weigher; null: nothing. */
export function weightsProblem(weights: Weights, registry: Registry = BUILT_IN): string | null {
  const known = registry.weighers.map((weigher) => weigher.name);
  for (const [name, weight] of Object.entries(weights)) {
    if (!known.includes(name)) return `there is no weigher "${name}"; there are ${known.join(", ")}`;
    if (!Number.isFinite(weight)) return `the weight of "${name}" is ${weight}; expected a number`;
  }
  return null;
}

/** Throws `Bug` on weights that `weightsProblem` objects to: ask it first where they come from outside. */
export function rulesOf(weights: Weights, registry: Registry = BUILT_IN): Rules {
  const problem = weightsProblem(weights, registry);
  assert(problem === null, problem ?? "");
  const all = registry.weighers.map((weigher) => ({ weigher, weight: weights[weigher.name] ?? 0 }));
  const counting = all.filter(({ weight }) => weight !== 0);
  const readers = [...counting.map(({ weigher }) => weigher), ...registry.shapeFilters];
  const readsFacts = readers.some(({ fact }) => fact !== undefined);
  return { ...registry, weights: all.map(({ weight }) => weight), counting, readsFacts };
}
