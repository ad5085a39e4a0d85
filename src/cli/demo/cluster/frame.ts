/**
 * One picture of the demonstration's cluster: every host as a bar of its pools with its state, all pools over the hour as a
 * chart, the last events with their reasons, totals. Fits any terminal from 80 columns and 24 rows.
 */
import type { ClusterHostAnswer } from "../../../http/scheduler/schemas/answers.js";
import { formatMemory, formatRatio } from "../../numbers.js";
import type { Paint } from "../../terminal.js";
import { poolChart } from "../chart.js";
import { type FrameSize, fitted, LEAST, MOST_COLUMNS } from "../frame.js";
import { FREE_SIGN, lookOf } from "../palette.js";
import { formatClock } from "../view.js";
import { type ClusterLine, type ClusterView, clockText, sumsOf, totalsLine } from "./view.js";

const STATE_COLOURS = { up: "green", suspect: "yellow", down: "red", new: "dim" } as const;
const NAME_COLUMNS = 8;
const STATE_COLUMNS = 8;
/** `120/128   71%   54` behind the bar. */
const NUMBER_COLUMNS = 22;
const FULL_CHART_ROWS = 8;

function titleLines(view: ClusterView, columns: number, paint: Paint): string[] {
  const { vms, vcpus, pcpus, pcpusInPools, memoryMiB, memoryAllocatedMiB } = sumsOf(view.hosts);
  const left = "HEADROOM DEMO";
  const clock = clockText(view);
  const what = `scheduler, ${view.hosts.length} simulated hosts`.slice(0, columns - left.length - clock.length - 3);
  const gap = " ".repeat(columns - left.length - 2 - what.length - clock.length);
  const over = pcpusInPools > 0 ? ` on ${pcpusInPools} of ${pcpus} pCPUs (${(vcpus / pcpusInPools).toFixed(2)}:1)` : "";
  const memory = `memory ${formatMemory(memoryAllocatedMiB)} of ${formatMemory(memoryMiB)}`;
  return [
    `${paint("bold", left)}  ${what}${gap}${paint("bold", clock)}`,
    fitted(`${vms} VMs · ${vcpus} vCPUs sold${over} · ${memory}`, columns),
  ];
}

/** The host's pools one after the other, then what is free, as long as the host is large. */
function hostBar(host: ClusterHostAnswer, view: ClusterView, cells: number, paint: Paint, coloured: boolean): string {
  const { status } = host;
  if (status === null || cells === 0) return "";
  const total = status.pcpus.total;
  let [drawn, reached] = [0, 0];
  const pieces = view.ratios.map((ratio, place) => {
    reached += status.pools.find((pool) => pool.ratio === ratio)?.pcpuCount ?? 0;
    const upTo = Math.round((reached / total) * cells);
    const { ink, sign } = lookOf(place);
    const cell = !coloured ? sign : host.state === "up" ? "█" : "▒";
    const text = cell.repeat(upTo - drawn);
    drawn = upTo;
    return paint(ink, text);
  });
  return pieces.join("") + paint("dim", FREE_SIGN.repeat(cells - drawn));
}

function hostLines(view: ClusterView, columns: number, paint: Paint, coloured: boolean): string[] {
  const width = columns - NAME_COLUMNS - STATE_COLUMNS - NUMBER_COLUMNS;
  const largest = Math.max(1, ...view.hosts.map(({ status }) => status?.pcpus.total ?? 0));
  const lines = view.hosts.map((host) => {
    const { status, state } = host;
    const cells = Math.round(((status?.pcpus.total ?? 0) / largest) * width);
    const bar = hostBar(host, view, cells, paint, coloured);
    const fill = status === null ? "-" : `${status.pcpus.inPools}/${status.pcpus.total}`;
    const memory = status === null ? 0 : status.memory.allocatedMiB / status.memory.capacityMiB;
    const numbers = `${fill.padStart(9)}${`${Math.round(memory * 100)}%`.padStart(7)}${String(host.vmCount).padStart(6)}`;
    const name = host.id.slice(0, NAME_COLUMNS - 1).padEnd(NAME_COLUMNS);
    return `${paint("bold", name)}${paint(STATE_COLOURS[state], state.padEnd(STATE_COLUMNS))}${bar}${" ".repeat(width - cells)}${numbers}`;
  });
  const legend = view.ratios.map((ratio, place) => {
    const { ink, sign } = lookOf(place);
    return `${coloured ? paint(ink, "■") : sign} ${formatRatio(ratio)}`;
  });
  const plainLegend = view.ratios.map((ratio) => `■ ${formatRatio(ratio)}`).join(" ");
  const room = " ".repeat(Math.max(0, width - plainLegend.length - 7));
  const head = `${paint("dim", "host    state   ")}${legend.join(" ")} ${paint("dim", `${FREE_SIGN} free${room}`)}`;
  return [`${head}${paint("dim", "    pCPUs memory   VMs")}`, ...lines];
}

function eventText(line: ClusterLine, columns: number, paint: Paint): string {
  const style =
    line.kind === "refused"
      ? "red"
      : line.kind === "host"
        ? line.state === null
          ? "bold"
          : STATE_COLOURS[line.state]
        : null;
  const mark = { arrived: paint("green", "+"), left: paint("dim", "-"), refused: paint("red", "✗"), host: "●" }[
    line.kind
  ];
  const text = fitted(line.text, columns - 9);
  const painted = style === null ? `${mark} ${text}` : `${paint(style, mark)} ${paint(style, text)}`;
  return `${paint("dim", formatClock(line.atSeconds))}  ${painted}`;
}

/** The newest events, but what happened to hosts is not washed away by VMs: the last three such lines stay. */
function shownEvents(events: readonly ClusterLine[], rows: number): readonly ClusterLine[] {
  const kept = new Set(events.filter(({ kind }) => kind === "host").slice(-Math.min(3, rows - 1)));
  const room = Math.max(0, rows - kept.size);
  const newest = new Set(room === 0 ? [] : events.filter((event) => !kept.has(event)).slice(-room));
  return events.filter((event) => kept.has(event) || newest.has(event));
}

/** Lines of at most `size.columns` cells, as many as `size.rows`. */
export function renderCluster(view: ClusterView, size: FrameSize, paint: Paint, coloured: boolean): string[] {
  const columns = Math.min(MOST_COLUMNS, Math.max(LEAST.columns, size.columns)) - 1;
  const rows = Math.max(LEAST.rows, size.rows);
  const top = [...titleLines(view, columns, paint), "", ...hostLines(view, columns, paint, coloured), ""];
  const foot = [
    fitted(totalsLine(view), columns),
    paint("dim", fitted(`look: bin/headroom host list --url ${view.url}   ${view.url}/metrics`, columns)),
  ];
  /** Beside them: the chart's title and clock, a gap before the events and one behind. */
  const leftOver = rows - top.length - foot.length - 4;
  const chartRows = Math.max(3, Math.min(FULL_CHART_ROWS, Math.floor(leftOver / 2)));
  const eventRows = Math.max(2, leftOver - chartRows);
  const events = shownEvents(view.events, eventRows).map((event) => eventText(event, columns, paint));
  while (events.length < eventRows) events.push("");
  const total = sumsOf(view.hosts).pcpus;
  const chart = poolChart({ total, ratios: view.ratios, history: view.history }, columns, chartRows, paint, coloured);
  return [...top, ...chart, "", ...events, "", ...foot].slice(0, rows);
}
