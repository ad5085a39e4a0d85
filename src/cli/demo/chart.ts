/** Pool sizes over the hour as a stacked area: a column is a slice of time, a row a share of the host's pCPUs. */
import type { Paint } from "../terminal.js";
import { FREE_SIGN, lookOf } from "./palette.js";
import type { DemoView, Moment } from "./view.js";
import { HOUR_SECONDS } from "./workload.js";

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
export function poolChart(view: DemoView, columns: number, rows: number, paint: Paint, coloured: boolean): string[] {
  const total = view.host.pcpus.total;
  const moments = momentsByColumn(view.history, columns);
  const step = total / (rows * 2);
  return Array.from({ length: rows }, (_, row) => {
    const lowerLevel = (rows - 1 - row) * 2 * step + step / 2;
    return moments
      .map((moment) => {
        if (moment === null) return " ";
        const lower = placeAt(moment, view.ratios, lowerLevel);
        return cell(placeAt(moment, view.ratios, lowerLevel + step), lower, paint, coloured);
      })
      .join("");
  });
}
