/** Pool sizes over the hour as a stacked area: a column is a slice of time, a row a share of the host's pCPUs. */
import type { Paint } from "../terminal.js";
import { FREE_SIGN, lookOf } from "./palette.js";
import type { Moment } from "./view.js";
import { HOUR_SECONDS } from "./workload.js";

export interface PoolHistory {
  /** pCPUs in all: the chart's height. */
  readonly total: number;
  /** Ascending; a pool's place here is its colour. */
  readonly ratios: readonly number[];
  readonly history: readonly Moment[];
}

/** The last moment of each column; null where the hour has not come yet. */
function momentsByColumn(history: readonly Moment[], columns: number): (Moment | null)[] {
  const out = new Array<Moment | null>(columns).fill(null);
  let reached = -1;
  for (const moment of history) {
    const column = Math.min(columns - 1, Math.floor((moment.atSeconds / HOUR_SECONDS) * columns));
    for (let between = reached + 1; between < column; between++) out[between] = out[reached] ?? moment;
    out[column] = moment;
    reached = Math.max(reached, column);
  }
  return out;
}

/** Place of the pool that holds `level` pCPUs of the stack, counted from below; -1 above the stack. */
function placeAt(moment: Moment, ratios: readonly number[], level: number): number {
  let top = 0;
  for (const [place, ratio] of ratios.entries()) {
    top += moment.sizes.get(ratio) ?? 0;
    if (level < top) return place;
  }
  return -1;
}

function cell(upper: number, lower: number, paint: Paint, coloured: boolean): string {
  if (!coloured) return lower < 0 ? " " : lookOf(lower).sign;
  if (lower < 0) return upper < 0 ? paint("dim", FREE_SIGN) : " ";
  if (upper < 0) return paint(lookOf(lower).ink, "▄");
  if (upper === lower) return paint(lookOf(lower).ink, "█");
  return paint([lookOf(upper).ink, lookOf(lower).ground], "▀");
}

/** `rows` lines of `columns` cells, top first; each row is two half rows where there is colour. */
function areaRows(
  { total, ratios, history }: PoolHistory,
  columns: number,
  rows: number,
  paint: Paint,
  coloured: boolean,
): string[] {
  const moments = momentsByColumn(history, columns);
  const step = total / (rows * 2);
  return Array.from({ length: rows }, (_, row) => {
    const lowerLevel = (rows - 1 - row) * 2 * step + step / 2;
    return moments
      .map((moment) => {
        if (moment === null) return " ";
        const lower = placeAt(moment, ratios, lowerLevel);
        return cell(placeAt(moment, ratios, lowerLevel + step), lower, paint, coloured);
      })
      .join("");
  });
}

const LABEL_COLUMNS = 5;

/** The chart with its title, scale and clock, `rows` + 2 lines of at most `columns` cells. */
export function poolChart(
  pools: PoolHistory,
  columns: number,
  rows: number,
  paint: Paint,
  coloured: boolean,
): string[] {
  const width = columns - LABEL_COLUMNS;
  const area = areaRows(pools, width, rows, paint, coloured).map((line, row) => {
    const label = row === 0 ? String(pools.total) : row === rows - 1 ? "0" : "";
    return `${paint("dim", `${label.padStart(LABEL_COLUMNS - 1)}│`)}${line}`;
  });
  const ticks = ["00:00", "15:00", "30:00", "45:00"].map((tick) => tick.padEnd(width / 4)).join("");
  return [paint("dim", "pool sizes over the hour, in pCPUs"), ...area, paint("dim", " ".repeat(LABEL_COLUMNS) + ticks)];
}
