/**
 * What a report is: facts, figures that each say what is to be seen in them, and the numbers behind each. Whoever has something
 * to show (a recorded host, history, a comparison of estimators, a sizing) makes one of these; page.ts and write-report.ts
 * make files of it.
 */
import type { FigureSpec } from "./figure.js";

export type Cell = number | string | null;

/** The numbers behind a figure: one row of names, then rows of as many cells. Null: there is no value. */
export interface NumberTable {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly Cell[])[];
}

export interface ReportFigure {
  /** Of its files, without ending. */
  readonly name: string;
  readonly spec: FigureSpec;
  /** What is seen, in paragraphs. */
  readonly says: readonly string[];
  readonly numbers: NumberTable;
}

export interface Report {
  readonly title: string;
  /** What was measured, where it came from, what to mind. */
  readonly intro: readonly string[];
  readonly facts: readonly (readonly [what: string, value: string])[];
  readonly figures: readonly ReportFigure[];
}

/** RFC 4180; numbers with all their digits, nothing for null. */
export function csvOf({ columns, rows }: NumberTable): string {
  const cell = (value: Cell): string => {
    if (value === null) return "";
    const text = String(value);
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return `${[columns, ...rows].map((row) => row.map(cell).join(",")).join("\n")}\n`;
}

/** A number for reading: three significant digits, thousands apart. */
export const shown = (value: number): string =>
  Math.abs(value) >= 1000 ? Math.round(value).toLocaleString("en-US") : String(Number(value.toPrecision(3)));

export const percent = (part: number): string => `${shown(100 * part)} %`;
