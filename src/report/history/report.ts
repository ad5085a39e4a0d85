/**
 * The report of a host's history: load against size, what was sold, waiting, how VMs use their vCPUs, memory, VM counts. A
 * sample store knows hosts and VMs, not pools: what stands of pools in a recorded trace has no counterpart here, and the page says so.
 */
import { barX, type Markish, ruleY } from "@observablehq/plot";
import { COLOURS, type FigureSpec } from "../figure.js";
import { type Line, legendOf, MARGINS, marksOf, meanOf, peakOf, type Series } from "../lines.js";
import { type NumberTable, percent, type Report, type ReportFigure, shown } from "../report.js";
import { type LinePoint, type TimeAxis, timeAxis } from "../time-axis.js";
import type { History } from "./gather.js";

/** Rows of the map of VMs; more could not be read. */
const MOST_ROWS = 40;
/** Columns of it. */
const MOST_COLUMNS = 96;
/** Seeds and stores count memory in MB of 1000 KiB; figures in thousands of them. */
const MB_PER_GB = 1000;

class Sheet {
  readonly axis: TimeAxis;
  constructor(readonly history: History) {
    this.axis = timeAxis((history.to - history.from) / 1000, `${new Date(history.from).toISOString().slice(0, 16)}Z`);
  }

  x(piece: number): number {
    return (piece * this.history.pieceMs) / 1000 / this.axis.seconds;
  }

  points(series: Series, scale = 1): readonly LinePoint[] {
    return series.map((value, piece) => ({ x: this.x(piece), y: value === null ? null : value * scale }));
  }

  figure(
    parts: Pick<ReportFigure, "name" | "says"> & {
      readonly title: string;
      readonly subtitle: string;
      readonly y: string;
      readonly lines: readonly Line[];
      readonly columns: readonly (readonly [name: string, series: Series])[];
    },
  ): ReportFigure {
    const { name, says, title, subtitle, y, lines, columns } = parts;
    const plot = {
      width: 1000,
      height: 380,
      ...MARGINS,
      x: this.axis.x,
      y: { label: y, grid: true, labelArrow: "none", nice: true, zero: true },
      marks: [ruleY([0]), ...marksOf(lines)] as Markish[],
    } as const satisfies FigureSpec["plot"];
    return {
      name,
      spec: { title, subtitle, legend: legendOf(lines), plot },
      says,
      numbers: this.numbers(columns),
    };
  }

  numbers(columns: readonly (readonly [name: string, series: Series])[]): NumberTable {
    const { times } = this.history;
    return {
      columns: ["time", ...columns.map(([name]) => name)],
      rows: times.map((at, i) => [new Date(at).toISOString(), ...columns.map(([, series]) => series[i] ?? null)]),
    };
  }
}

/** Sum over the VMs that have a value in a piece; null where none has. */
function sumOver(history: History, metric: "cpu" | "cpu_usage" | "cpu_wait" | "mem" | "mem_usage"): Series {
  return history.times.map((_, i) => {
    let sum: number | null = null;
    for (const series of history.vms.values()) {
      const value = series[metric][i] ?? null;
      if (value !== null) sum = (sum ?? 0) + value;
    }
    return sum;
  });
}

/** The part of its vCPUs that a VM uses, by piece. */
const shareOf = (series: { readonly cpu: Series; readonly cpu_usage: Series }): Series =>
  series.cpu_usage.map((used, i) => {
    const vcpus = series.cpu[i] ?? null;
    return used === null || vcpus === null || vcpus === 0 ? null : used / vcpus;
  });

/** Of the values, sorted, the one below which `part` of them lie. */
const quantile = (sorted: readonly number[], part: number): number | null =>
  sorted.length === 0 ? null : sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))]!;

function hostCpu(sheet: Sheet): ReportFigure {
  const { history } = sheet;
  const { cpu, cpu_usage: used } = history.hostMeans;
  const sold = sumOver(history, "cpu");
  const [mean, size, most, mostSold] = [meanOf(used), peakOf(cpu), peakOf(history.hostPeak), peakOf(sold)];
  return sheet.figure({
    name: "host-cpu",
    title: "The host's load against its size",
    subtitle: "where more vCPUs are sold than there are pCPUs, the host is oversubscribed",
    y: "pCPUs",
    lines: [
      { label: "in use, largest reading", colour: COLOURS[4], points: sheet.points(history.hostPeak) },
      { label: "in use, mean", colour: COLOURS[0], points: sheet.points(used) },
      { label: "vCPUs of its VMs", colour: COLOURS[1], dashes: "6 3", points: sheet.points(sold) },
      { label: "the host's pCPUs", colour: COLOURS[7], dashes: "2 3", points: sheet.points(cpu) },
    ],
    columns: [
      ["usage_pcpus mean", used],
      ["usage_pcpus largest", history.hostPeak],
      ["vcpus", sold],
      ["pcpus", cpu],
    ],
    says: [
      mean === null || size === null || most === null
        ? "The host's own use is not in the store."
        : `Of ${shown(size.value)} pCPUs ${shown(mean)} were used in the mean (${percent(mean / size.value)}), ${shown(most.value)} at most.`,
      mostSold === null || size === null
        ? "No VM was measured."
        : `Its VMs had up to ${shown(mostSold.value)} vCPUs: ${shown(mostSold.value / size.value)} for each pCPU.`,
    ],
  });
}

function waiting(sheet: Sheet, waits: Series, most: number): ReportFigure {
  return sheet.figure({
    name: "waiting",
    title: "What VMs waited for",
    subtitle: "vCPUs that were ready to run and had no pCPU; the price of oversubscription, lower is better",
    y: "pCPUs that were missing",
    lines: [{ label: "vCPUs waiting, sum of all VMs", colour: COLOURS[0], points: sheet.points(waits) }],
    columns: [["waiting_pcpus", waits]],
    says: [`At most ${shown(most)} pCPUs were missing, for all VMs together.`],
  });
}

function vmUsage(sheet: Sheet): ReportFigure {
  const { history } = sheet;
  const shares = [...history.vms.values()].map(shareOf);
  const sorted = history.times.map((_, i) => shares.flatMap((series) => series[i] ?? []).sort((a, b) => a - b));
  const at = (part: number): Series => sorted.map((values) => quantile(values, part));
  const [half, most] = [at(0.5), at(0.9)];
  const [usual, busy] = [meanOf(half), meanOf(most)];
  return sheet.figure({
    name: "vm-usage",
    title: "How much of their vCPUs VMs use",
    subtitle: "each VM counts once; 100 % is a VM that never idles",
    y: "used part of a VM's vCPUs (%)",
    lines: [
      { label: "the VM in the middle", colour: COLOURS[1], points: sheet.points(half, 100) },
      { label: "nine tenths use less", colour: COLOURS[0], points: sheet.points(most, 100) },
    ],
    columns: [
      ["median share of vcpus", half],
      ["90th percentile of the share", most],
    ],
    says: [
      usual === null || busy === null
        ? "No VM's use is in the store."
        : `The VM in the middle uses ${percent(usual)} of its vCPUs, one of ten uses more than ${percent(busy)}: the lower these are, the more can share a pCPU.`,
    ],
  });
}

/** Rows: the VMs that use most. Columns: time. */
function patterns(sheet: Sheet): ReportFigure {
  const { history } = sheet;
  const rows = [...history.vms]
    .map(([vm, series]) => ({ vm, share: shareOf(series), used: meanOf(series.cpu_usage) ?? 0 }))
    .sort((a, b) => b.used - a.used || (a.vm < b.vm ? -1 : 1))
    .slice(0, MOST_ROWS);
  const size = Math.ceil(history.times.length / MOST_COLUMNS);
  const columns = Array.from({ length: Math.ceil(history.times.length / size) }, (_, i) => i * size);
  const cells = rows.flatMap(({ vm, share }) =>
    columns.flatMap((from) => {
      const mean = meanOf(share.slice(from, from + size));
      const to = Math.min(from + size, history.times.length);
      return mean === null ? [] : [{ from: sheet.x(from), to: sheet.x(to), vm, share: 100 * mean }];
    }),
  );
  const left = 24 + 7 * Math.min(28, Math.max(4, ...rows.map(({ vm }) => vm.length)));
  return {
    name: "vm-patterns",
    spec: {
      title: "When VMs are busy",
      subtitle: `the ${rows.length} VMs that use most; a cell is the mean part of a VM's vCPUs that it used (0 % dark, 100 % bright)`,
      legend: RAMP.map(([share, colour]) => ({ label: `${share} %`, colour })),
      plot: {
        width: 1000,
        height: 70 + 16 * Math.max(3, rows.length),
        marginLeft: left,
        marginBottom: 44,
        x: { ...sheet.axis.x, domain: [0, sheet.x(history.times.length)] },
        y: { label: null, domain: rows.map(({ vm }) => vm), padding: 0.08, tickFormat: shortName },
        color: { scheme: "viridis", domain: [0, 100], clamp: true },
        marks: [barX(cells, { x1: "from", x2: "to", y: "vm", fill: "share" })],
      },
    },
    says: [
      "VMs that are busy at the same time need pCPUs for all of them; those that take turns can share. Columns that are bright from top to bottom are the moments that decide how many pCPUs a pool needs. White: no reading.",
    ],
    numbers: sheet.numbers(rows.map(({ vm, share }) => [vm, share])),
  };
}

/** Viridis at a few shares, for the legend. */
const RAMP = [
  [0, "#440154"],
  [25, "#3b528b"],
  [50, "#21918c"],
  [75, "#5ec962"],
  [100, "#fde725"],
] as const;

const shortName = (name: string): string => (name.length > 28 ? `${name.slice(0, 26)}..` : name);

function memory(sheet: Sheet): ReportFigure {
  const { history } = sheet;
  const { mem, mem_usage: used } = history.hostMeans;
  const [balloons, guests] = [sumOver(history, "mem"), sumOver(history, "mem_usage")];
  const [total, most, sold] = [peakOf(mem), peakOf(used), peakOf(balloons)];
  const scale = 1 / MB_PER_GB;
  return sheet.figure({
    name: "memory",
    title: "Memory",
    subtitle: "the host's, and what its VMs hold and use",
    y: "memory (GB)",
    lines: [
      { label: "in use on the host", colour: COLOURS[0], points: sheet.points(used, scale) },
      { label: "balloons of its VMs", colour: COLOURS[1], dashes: "6 3", points: sheet.points(balloons, scale) },
      { label: "used in the guests", colour: COLOURS[2], points: sheet.points(guests, scale) },
      { label: "the host's memory", colour: COLOURS[7], dashes: "2 3", points: sheet.points(mem, scale) },
    ],
    columns: [
      ["host usage_mb", used],
      ["balloons_mb", balloons],
      ["guests usage_mb", guests],
      ["host_mb", mem],
    ],
    says: [
      total === null || most === null
        ? "The host's memory is not in the store."
        : `Of ${shown(total.value / MB_PER_GB)} GB at most ${shown(most.value / MB_PER_GB)} were in use${sold === null ? "" : `; VMs held at most ${shown(sold.value / MB_PER_GB)}`}.`,
    ],
  });
}

function counts(sheet: Sheet): ReportFigure {
  const { history } = sheet;
  const measured = history.times.map((_, i) => {
    const count = [...history.vms.values()].filter((series) => (series.cpu[i] ?? null) !== null).length;
    return history.vms.size === 0 ? null : count;
  });
  const told = history.hostMeans.vm_number;
  return sheet.figure({
    name: "vm-count",
    title: "VMs on the host",
    subtitle: "as the host counts them, and those with readings of their own",
    y: "VMs",
    lines: [
      { label: "running, as the host says", colour: COLOURS[1], points: sheet.points(told), steps: true },
      { label: "with readings", colour: COLOURS[0], dashes: "6 3", points: sheet.points(measured), steps: true },
    ],
    columns: [
      ["running", told],
      ["with readings", measured],
    ],
    says: [`${history.vms.size} different VMs have readings.`],
  });
}

export function historyReport(history: History, where: string): Report {
  const sheet = new Sheet(history);
  const iso = (at: number): string => new Date(at).toISOString().replace(/\.\d+Z$/, "Z");
  const waits = sumOver(history, "cpu_wait");
  const longest = peakOf(waits);
  const figures = [hostCpu(sheet)];
  if (longest !== null) figures.push(waiting(sheet, waits, longest.value));
  figures.push(vmUsage(sheet));
  if (history.vms.size > 0) figures.push(patterns(sheet));
  figures.push(memory(sheet), counts(sheet));
  return {
    title: `Host ${history.host}`,
    intro: [
      `What ${history.host} and its VMs used, out of the sample store ${where}. Every value is a mean over ${shown(history.pieceMs / 1000)} s, where nothing else is said.`,
      ...(longest === null ? ["How long VMs waited for a pCPU is not in the store: the probe could not read it."] : []),
      "A sample store knows hosts and VMs, not pools: how pools grew and shrank is in a host's recorded trace (headroom agent --record).",
    ],
    facts: [
      ["from", iso(history.from)],
      ["to", iso(history.to)],
      ["readings", history.samples.toLocaleString("en-US")],
      ["VMs", String(history.vms.size)],
    ],
    figures,
  };
}
