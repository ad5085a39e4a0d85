/**
 * Verdict and score of one host for one shape: the one place where filters and weighers are asked, for the plain scan and
 * for the index alike, so that both compute the same double.
 */
import { assert } from "../assert.js";
import { growthPcpus } from "./arithmetic.js";
import type { Constraints, HostClass, HostProfile, HostSummary, Prospect, VmShape } from "./model.js";
import type { Rules } from "./rules.js";

/** Score of a host that some filter vetoes. */
export const VETOED = Number.NEGATIVE_INFINITY;

const NO_FACTS: readonly number[] = [];

/**
 * What the weighers that count read of the host beyond its class, in the order of `rules.counting`, and behind them the filters of
 * shapes; empty: nothing.
 */
export function factsOf(rules: Rules, host: HostSummary): readonly number[] {
  if (!rules.readsFacts) return NO_FACTS;
  const { counting, shapeFilters } = rules;
  return [
    ...counting.map(({ weigher }) => weigher.fact?.(host) ?? 0),
    ...shapeFilters.map((filter) => filter.fact?.(host) ?? 0),
  ];
}

/** Weighted sum of the weighers' scores; `VETOED` where a filter of shapes says no. */
export function prospectScore(rules: Rules, prospect: Prospect, facts: readonly number[]): number {
  const { shapeFilters, counting } = rules;
  for (let i = 0; i < shapeFilters.length; i++) {
    const fact = facts.length === 0 ? 0 : facts[counting.length + i]!;
    if (shapeFilters[i]!.veto(prospect, fact) !== null) return VETOED;
  }
  let sum = 0;
  for (let i = 0; i < counting.length; i++) {
    const { weigher, weight } = counting[i]!;
    sum += weight * weigher.score(prospect, facts.length === 0 ? 0 : facts[i]!);
  }
  assert(Number.isFinite(sum), "a weigher gave a score that is no finite number");
  return sum;
}

export const shapeScore = (rules: Rules, host: HostClass, facts: readonly number[], shape: VmShape): number =>
  prospectScore(rules, { host, shape, growthPcpus: growthPcpus(host, shape) }, facts);

export function profileAllows(rules: Rules, profile: HostProfile, constraints: Constraints): boolean {
  for (const filter of rules.profileFilters) if (filter.veto(profile, constraints) !== null) return false;
  return true;
}

export function hostAllows(rules: Rules, host: HostSummary, constraints: Constraints): boolean {
  for (const filter of rules.hostFilters) if (filter.veto(host, constraints) !== null) return false;
  return true;
}

/** Best first: the higher score, then the lower id; so the order of hosts decides nothing. */
export const isBetter = (score: number, hostId: string, other: number, otherId: string): boolean =>
  score !== other ? score > other : hostId < otherId;
