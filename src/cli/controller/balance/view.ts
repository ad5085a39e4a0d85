/**
 * What `headroom balance` shows of its rounds: pCPUs as bars with the VMs on them and the last moves on a terminal, a line for
 * each round and each move elsewhere, JSON for programs. Loads are in per cent of one pCPU, as the course's monitor has them.
 */
import type { BalanceReport, MoveLine, PcpuLine, VcpuLine } from "../../../agent/balance/report.js";
import { formatCpuSet } from "../../../core/cpuset.js";
import type { Seconds } from "../../../core/units.js";
import type { Paint } from "../../terminal.js";
import type { View } from "../presenter.js";

interface Size {
  readonly columns: number;
  readonly rows: number;
}

const KEPT_MOVES = 5;
const BAR_WIDTH = 20;
/** Narrower than this a column of pCPUs has no names. */
const NAMED_COLUMN = 40;
const LEAST_COLUMN = 11;

const percent = (pcpus: number): number => Math.round(pcpus * 1000) / 10;
const shown = (pcpus: number): string => (pcpus * 100).toFixed(pcpus < 0.1 ? 1 : 0);
const clockTime = (at: number): string => new Date(at).toISOString().slice(11, 19);

const VERDICTS: Readonly<Record<BalanceReport["verdict"], string>> = {
  empty: "no running guests",
  balanced: "balanced",
  "no-gain": "cannot be more even by what a move is worth",
  moves: "uneven",
};

export const balanceView = (interval: Seconds): View<BalanceReport> => {
  const lastMoves: string[] = [];
  let lastRound = 0;
  const remember = (report: BalanceReport): void => {
    if (report.round === lastRound) return;
    lastRound = report.round;
    lastMoves.push(...report.moves.map((move) => `${clockTime(report.at)}  ${moveText(move, report.dryRun)}`));
    lastMoves.splice(0, Math.max(0, lastMoves.length - KEPT_MOVES));
  };
  return {
    json: reportJson,
    lines: reportLines,
    frame(report, paint, size) {
      remember(report);
      return frameLines(report, interval, lastMoves, paint, size);
    },
  };
};

const reportJson = (report: BalanceReport): object => ({
  at: new Date(report.at).toISOString(),
  round: report.round,
  dryRun: report.dryRun,
  verdict: report.verdict,
  deviationPercent: percent(report.deviation),
  plannedDeviationPercent: percent(report.plannedDeviation),
  marginPercent: percent(report.margin),
  pcpus: report.pcpus.map(({ id, cell, loadPcpus, otherPcpus, vcpus }) => ({
    id,
    cell,
    loadPercent: percent(loadPcpus),
    otherPercent: percent(otherPcpus),
    vcpus: vcpus.map(({ vm, vcpu, demandPcpus }) => ({ vm, vcpu, demandPercent: percent(demandPcpus) })),
  })),
  moves: report.moves.map(({ vm, vcpu, demandPcpus, from, to, failure }) => ({
    vm,
    vcpu,
    demandPercent: percent(demandPcpus),
    from: formatCpuSet(from),
    to: String(to),
    failure,
  })),
  notes: report.notes,
});

function moveText({ vm, vcpu, demandPcpus, from, to, failure }: MoveLine, dryRun: boolean): string {
  const what = `${vm} vCPU ${vcpu} (${shown(demandPcpus)} %)`;
  if (failure !== null) return `could not move ${what} to pCPU ${to}: ${failure}`;
  return `${dryRun ? "would move" : "moved"} ${what} from ${formatCpuSet(from)} to ${to}`;
}

/** `uneven: deviation 35.4 points, 0.2 after 4 moves`. */
function summary({ verdict, deviation, plannedDeviation, moves, dryRun }: BalanceReport): string {
  if (verdict === "empty") return VERDICTS.empty;
  const now = `${VERDICTS[verdict]}: deviation ${percent(deviation).toFixed(1)} points`;
  if (moves.length === 0) return now;
  const count = `${moves.length} ${moves.length === 1 ? "move" : "moves"}`;
  return `${now}, ${percent(plannedDeviation).toFixed(1)} ${dryRun ? "it would be after" : "after"} ${count}`;
}

function reportLines(report: BalanceReport, paint: Paint): readonly string[] {
  const stamp = paint("dim", clockTime(report.at));
  const style = report.moves.length > 0 ? "yellow" : "green";
  return [
    `${stamp}  ${paint(style, summary(report))}`,
    ...report.moves.map((move) => `${stamp}    ${moveText(move, report.dryRun)}`),
    ...report.notes.map((note) => `${stamp}    ${paint("dim", note)}`),
  ];
}

function frameLines(
  report: BalanceReport,
  interval: Seconds,
  lastMoves: readonly string[],
  paint: Paint,
  size: Size,
): readonly string[] {
  const mode = report.dryRun ? ", dry run" : "";
  const head = [
    `${paint("bold", "HEADROOM BALANCE")}  round ${report.round}, every ${interval} s${mode}  ${paint("dim", clockTime(report.at))}`,
    paint(report.moves.length > 0 ? "yellow" : "green", summary(report)),
    "",
  ];
  const tail = [
    "",
    ...(lastMoves.length > 0 ? ["last moves:", ...lastMoves.map((text) => `  ${text}`)] : ["no moves so far"]),
  ];
  const foot = [...tail, ...report.notes.map((note) => paint("dim", note))].map((text) => clip(text, size.columns));
  const room = Math.max(1, size.rows - head.length - foot.length);
  return [...head, ...pcpuLines(report.pcpus, { columns: size.columns, rows: room }, paint), ...foot];
}

/** As many columns as it takes; narrow ones are without names, and what does not fit at all is counted. */
function pcpuLines(pcpus: readonly PcpuLine[], { columns, rows }: Size, paint: Paint): readonly string[] {
  const across = Math.min(Math.ceil(pcpus.length / rows), Math.max(1, Math.floor(columns / LEAST_COLUMN)));
  const width = Math.floor(columns / Math.max(1, across));
  const down = Math.min(rows, Math.ceil(pcpus.length / Math.max(1, across)));
  const most = Math.max(1, ...pcpus.map(({ loadPcpus }) => loadPcpus));
  const cells = pcpus.map((pcpu) => pcpuCell(pcpu, width, most, paint));
  const lines = Array.from({ length: down }, (_, row) =>
    Array.from({ length: across }, (_, column) => cells[column * down + row] ?? "").join(""),
  );
  const hidden = pcpus.length - down * across;
  return hidden > 0 ? [...lines.slice(0, -1), `and ${hidden + across} more pCPUs`] : lines;
}

function pcpuCell({ id, loadPcpus, otherPcpus, vcpus }: PcpuLine, width: number, most: number, paint: Paint): string {
  const load = `${shown(loadPcpus)} %`.padStart(6);
  const style = loadPcpus > 1.005 ? "red" : loadPcpus > 0.75 ? "yellow" : "green";
  if (width < NAMED_COLUMN)
    return `${String(id).padStart(4)}${paint(style, load)}${" ".repeat(Math.max(0, width - 10))}`;
  const filled = Math.round((Math.min(loadPcpus, most) / most) * BAR_WIDTH);
  const bar = paint(style, "█".repeat(filled)) + paint("dim", "·".repeat(BAR_WIDTH - filled));
  const others = otherPcpus > 0.0005 ? [`others ${shown(otherPcpus)}`] : [];
  const names = [...[...vcpus].sort(byDemand).map(nameOf), ...others].join("  ");
  const room = width - BAR_WIDTH - 13;
  return `${String(id).padStart(4)} ${bar} ${load}  ${clip(names, room - 1).padEnd(room - 1)} `;
}

const byDemand = (a: VcpuLine, b: VcpuLine): number => b.demandPcpus - a.demandPcpus;
const nameOf = ({ vm, vcpu, demandPcpus }: VcpuLine): string =>
  `${vm}${vcpu > 0 ? `/${vcpu}` : ""} ${shown(demandPcpus)}`;

const clip = (text: string, width: number): string =>
  text.length <= width ? text : `${text.slice(0, Math.max(0, width - 1))}…`;
