/**
 * Whether the vCPUs of an arena are moved, and where to (spec 4.1). Balanced loads are left alone. A better assignment is
 * taken when it lowers the deviation of the loads by what a migration is worth, and by more than noise alone would show: the
 * plan is made on noisy demands, so a part of what it promises is never there. vCPUs that are not pinned to one pCPU are in
 * any case. Why so: docs/decisions/0013-vcpu-balancer.md.
 */
import { pcpus } from "../units.js";
import { type Field, fieldOf, NOWHERE, withAllowed } from "./board.js";
import {
  type Arena,
  BALANCED_PCPUS,
  FALLEN_MARGIN,
  LEAST_GAIN_PCPUS,
  LEAST_GROWTH_PCPUS,
  type LeftAlone,
  type Move,
  type Plan,
  type Verdict,
} from "./model.js";
import { boardOf } from "./relabel.js";
import { solve } from "./solve.js";

/** Sums of demands are off by less. */
const ROUNDING = 1e-9;
/** Standard normal quantile of one in 30,000: noise alone passes the margin once in as many rounds, a day of 3-second ones. */
const RARE = 4;
const MOST_ROUNDS = 4;
export function planArena(arena: Arena): Plan {
  const field = fieldOf(arena);
  if (field.vcpuCount === 0 || field.pcpuCount === 0) return planOf("empty", [], 0, 0, 0);
  const noise = noiseOf(arena);
  const margin = Math.max(LEAST_GAIN_PCPUS, noise);
  const first = placed(field);
  const deviation = boardOf(field, first).deviation();
  if (deviation <= BALANCED_PCPUS + ROUNDING) return stay("balanced", field, first, deviation, margin);
  if (isAsLeftAlone(arena, deviation, margin, noise)) return stay("no-gain", field, first, deviation, margin);
  // Searched from both beginnings: what is here, and what it would be with everybody placed.
  for (const start of first === field.start ? [first] : [field.start, first]) {
    const better = settled({ ...field, start });
    const planned = boardOf(field, better).deviation();
    if (deviation - planned >= margin) return planOf("moves", movesTo(field, better), deviation, planned, margin);
  }
  return stay("no-gain", field, first, deviation, margin);
}

function isAsLeftAlone({ isSettled, leftAlone }: Arena, deviation: number, margin: number, noise: number): boolean {
  return (
    isSettled &&
    leftAlone !== null &&
    margin >= FALLEN_MARGIN * leftAlone.marginPcpus &&
    deviation < leftAlone.deviationPcpus + Math.max(LEAST_GROWTH_PCPUS, noise)
  );
}

/** What to remember of a plan for the next one of the same arena. */
export function leftAloneAfter({ isSettled, leftAlone }: Arena, plan: Plan): LeftAlone | null {
  if (!isSettled || plan.moves.length > 0) return null;
  if (leftAlone !== null && plan.margin >= FALLEN_MARGIN * leftAlone.marginPcpus) return leftAlone;
  return { deviationPcpus: plan.deviation, marginPcpus: plan.margin };
}

/** Who is pinned to one pCPU stays there, the others are placed as well as can be. */
function placed(field: Field): Int32Array {
  if (field.start.every((at) => at !== NOWHERE)) return field.start;
  const bound = new Map<number, Int32Array>();
  const allowed = field.allowed.map((places, index) => {
    const at = field.start[index]!;
    if (at === NOWHERE) return places;
    const only = bound.get(at) ?? Int32Array.of(at);
    bound.set(at, only);
    return only;
  });
  return solve(withAllowed(field, allowed));
}

/**
 * An assignment that planning again would not better by what a move is worth: where loads cannot be balanced, the search from
 * one assignment may end above what the search from the next one finds.
 */
function settled(field: Field): Int32Array {
  let at = solve(field);
  let deviation = boardOf(field, at).deviation();
  for (let round = 1; round < MOST_ROUNDS && deviation > BALANCED_PCPUS; round++) {
    const next = solve({ ...field, start: at, homeCell: at.map((pcpu) => field.cells[pcpu]!) });
    const nextDeviation = boardOf(field, next).deviation();
    if (deviation - nextDeviation < LEAST_GAIN_PCPUS) break;
    at = next;
    deviation = nextDeviation;
  }
  return at;
}

/** Only what had no place moves. */
function stay(verdict: Verdict, field: Field, at: Int32Array, deviation: number, margin: number): Plan {
  const moves = movesTo(field, at);
  return planOf(moves.length > 0 ? "moves" : verdict, moves, deviation, deviation, margin);
}

function movesTo({ start }: Field, at: Int32Array): readonly Move[] {
  const moves: Move[] = [];
  for (let index = 0; index < at.length; index++) if (at[index] !== start[index]) moves.push({ index, to: at[index]! });
  return moves;
}

const planOf = (
  verdict: Verdict,
  moves: readonly Move[],
  deviation: number,
  planned: number,
  margin: number,
): Plan => ({
  verdict,
  moves,
  deviation: pcpus(deviation),
  plannedDeviation: pcpus(planned),
  margin: pcpus(margin),
});

/**
 * Loads that are equal but for noise show a deviation whose square is chi-squared distributed; an assignment made after that
 * noise would promise to remove it. This is the quantile of it.
 */
function noiseOf({ pcpus: places, vcpus }: Arena): number {
  const n = places.length;
  let variance = 0;
  for (const { errorPcpus } of vcpus) variance += errorPcpus * errorPcpus;
  return quantileFactor(n) * Math.sqrt(variance / n);
}

/** Square root of the chi-squared quantile with n - 1 degrees of freedom over n (Wilson and Hilferty, 1931). */
function quantileFactor(n: number): number {
  if (n < 2) return 0;
  const k = n - 1;
  const root = 1 - 2 / (9 * k) + RARE * Math.sqrt(2 / (9 * k));
  return Math.sqrt((k * root ** 3) / n);
}
