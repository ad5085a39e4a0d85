/** Why a host would be chosen and why not the others: every filter's verdict and every weigher's score, for every host. */
import { growthPcpus } from "./arithmetic.js";
import { expectedMemoryMiB, expectedPcpus } from "./forecast.js";
import type { Constraints, HostSummary, Prospect, ShapeFilter, Veto, VmShape } from "./model.js";
import { RoomCounter } from "./room-for.js";
import type { Rules } from "./rules.js";

export interface FilterVerdict {
  readonly filter: string;
  /** Null: the filter lets the host through. */
  readonly veto: string | null;
  /** It says what it would do, and does nothing. */
  readonly advisory: boolean;
}

export interface WeigherScore {
  readonly weigher: string;
  readonly weight: number;
  readonly score: number;
}

export interface HostExplanation {
  readonly hostId: string;
  /** All filters, in the order in which they are asked. */
  readonly verdicts: readonly FilterVerdict[];
  /** All weighers, also those without weight; null where the host cannot count the VM at all. */
  readonly scores: readonly WeigherScore[] | null;
  /** Weighted sum; null for a host that a filter vetoes. */
  readonly score: number | null;
  /** How many such VMs it takes, one after the other; where nobody counts, whether it takes one. */
  readonly room: number;
  /** Predicted peak, with all that was placed since; null: no estimate. */
  readonly expected: { readonly pcpus: number | null; readonly memoryMiB: number | null } | null;
}

export interface PlacementExplanation {
  readonly shape: VmShape;
  readonly constraints: Constraints;
  /** Null: no host can take it. */
  readonly chosen: string | null;
  /** Best first, then the vetoed ones by id. */
  readonly hosts: readonly HostExplanation[];
  /** How many hosts each filter vetoes, those that others veto too included; filters that veto none are left out. */
  readonly vetoes: Readonly<Record<string, number>>;
}

/** Whether it keeps the VM off the host. */
export const objects = ({ veto, advisory }: FilterVerdict): boolean => veto !== null && !advisory;

function verdictsOf(rules: Rules, prospect: Prospect, host: HostSummary, constraints: Constraints): FilterVerdict[] {
  const verdict = (filter: string, veto: Veto | null, advisory = false): FilterVerdict => ({
    filter,
    veto: veto === null ? null : veto(),
    advisory,
  });
  const shaped = (filter: ShapeFilter): Veto | null => filter.veto(prospect, filter.fact?.(host) ?? 0);
  return [
    ...rules.shapeFilters.map((filter) => verdict(filter.name, shaped(filter))),
    ...rules.profileFilters.map((filter) => verdict(filter.name, filter.veto(host, constraints))),
    ...rules.hostFilters.map((filter) => verdict(filter.name, filter.veto(host, constraints))),
    ...(rules.advisers ?? []).map((filter) => verdict(filter.name, shaped(filter), true)),
  ];
}

function scoresOf(rules: Rules, prospect: Prospect, host: HostSummary): WeigherScore[] | null {
  if (prospect.growthPcpus === Number.POSITIVE_INFINITY) return null;
  return rules.weighers.map((weigher, i) => {
    const score = weigher.score(prospect, weigher.fact?.(host) ?? 0);
    return { weigher: weigher.name, weight: rules.weights[i]!, score };
  });
}

/** The terms in the order in which `shapeScore` adds them. */
function weightedSum(scores: readonly WeigherScore[]): number {
  let sum = 0;
  for (const { weight, score } of scores) if (weight !== 0) sum += weight * score;
  return sum;
}

export function explainHost(
  rules: Rules,
  host: HostSummary,
  shape: VmShape,
  constraints: Constraints,
  counter: RoomCounter | null = null,
): HostExplanation {
  const prospect = { host, shape, growthPcpus: growthPcpus(host, shape) };
  const verdicts = verdictsOf(rules, prospect, host, constraints);
  const scores = scoresOf(rules, prospect, host);
  const passes = scores !== null && !verdicts.some(objects);
  const score = passes ? weightedSum(scores) : null;
  const room = passes ? (counter?.on(host) ?? 1) : 0;
  const expected = host.forecast === null ? null : { pcpus: expectedPcpus(host), memoryMiB: expectedMemoryMiB(host) };
  return { hostId: host.id, verdicts, scores, score, room, expected };
}

const byId = (a: HostExplanation, b: HostExplanation): number => (a.hostId < b.hostId ? -1 : 1);

function bestFirst(a: HostExplanation, b: HostExplanation): number {
  if (a.score === b.score) return byId(a, b);
  if (a.score === null || b.score === null) return a.score === null ? 1 : -1;
  return b.score - a.score;
}

export function explainPlacement(
  rules: Rules,
  summaries: Iterable<HostSummary>,
  shape: VmShape,
  constraints: Constraints,
): PlacementExplanation {
  const hosts: HostExplanation[] = [];
  const vetoes: Record<string, number> = {};
  const counter = new RoomCounter(rules, shape, constraints);
  for (const summary of summaries) {
    const host = explainHost(rules, summary, shape, constraints, counter);
    hosts.push(host);
    for (const verdict of host.verdicts)
      if (objects(verdict)) vetoes[verdict.filter] = (vetoes[verdict.filter] ?? 0) + 1;
  }
  hosts.sort(bestFirst);
  const first = hosts[0];
  const chosen = first === undefined || first.score === null ? null : first.hostId;
  return { shape, constraints, chosen, hosts, vetoes };
}
