/**
 * What is wrong with a trace, by line and field. A strict reading stops at the first problem; otherwise the first ones are
 * kept for the report, all are counted, and reading goes on.
 */
import { OperationalError } from "../ports/errors.js";

export type ProblemKind =
  | "cut-line"
  | "bad-field"
  | "unknown-record"
  | "unknown-column"
  | "back-in-time"
  | "repeated-record"
  | "pool-missing"
  | "empty";

export interface TraceProblem {
  /** From 1, the header line included. */
  readonly line: number;
  readonly field: string;
  readonly kind: ProblemKind;
  /** What was found and what was done about it. */
  readonly message: string;
}

/** More than a person reads; the count goes on. */
const KEPT = 100;

export const describeProblem = (problem: TraceProblem): string =>
  `line ${problem.line}, field ${problem.field}: ${problem.message}`;

export class Problems {
  readonly kept: TraceProblem[] = [];
  total = 0;
  readonly byKind = new Map<ProblemKind, number>();

  constructor(
    private readonly path: string,
    private readonly strict: boolean,
  ) {}

  /** Throws `OperationalError` (bad-input-file) in a strict reading. */
  add(line: number, field: string, kind: ProblemKind, message: string): void {
    const problem = { line, field, kind, message };
    if (this.strict) throw badTrace(this.path, problem);
    this.total += 1;
    this.byKind.set(kind, (this.byKind.get(kind) ?? 0) + 1);
    if (this.kept.length < KEPT) this.kept.push(problem);
  }
}

export const badTrace = (path: string, problem: TraceProblem): OperationalError =>
  new OperationalError("bad-input-file", `${path}: ${describeProblem(problem)}`, false);
