/** What a round of the balancer says of itself: for tables, JSON and metrics. */
import type { Verdict } from "../../core/balance/model.js";
import type { CpuSet } from "../../core/cpuset.js";
import type { Milliseconds, Pcpus } from "../../core/units.js";

export interface VcpuLine {
  readonly vm: string;
  readonly vcpu: number;
  readonly demandPcpus: Pcpus;
}

export interface PcpuLine {
  readonly id: number;
  readonly cell: number;
  /** After the round's moves, which are where they are meant to be. */
  readonly loadPcpus: Pcpus;
  /** Of vCPUs that may run on several pCPUs, or that are left alone: their share. */
  readonly otherPcpus: Pcpus;
  readonly vcpus: readonly VcpuLine[];
}

export interface MoveLine {
  readonly vm: string;
  readonly vcpu: number;
  readonly demandPcpus: Pcpus;
  readonly from: CpuSet;
  readonly to: number;
  /** Why it could not be made; null: it was, or would be in a dry run. */
  readonly failure: string | null;
}

export interface BalanceReport {
  /** Since the epoch. */
  readonly at: Milliseconds;
  /** Rounds up to now, this one included. */
  readonly round: number;
  readonly dryRun: boolean;
  readonly verdict: Verdict;
  /** Standard deviation of the pCPU loads before the moves and after them. */
  readonly deviation: Pcpus;
  readonly plannedDeviation: Pcpus;
  readonly margin: Pcpus;
  readonly pcpus: readonly PcpuLine[];
  readonly moves: readonly MoveLine[];
  /** Sentences about what is left alone, and why. */
  readonly notes: readonly string[];
}

export interface BalanceTotals {
  readonly rounds: number;
  readonly moves: number;
  readonly failedMoves: number;
}
