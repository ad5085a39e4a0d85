/**
 * What the balancer decides on and what it decides: vCPUs with their demand, the pCPUs that they may use, and the moves. An
 * arena is a set of pCPUs that nobody's move leaves: the host, or a pool. Everything in an arena is by position: pCPU 0, 1,
 * 2 ... of its list. Demands and loads are in pCPUs: 1 is one pCPU kept busy.
 */
import type { Pcpus } from "../units.js";

export interface ArenaPcpu {
  readonly id: number;
  /** NUMA cell; equal on the pCPUs of one cell. */
  readonly cell: number;
  /** Load of what the balancer must not move. */
  readonly backgroundPcpus: number;
}

export interface ArenaVcpu {
  readonly vm: string;
  readonly vcpu: number;
  readonly demandPcpus: number;
  /** Standard error of the demand: how far off it may be by noise alone. */
  readonly errorPcpus: number;
  /** Position of the one pCPU that it is pinned to; null: it may run on several, or on one that is not here. */
  readonly at: number | null;
  /** Position of the pCPU that it ran on when it was looked at; null: not known, or not here. */
  readonly ranOn: number | null;
  /** NUMA cell in which its memory is taken to be (all pCPUs that it may run on lie there); null: none. */
  readonly homeCell: number | null;
  /** Positions that it may use; null: all. */
  readonly allowed: readonly number[] | null;
}

export interface Arena {
  readonly pcpus: readonly ArenaPcpu[];
  readonly vcpus: readonly ArenaVcpu[];
  /** Nothing has changed for some readings but by noise. */
  readonly isSettled: boolean;
  /** What the settled arena was like when it was last looked at and left as it is; null: it was not. */
  readonly leftAlone: LeftAlone | null;
}

export interface LeftAlone {
  readonly deviationPcpus: number;
  readonly marginPcpus: number;
}

/** Why nothing, or something, is moved. */
export type Verdict =
  /** No vCPU, or no pCPU. */
  | "empty"
  /** The loads are even enough. */
  | "balanced"
  /** They are not, but no assignment is better by what a migration is worth. */
  | "no-gain"
  | "moves";

export interface Move {
  /** Index into the arena's vCPUs. */
  readonly index: number;
  readonly to: number;
}

export interface Plan {
  readonly verdict: Verdict;
  readonly moves: readonly Move[];
  /** Standard deviation of the pCPU loads, as they are and after the moves. vCPUs without a pCPU count where they would go. */
  readonly deviation: Pcpus;
  readonly plannedDeviation: Pcpus;
  /** How much lower the deviation must become for a move to be worth it. */
  readonly margin: Pcpus;
}

/**
 * Loads whose standard deviation is at most this are balanced (spec 4.1: 5 percentage points of a pCPU).
 */
export const BALANCED_PCPUS = 0.05;

/**
 * The least gain that is worth moving a vCPU. A migration costs the caches of one core, some milliseconds of work, once; an
 * evenness of three points more gives about three hundredths of a pCPU back for as long as it lasts. More than what planning
 * may leave (`EVEN_PCPUS` and `CELL_WORTH_PCPUS` together), so that a plan that was carried out is not improved by the next.
 */
export const LEAST_GAIN_PCPUS = 0.03;

/** Deviation that staying in the NUMA cell of one's memory is worth: access to another cell's is half again as slow. */
export const CELL_WORTH_PCPUS = 0.01;

/**
 * The hysteresis: a settled arena that was left as it is is looked at anew only when its deviation has grown by this and by more
 * than noise could, or when its loads are known so much better that the margin fell to a part of what it was.
 */
export const LEAST_GROWTH_PCPUS = 0.015;
export const FALLEN_MARGIN = 0.7;

/**
 * Assignments whose deviations differ by less are equally even: hypervisors count vCPU time in steps of 10 ms, a hundredth of a
 * pCPU over the second that an interval has at least in practice. Among equally even ones the number of moves decides.
 */
export const EVEN_PCPUS = 0.01;
