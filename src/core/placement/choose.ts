/**
 * Placement as a plain scan over all hosts: what the index (index/) must equal. Slow and obvious; it is also what the
 * benchmark measures the index against.
 */
import { type Candidate, type Constraints, type HostSummary, NO_CONSTRAINTS, type VmShape } from "./model.js";
import type { Rules } from "./rules.js";
import { factsOf, hostAllows, isBetter, profileAllows, shapeScore, VETOED } from "./score.js";

const NOBODY: ReadonlySet<string> = new Set();

function scoreOf(rules: Rules, host: HostSummary, shape: VmShape, constraints: Constraints): number {
  const score = shapeScore(rules, host, factsOf(rules, host), shape);
  if (score === VETOED) return VETOED;
  return profileAllows(rules, host, constraints) && hostAllows(rules, host, constraints) ? score : VETOED;
}

/** The best host; null when every host is vetoed or excluded. */
export function chooseHost(
  rules: Rules,
  hosts: Iterable<HostSummary>,
  shape: VmShape,
  constraints: Constraints = NO_CONSTRAINTS,
  exclude: ReadonlySet<string> = NOBODY,
): Candidate | null {
  let best: Candidate | null = null;
  for (const host of hosts) {
    if (exclude.has(host.id)) continue;
    const score = scoreOf(rules, host, shape, constraints);
    if (score === VETOED) continue;
    if (best === null || isBetter(score, host.id, best.score, best.hostId)) best = { hostId: host.id, score };
  }
  return best;
}

/** All hosts that could take it, best first. */
export function rankHosts(
  rules: Rules,
  hosts: Iterable<HostSummary>,
  shape: VmShape,
  constraints: Constraints = NO_CONSTRAINTS,
  exclude: ReadonlySet<string> = NOBODY,
): readonly Candidate[] {
  const candidates: Candidate[] = [];
  for (const host of hosts) {
    if (exclude.has(host.id)) continue;
    const score = scoreOf(rules, host, shape, constraints);
    if (score !== VETOED) candidates.push({ hostId: host.id, score });
  }
  return candidates.sort((a, b) => (isBetter(a.score, a.hostId, b.score, b.hostId) ? -1 : 1));
}
