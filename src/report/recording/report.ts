/**
 * The report of a recorded host, after the notebooks of SlackVM and SweetSpotVM: allocation and use by pool, load against size, VM
 * usage, memory, VM counts. Decides what is drawn and what is said about it; the numbers are numbers.ts'.
 */
import { lineY, type Markish, ruleY } from "@observablehq/plot";
import { COLOURS, type FigureSpec } from "../figure.js";
import { colourOf, dashesOf, type Line, legendOf, MARGINS, marksOf, meanOf, peakOf, type Series } from "../lines.js";
import { type NumberTable, percent, type Report, type ReportFigure, shown } from "../report.js";
import { bridged, type LinePoint, type TimeAxis, thinned, timeAxis } from "../time-axis.js";
import type { PoolSeries, Recording } from "./gather.js";
import {
  countNumbers,
  focusNumbers,
  hostCpuNumbers,
  hostMemoryNumbers,
  poolLabel,
  poolNumbers,
  vmMemoryNumbers,
  vmUsageNumbers,
} from "./numbers.js";

export interface RecordingSource {
  readonly title: string;
  /** Where it came from, for the reader. */
  readonly from: string;
  /** Null: as the recording counts. */
  readonly machinePcpus: number | null;
  /** What the sizes of VMs' memory are in, as an axis says it. */
  readonly memoryUnit: string;
  readonly facts: Report["facts"];
}

/** What all figures of one recording share. */
class Sheet {
  readonly axis: TimeAxis;
  readonly span: number;
  constructor(readonly recording: Recording) {
    const { times } = recording;
    this.span = (times.at(-1) ?? 0) - (times[0] ?? 0);
    this.axis = timeAxis(this.span, "the recording began");
  }

  points(series: Series, scale = 1): readonly LinePoint[] {
    const { times } = this.recording;
    const points = times.map((time, tick): LinePoint => {
      const value = series[tick] ?? null;
      return { x: (time - times[0]!) / this.axis.seconds, y: value === null ? null : value * scale };
    });
    return thinned(bridged(points));
  }

  /** The moment of a timestamp, for a sentence. */
  at(tick: number): string {
    const { times } = this.recording;
    return `${shown((times[tick]! - times[0]!) / this.axis.seconds)} ${this.axis.short}`;
  }

  plot(y: string, marks: Markish[], height = 380): FigureSpec["plot"] {
    return {
      width: 1000,
      height,
      ...MARGINS,
      x: { ...this.axis.x, domain: [0, this.span / this.axis.seconds] },
      y: { label: y, grid: true, labelArrow: "none", nice: true, zero: true },
      marks: [ruleY([0]), ...marks],
    };
  }
}

interface Lined {
  readonly name: string;
  readonly title: string;
  readonly subtitle: string;
  readonly y: string;
  readonly lines: readonly Line[];
  readonly says: readonly string[];
  readonly numbers: NumberTable;
}

const lined = (sheet: Sheet, { name, title, subtitle, y, lines, says, numbers }: Lined): ReportFigure => ({
  name,
  spec: { title, subtitle, legend: legendOf(lines), plot: sheet.plot(y, marksOf(lines)) },
  says,
  numbers,
});

function poolSentence(sheet: Sheet, pool: PoolSeries): string {
  const [held, used] = [peakOf(pool.held), peakOf(pool.used)];
  const label = `The ${poolLabel(pool)} (${pool.name} in the trace)`;
  if (held === null || held.value === 0) return `${label} held no pCPU.`;
  const size = `${label} held at most ${shown(held.value)} pCPUs, first at ${sheet.at(held.tick)}`;
  if (used === null) return `${size}; its use was not recorded.`;
  return `${size}, and used at most ${shown(used.value)} pCPUs (at ${sheet.at(used.tick)}): ${percent(used.value / held.value)} of its largest size.`;
}

/** A row for each pool: what it holds as a line of steps, what it uses under it. */
function pools(sheet: Sheet): ReportFigure {
  const { pools: series } = sheet.recording;
  const rows = (of: "held" | "used") =>
    series.flatMap((pool) => sheet.points(pool[of]).map((point) => ({ ...point, pool: poolLabel(pool) })));
  const place = { x: "x", y: "y", fy: "pool" } as const;
  const [holds, uses] = [COLOURS[1], COLOURS[0]];
  return {
    name: "pools",
    spec: {
      title: "Pools: what they hold and what they use",
      subtitle: "a row for each pool; the gap between the lines is room that its VMs were sold and did not need",
      legend: [
        { label: "pCPUs that the pool holds", colour: holds },
        { label: "pCPUs that its VMs use", colour: uses },
      ],
      plot: {
        ...sheet.plot(
          "pCPUs",
          [
            lineY(rows("held"), { ...place, stroke: holds, strokeWidth: 2, curve: "step-after" }),
            lineY(rows("used"), { ...place, stroke: uses, strokeWidth: 1.6 }),
          ],
          90 + 130 * Math.max(1, series.length),
        ),
        marginRight: 90,
        fy: { domain: series.map(poolLabel), label: null, padding: 0.1 },
      },
    },
    says: [
      "A pool is a set of pCPUs that belongs to one allocation ratio: at 2:1, two vCPUs are sold for each of its pCPUs. Its VMs run on these pCPUs and nowhere else. It grows when a VM comes that does not fit, and shrinks when one leaves.",
      ...series.map((pool) => poolSentence(sheet, pool)),
    ],
    numbers: poolNumbers(sheet.recording),
  };
}

function hostCpu(sheet: Sheet, machinePcpus: number | null): ReportFigure {
  const { hostPcpus, hostCpuShare, times } = sheet.recording;
  const size = hostPcpus ?? 0;
  const peak = peakOf(hostCpuShare);
  const whole = machinePcpus !== null && machinePcpus !== size;
  const flat = (value: number): readonly LinePoint[] => sheet.points(times.map(() => value));
  const lines: Line[] = [
    { label: "pCPUs in use", colour: COLOURS[0], points: sheet.points(hostCpuShare, size) },
    { label: `the host's ${size} pCPUs`, colour: COLOURS[7], dashes: "2 3", points: flat(size) },
  ];
  if (whole)
    lines.splice(1, 0, {
      label: `in use, of all ${machinePcpus}`,
      colour: COLOURS[1],
      points: sheet.points(hostCpuShare, machinePcpus),
    });
  const mean = meanOf(hostCpuShare);
  return lined(sheet, {
    name: "host-cpu",
    title: "The host's load against its size",
    subtitle: "all that runs on the host, its own work included; the distance to the dotted line is idle",
    y: "pCPUs",
    lines,
    says: [
      peak === null || mean === null
        ? "The host's use was not recorded."
        : `Of ${size} pCPUs ${shown(mean * size)} were used in the mean (${percent(mean)}), ${shown(peak.value * size)} at most (${percent(peak.value)}, at ${sheet.at(peak.tick)}).`,
      ...(whole
        ? [
            `The recording leaves ${machinePcpus - size} of the machine's ${machinePcpus} pCPUs out. It writes load as a fraction; the second line takes it as one of the whole machine.`,
          ]
        : []),
    ],
    numbers: hostCpuNumbers(sheet.recording, machinePcpus),
  });
}

function vmUsage(sheet: Sheet): ReportFigure {
  const { pools: series } = sheet.recording;
  const lines = series.map(
    (pool, i): Line => ({
      label: `VMs of ${poolLabel(pool)}`,
      colour: colourOf(i),
      ...dashesOf(i),
      points: sheet.points(pool.vmShare, 100),
    }),
  );
  return lined(sheet, {
    name: "vm-usage",
    title: "How much of their vCPUs VMs use",
    subtitle: "mean over the VMs of a pool, each VM counts once; 100 % is a VM that never idles",
    y: "used part of a VM's vCPUs (%)",
    lines,
    says: [
      "This is what makes oversubscription possible: the lower the line, the more VMs can share a pCPU. It says nothing of moments at which many VMs want their vCPUs at once; for that see the pools' use.",
      ...series.map((pool) => {
        const [mean, peak, size] = [meanOf(pool.vmShare), peakOf(pool.vmShare), meanOf(pool.vmVcpus)];
        if (mean === null || peak === null || size === null)
          return `No VM's use was recorded in the ${poolLabel(pool)}.`;
        return `In the ${poolLabel(pool)} a VM has ${shown(size)} vCPUs and uses ${percent(mean)} of them in the mean, ${percent(peak.value)} at ${sheet.at(peak.tick)}.`;
      }),
    ],
    numbers: vmUsageNumbers(sheet.recording),
  });
}

function vmSizes(sheet: Sheet): ReportFigure {
  const { pools: series } = sheet.recording;
  return lined(sheet, {
    name: "vm-sizes",
    title: "How large VMs are",
    subtitle: "mean vCPUs of the VMs of a pool; under a template each VM counts in every pool that it has a vCPU in",
    y: "vCPUs of a VM",
    lines: series.map((pool, i) => ({
      label: `VMs of ${poolLabel(pool)}`,
      colour: colourOf(i),
      ...dashesOf(i),
      points: sheet.points(pool.vmVcpus),
      steps: true,
    })),
    says: [
      "A step is a VM that came or left. Large VMs need large pools: a VM with k vCPUs needs k pCPUs, whatever the ratio.",
    ],
    numbers: vmUsageNumbers(sheet.recording),
  });
}

function focusedVms(sheet: Sheet): ReportFigure {
  const { focus } = sheet.recording;
  return lined(sheet, {
    name: "vms",
    title: "Single VMs",
    subtitle: "pCPUs that they use; under a template the mean of what their pools' records say",
    y: "pCPUs",
    lines: [...focus].map(([vm, series], i) => ({
      label: vm,
      colour: colourOf(i),
      ...dashesOf(i),
      points: sheet.points(series),
    })),
    says: [...focus].map(([vm, series]) => {
      const [mean, peak] = [meanOf(series), peakOf(series)];
      if (mean === null || peak === null) return `There is no value of ${vm}.`;
      return `${vm} used ${shown(mean)} pCPUs in the mean and ${shown(peak.value)} at ${sheet.at(peak.tick)}.`;
    }),
    numbers: focusNumbers(sheet.recording),
  });
}

function hostMemory(sheet: Sheet): ReportFigure {
  const { hostMemoryShare } = sheet.recording;
  const peak = peakOf(hostMemoryShare);
  return lined(sheet, {
    name: "host-memory",
    title: "The host's memory",
    subtitle: "part of it that is in use",
    y: "used part of the host's memory (%)",
    lines: [{ label: "in use", colour: COLOURS[0], points: sheet.points(hostMemoryShare, 100) }],
    says: [
      peak === null
        ? "The host's memory was not recorded."
        : `At most ${percent(peak.value)} were in use, at ${sheet.at(peak.tick)}.`,
    ],
    numbers: hostMemoryNumbers(sheet.recording),
  });
}

function vmMemory(sheet: Sheet, unit: string): ReportFigure {
  const { memoryPools, vmMemoryUsed } = sheet.recording;
  const pool = memoryPools[0];
  const held = pool?.held ?? [];
  const notebooks = held.map((size, tick) => {
    const share = pool?.used[tick] ?? null;
    return size === null || share === null ? null : share * size;
  });
  const [allocated, used] = [peakOf(held), peakOf(vmMemoryUsed)];
  return lined(sheet, {
    name: "vm-memory",
    title: "Memory that VMs were sold",
    subtitle: "and what they use of it",
    y: `memory (${unit})`,
    lines: [
      { label: "allocated to VMs", colour: COLOURS[1], points: sheet.points(held), steps: true },
      { label: "used by VMs", colour: COLOURS[0], points: sheet.points(vmMemoryUsed) },
      { label: "the host's used part x allocated", colour: COLOURS[6], dashes: "6 3", points: sheet.points(notebooks) },
    ],
    says: [
      allocated === null
        ? "No VM had memory."
        : `At most ${shown(allocated.value)} were allocated, at ${sheet.at(allocated.tick)}${used === null ? "" : `; VMs used at most ${shown(used.value)}`}.`,
      "The broken line is that of the notebooks: the recorded fraction of the memory pool times what is allocated. Recorders write the host's used part as that fraction, so it is no measure of the VMs.",
    ],
    numbers: vmMemoryNumbers(sheet.recording),
  });
}

function counts(sheet: Sheet): ReportFigure {
  const { pools: series, vms } = sheet.recording;
  const present = (pool: PoolSeries): Series =>
    pool.vms.map((count, tick) => (pool.held[tick] === null ? null : count));
  return lined(sheet, {
    name: "vm-count",
    title: "VMs on the host",
    subtitle: "VMs with vCPUs in a pool; under a template a VM counts in each of its pools",
    y: "VMs",
    lines: series.map((pool, i) => ({
      label: poolLabel(pool),
      colour: colourOf(i),
      ...dashesOf(i),
      points: sheet.points(present(pool)),
      steps: true,
    })),
    says: [
      `${vms} different VMs were on the host.`,
      ...series.map((pool) => {
        const peak = peakOf(present(pool));
        return peak === null
          ? ""
          : `In the ${poolLabel(pool)} there were at most ${peak.value}, first at ${sheet.at(peak.tick)}.`;
      }),
    ].filter((text) => text !== ""),
    numbers: countNumbers(sheet.recording),
  });
}

const span = (sheet: Sheet): string => {
  const { times } = sheet.recording;
  return `${sheet.at(times.length - 1)}, ${times.length} timestamps`;
};

export function recordingReport(recording: Recording, source: RecordingSource): Report {
  const sheet = new Sheet(recording);
  const figures = [pools(sheet), hostCpu(sheet, source.machinePcpus), vmUsage(sheet), vmSizes(sheet)];
  if (recording.focus.size > 0) figures.push(focusedVms(sheet));
  figures.push(hostMemory(sheet), vmMemory(sheet, source.memoryUnit), counts(sheet));
  return {
    title: source.title,
    intro: [
      source.from,
      "A VM has no use yet when it is first seen, and then its pool has none either: figures draw over such gaps of a reading or two, the numbers keep them.",
    ],
    facts: [
      ["recorded", span(sheet)],
      ["pCPUs", String(recording.hostPcpus ?? "not recorded")],
      ["pools", recording.pools.map(({ ratio, name }) => (ratio === null ? name : `${ratio}:1`)).join(", ") || "none"],
      ["VMs", String(recording.vms)],
      ...source.facts,
    ],
    figures,
  };
}
