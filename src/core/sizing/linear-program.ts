/** The one form of linear program that sizing asks to be solved, and what it wants to know. Solving is I/O's: a solver is an argument. */

/** Minimise the sum of all columns, each at least 0, so that every row has at least its demand. */
export interface CoveringProgram {
  readonly demand: readonly number[];
  /** Per column, how much it gives to each row. */
  readonly columns: readonly (readonly number[])[];
}

export interface CoveringSolution {
  readonly objective: number;
  /** Per row: what one unit more of its demand would cost. */
  readonly prices: readonly number[];
}

export type SolveCovering = (program: CoveringProgram) => Promise<CoveringSolution>;
