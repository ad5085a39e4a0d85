/** Bars that each say their number, below a line that means something: the lower bound, what a host has. */
import { barY, ruleY, text } from "@observablehq/plot";
import { COLOURS, type FigureSpec } from "./figure.js";

export interface Bars {
  readonly title: string;
  readonly subtitle: string;
  /** What the bars are, and what the line is. */
  readonly legend: { readonly bars: string; readonly line: string };
  readonly x: string;
  readonly y: string;
  readonly bars: readonly { readonly name: string; readonly value: number; readonly said: string }[];
  readonly line: number;
}

/** Room above the highest bar for what it says, in parts of it. */
const HEADROOM = 0.12;
const DASHES = "6 3";

export function barFigure({ title, subtitle, legend, x, y, bars, line }: Bars): FigureSpec {
  const most = Math.max(1, line, ...bars.map(({ value }) => value));
  return {
    title,
    subtitle,
    legend: [
      { label: legend.bars, colour: COLOURS[1] },
      { label: legend.line, colour: COLOURS[0], dashes: DASHES },
    ],
    plot: {
      width: 800,
      height: 380,
      marginLeft: 64,
      marginBottom: 44,
      x: { label: x, labelAnchor: "center", labelArrow: "none", domain: bars.map(({ name }) => name) },
      y: { label: y, grid: true, labelArrow: "none", domain: [0, (1 + HEADROOM) * most] },
      marks: [
        barY(bars, { x: "name", y: "value", fill: COLOURS[1], insetLeft: 20, insetRight: 20 }),
        ruleY([0]),
        ruleY([line], { stroke: COLOURS[0], strokeDasharray: DASHES, strokeWidth: 2 }),
        text(bars, { x: "name", y: "value", text: "said", dy: -9 }),
      ],
    },
  };
}
