/**
 * One picture of the demonstration: what the host is, its pools as bars, its pCPUs as a map, the hour as a chart, the last
 * events. Fits any terminal from 80 columns and 24 rows; larger ones get the large map, a higher chart and more events.
 */

import { formatMemory, formatRatio } from "../numbers.js";
import type { EventLine } from "../play/happening.js";
import type { Paint } from "../terminal.js";
import { type PoolHistory, poolChart } from "./chart.js";
import { LARGE_COLUMNS, largeMap, smallMap } from "./host-map.js";
import { lookOf } from "./palette.js";
import { type DemoView, formatClock } from "./view.js";

export interface FrameSize {
  readonly columns: number;
  readonly rows: number;
}

export const LEAST: FrameSize = { columns: 80, rows: 24 };
/** Wider lines are hard to read. */
export const MOST_COLUMNS = 120;
/** Bars are this much narrower than the screen: label before, numbers behind. */
const BAR_MARGIN = 46;
const FULL_CHART_ROWS = 8;

const number = (value: number | null, digits: number): string => (value === null ? "-" : value.toFixed(digits));

function titleLines(view: DemoView, columns: number, paint: Paint): string[] {
  const { host } = view;
  const left = "HEADROOM DEMO";
  const clock = `${formatClock(view.atSeconds)} of 60:00, ${view.speed}x`;
  const room = columns - left.length - clock.length - 3;
  const size = `${host.pcpus.total} pCPUs, ${formatMemory(host.memory.capacityMiB)}`;
  const whats = [`simulated host: ${size}, policy ${host.policy}`, `simulated host: ${size}`, size];
  const what = whats.find((text) => text.length <= room) ?? "";
  const gap = columns - left.length - 2 - what.length - clock.length;
  const vcpus = host.pools.reduce((sum, pool) => sum + pool.allocatedVcpus, 0);
  const over =
    host.pcpus.inPools > 0 ? ` on ${host.pcpus.inPools} pCPUs (${(vcpus / host.pcpus.inPools).toFixed(2)}:1)` : "";
  const facts = [
    `${host.vmCount} VMs`,
    `${vcpus} vCPUs sold${over}`,
    `memory ${formatMemory(host.memory.allocatedMiB)}`,
    `used ${number(host.usage.cpuPcpus, 0)} pCPUs`,
  ].join(" · ");
  return [`${paint("bold", left)}  ${what}${" ".repeat(gap)}${paint("bold", clock)}`, facts];
}

/** Filled for what is used, shaded for the rest of the pool, within a field as long as the host. */
function bar(size: number, used: number, total: number, width: number): { used: string; idle: string; rest: string } {
  const cells = size === 0 ? 0 : Math.max(1, Math.round((size / total) * width));
  const filled = Math.min(cells, Math.round((used / total) * width));
  return { used: "█".repeat(filled), idle: "▒".repeat(cells - filled), rest: " ".repeat(width - cells) };
}

function poolLines(view: DemoView, columns: number, paint: Paint, coloured: boolean): string[] {
  const width = columns - BAR_MARGIN;
  const { host } = view;
  const lines = view.ratios.map((ratio, place) => {
    const { ink, sign } = lookOf(place);
    const pool = host.pools.find((candidate) => candidate.ratio === ratio);
    const { used, idle, rest } = bar(pool?.pcpuCount ?? 0, pool?.usagePcpus ?? 0, host.pcpus.total, width);
    const sold = `${pool?.allocatedVcpus ?? 0}/${Math.floor((pool?.pcpuCount ?? 0) * ratio)}`;
    const numbers = [
      String(pool?.pcpuCount ?? 0).padStart(6),
      sold.padStart(11),
      number(pool?.usagePcpus ?? null, 1).padStart(7),
      number(pool?.waitPcpus ?? null, 1).padStart(7),
      String(pool?.vms.length ?? 0).padStart(5),
    ].join("");
    return `${paint(["bold", ink], `${coloured ? "■" : sign} ${formatRatio(ratio)}`.padEnd(8))}${paint(ink, used + idle)}${rest}  ${numbers}`;
  });
  const free = bar(host.pcpus.free, 0, host.pcpus.total, width);
  const head = `${"pools".padEnd(8)}${"█ used ▒ idle".padEnd(width)}   pCPUs sold vCPUs  used   wait  VMs`;
  const freeLine = `${"free".padEnd(8)}${"·".repeat(free.idle.length)}${free.rest}  ${String(host.pcpus.free).padStart(6)}`;
  return [paint("dim", head), ...lines, paint("dim", freeLine)];
}

/** Cut where it would not fit. */
export const fitted = (text: string, columns: number): string =>
  text.length > columns ? `${text.slice(0, columns - 1)}…` : text;

function eventText(event: EventLine, columns: number, paint: Paint): string {
  const mark = { arrived: paint("green", "+"), left: paint("dim", "-"), refused: paint("red", "✗") }[event.kind];
  const text = fitted(event.text, columns - 9);
  return `${paint("dim", formatClock(event.atSeconds))}  ${mark} ${event.kind === "refused" ? paint("red", text) : text}`;
}

const chartOf = ({ host, ratios, history }: DemoView): PoolHistory => ({ total: host.pcpus.total, ratios, history });

const heading = (paint: Paint): string =>
  paint("dim", "every core: upper and lower half are its two pCPUs, a gap ends an L3 group");

/** Lines of at most `size.columns` cells, as many as `size.rows`. */
export function renderFrame(view: DemoView, size: FrameSize, paint: Paint, coloured: boolean): string[] {
  const columns = Math.min(MOST_COLUMNS, Math.max(LEAST.columns, size.columns)) - 1;
  const rows = Math.max(LEAST.rows, size.rows);
  const top = [...titleLines(view, columns, paint), "", ...poolLines(view, columns, paint, coloured), ""];
  const { arrived, left, refused } = view.totals;
  const foot = paint("dim", `${arrived} in, ${left} out, ${refused} refused · headroom vm list --url ${view.url}`);
  const large = columns >= LARGE_COLUMNS ? largeMap(view, columns, paint, coloured) : null;
  const small = [heading(paint), ...smallMap(view, columns, paint, coloured)];
  /** Beside map and chart: the chart's title, axis, and the gaps around. */
  const fixed = top.length + 2 + 3 + 1;
  const map = large !== null && rows - fixed - large.length >= FULL_CHART_ROWS + 3 ? large : small;
  const leftOver = rows - fixed - map.length;
  const chartRows = Math.max(3, Math.min(FULL_CHART_ROWS, leftOver - 2));
  const eventRows = Math.max(1, leftOver - chartRows);
  const events = view.events.slice(-eventRows).map((event) => eventText(event, columns, paint));
  while (events.length < eventRows) events.push("");
  return [
    ...top,
    ...map,
    "",
    ...poolChart(chartOf(view), columns, chartRows, paint, coloured),
    "",
    ...events,
    foot,
  ].slice(0, rows);
}
