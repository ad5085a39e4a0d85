/** Lines of a figure over time: their colours and patterns, the legend that belongs to them, and what a sentence says of them. */
import { lineY, type Markish } from "@observablehq/plot";
import { COLOURS, type LegendEntry } from "./figure.js";
import type { LinePoint } from "./time-axis.js";

/** A value for each moment; null: none is known. */
export type Series = readonly (number | null)[];

/** Room for the axes and their names. */
export const MARGINS = { marginTop: 30, marginLeft: 64, marginBottom: 44 } as const;

/** The first colour is for what is used, wherever one thing is shown; several of a kind take the others. */
export const colourOf = (i: number): string => COLOURS[(i + 1) % COLOURS.length]!;
/** Beyond the colours there are, lines are told apart by their pattern as well. */
export const dashesOf = (i: number): { readonly dashes?: string } => (i < COLOURS.length ? {} : { dashes: "6 3" });

export interface Line {
  readonly label: string;
  readonly colour: string;
  readonly dashes?: string;
  readonly points: readonly LinePoint[];
  /** Values that hold until the next one. */
  readonly steps?: boolean;
}

/** A line without a value is neither drawn nor in the legend. */
const drawn = (lines: readonly Line[]): readonly Line[] =>
  lines.filter(({ points }) => points.some(({ y }) => y !== null));

export const legendOf = (lines: readonly Line[]): readonly LegendEntry[] =>
  drawn(lines).map(({ label, colour, dashes }) => ({ label, colour, ...(dashes === undefined ? {} : { dashes }) }));

export const marksOf = (lines: readonly Line[]): Markish[] =>
  drawn(lines).map(({ colour, dashes, points, steps }) =>
    lineY(points, {
      x: "x",
      y: "y",
      stroke: colour,
      strokeWidth: 1.8,
      ...(dashes === undefined ? {} : { strokeDasharray: dashes }),
      ...(steps === true ? { curve: "step-after" } : {}),
    }),
  );

/** The largest value, and when; null where there is none. */
export function peakOf(series: Series): { readonly value: number; readonly tick: number } | null {
  let peak: { value: number; tick: number } | null = null;
  for (const [tick, value] of series.entries())
    if (value !== null && (peak === null || value > peak.value)) peak = { value, tick };
  return peak;
}

export function meanOf(series: Series): number | null {
  const values = series.filter((value) => value !== null);
  return values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length;
}
