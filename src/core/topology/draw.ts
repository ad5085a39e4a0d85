/**
 * Draws a host for the terminal: packages, NUMA cells and L3 groups as boxes, cores as columns of the ids of their
 * pCPUs. What has only one part is not boxed again but named in the title around it, so that a laptop is one box and 256
 * pCPUs fit on a screen. Pools and load are drawn by the same function, through labels and colours per pCPU.
 */

import { cpuSetOf, formatCpuSet, subtractCpuSets } from "../cpuset.js";
import { plural } from "../plural.js";
import {
  arrangeFrames,
  type Block,
  type Boxed,
  blockToText,
  evenColumns,
  FRAME_MARGIN,
  grid,
  type Line,
  type Part,
  type Span,
  span,
  widthOfBlock,
  widthOfText,
} from "./draw-blocks.js";
import { type LastLevelGroup, lastLevelGroups } from "./index-topology.js";
import type { NumaCell, Pcpu, TopologyIndex } from "./model.js";

export interface DrawOptions {
  /** Columns to use, from 40; lines are longer only where a single core does not fit. */
  readonly width: number;
  readonly ascii?: boolean;
  /** What to write for a pCPU; its id by default. */
  readonly labelOf?: (pcpuId: number) => string;
  /** Colours a piece of the drawing; must not change its width. */
  readonly paint?: (text: string, part: Part) => string;
}

/** A core as drawn: its pCPUs ascending, null in the place of one that is not for VMs. */
interface Core {
  readonly threads: readonly (number | null)[];
  /** The L2 that it shares with other cores; null when its L2 is its own. */
  readonly cluster: number | null;
}

interface Group {
  readonly cache: LastLevelGroup["cache"];
  /** Part of the group lies in another cell or package. */
  readonly partial: boolean;
  readonly cores: readonly Core[];
}

interface Cell {
  readonly cell: NumaCell | null;
  readonly id: number;
  readonly partial: boolean;
  readonly groups: readonly Group[];
}

interface Package {
  readonly id: number;
  readonly cells: readonly Cell[];
}

interface Drawing {
  readonly labelOf: (pcpuId: number) => string;
  /** Columns that the label of a pCPU takes. */
  readonly labelWidth: number;
  readonly index: TopologyIndex;
}

function formatMemory(memoryMiB: number): string {
  const gib = memoryMiB / 1024;
  return gib >= 1 ? `${gib >= 100 ? Math.round(gib) : Number(gib.toFixed(1))} GiB` : `${memoryMiB} MiB`;
}

/** Splits `items` into runs of equal key, in order of first appearance. */
function groupBy<T, K>(items: readonly T[], keyOf: (item: T) => K): [K, T[]][] {
  const groups = new Map<K, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [item]);
    else group.push(item);
  }
  return [...groups];
}

/** The cores of the pCPUs at `positions`, by their smallest pCPU: where one is left out, its core keeps its place. */
function coresOf(index: TopologyIndex, positions: readonly number[], sharedL2: ReadonlySet<number>): Core[] {
  const cores = groupBy(positions, (position) => index.coreOf[position]!).map(([, members]) => {
    const pcpu = index.topology.pcpus[members[0]!]!;
    const l2 = pcpu.caches.find((cache) => cache.level === 2)?.domain;
    const ids = cpuSetOf([pcpu.id, ...pcpu.smtSiblings]);
    return {
      smallest: ids[0]!,
      threads: ids.map((id) => (index.positionOf.has(id) ? id : null)),
      cluster: l2 !== undefined && sharedL2.has(l2) ? l2 : null,
    };
  });
  return cores.sort((a, b) => a.smallest - b.smallest);
}

/** L2 domains of more than one core. */
function sharedL2s(index: TopologyIndex): Set<number> {
  const domains = index.topology.pcpus.map((pcpu) => pcpu.caches.find((cache) => cache.level === 2)?.domain ?? null);
  const byDomain = groupBy([...domains.keys()], (position) => domains[position]!);
  const shared = byDomain.filter(([, members]) => new Set(members.map((position) => index.coreOf[position])).size > 1);
  return new Set(shared.map(([domain]) => domain).filter((domain) => domain !== null));
}

/** The host as nested lists, in topology order. */
function hierarchy(index: TopologyIndex): Package[] {
  const { pcpus, cells } = index.topology;
  const caches = lastLevelGroups(pcpus);
  const sharedL2 = sharedL2s(index);
  const sizeOf = (of: Uint16Array, number: number): number =>
    of.reduce((sum, other) => sum + (other === number ? 1 : 0), 0);
  return groupBy([...pcpus.keys()], (position) => index.packageOf[position]!).map(([, inPackage]) => ({
    id: pcpus[inPackage[0]!]!.packageId,
    cells: groupBy(inPackage, (position) => index.cellOf[position]!).map(([cellNumber, inCell]) => {
      const { cellId } = pcpus[inCell[0]!]!;
      return {
        id: cellId,
        cell: cells.find((cell) => cell.id === cellId) ?? null,
        partial: inCell.length < sizeOf(index.cellOf, cellNumber),
        groups: groupBy(inCell, (position) => index.l3Of[position]!).map(([groupNumber, inGroup]) => ({
          cache: caches[inGroup[0]!]!.cache,
          partial: inGroup.length < sizeOf(index.l3Of, groupNumber),
          cores: coresOf(index, inGroup, sharedL2),
        })),
      };
    }),
  }));
}

/** One line of threads: the `thread`th pCPU of each core, cores with a shared L2 parted from the others. */
function threadLine(drawing: Drawing, cores: readonly Core[], thread: number): Line {
  return cores.flatMap((core, i): Span[] => {
    const id = core.threads[thread];
    const text = id === undefined ? "" : id === null ? "·" : drawing.labelOf(id);
    const padded = " ".repeat(drawing.labelWidth - widthOfText(text)) + text;
    const shown: Span = typeof id === "number" ? { text: padded, part: { kind: "pcpu", id } } : span(padded, "absent");
    if (i === 0) return [shown];
    return [core.cluster === cores[i - 1]!.cluster ? span(" ", "space") : span(" ┊ ", "border"), shown];
  });
}

function coreLines(drawing: Drawing, cores: readonly Core[]): Line[] {
  const threads = Math.max(...cores.map((core) => core.threads.length));
  return Array.from({ length: threads }, (_, thread) => threadLine(drawing, cores, thread));
}

/** The cores side by side, in several rows where `width` is too small for one. */
function coresBlock(drawing: Drawing, cores: readonly Core[], width: number): Block {
  const chunksOf = (perRow: number): Block[] =>
    Array.from({ length: Math.ceil(cores.length / perRow) }, (_, row) =>
      coreLines(drawing, cores.slice(row * perRow, (row + 1) * perRow)),
    );
  const chunks = chunksOf(
    evenColumns(cores.length, (perRow) => chunksOf(perRow).every((chunk) => widthOfBlock(chunk) <= width)),
  );
  // Threads of one core stand below one another: only a blank line tells them from the next row of cores.
  const spaced = chunks.some((chunk) => chunk.length > 1);
  return chunks.flatMap((chunk, i) => (spaced && i > 0 ? [[], ...chunk] : chunk));
}

const groupName = ({ cache, partial }: Group): string[] =>
  cache === null ? [] : [`L${cache.level} ${cache.domain}${partial ? " (part)" : ""}`];

const cellName = (drawing: Drawing, { id, partial }: Cell): string[] =>
  drawing.index.topology.cells.length < 2 ? [] : [`cell ${id}${partial ? " (part)" : ""}`];

const cellMemory = (drawing: Drawing, { cell }: Cell): string[] =>
  drawing.index.topology.cells.length < 2 || cell === null || cell.memoryMiB === null
    ? []
    : [formatMemory(cell.memoryMiB)];

function sizeNames(groups: readonly Group[]): string[] {
  const cores = groups.flatMap((group) => group.cores);
  const pcpus = cores.flatMap((core) => core.threads).filter((id) => id !== null).length;
  const coreName = plural(cores.length, "core");
  return pcpus === cores.length ? [coreName] : [coreName, plural(pcpus, "pCPU")];
}

const onlyGroupName = (groups: readonly Group[]): string[] => (groups.length === 1 ? groupName(groups[0]!) : []);

function groupsBlock(drawing: Drawing, groups: readonly Group[], width: number): Block {
  if (groups.length === 1) return coresBlock(drawing, groups[0]!.cores, width);
  const cells = groups.map((group) => ({
    title: groupName(group)[0] ?? "",
    body: coresBlock(drawing, group.cores, width - FRAME_MARGIN),
  }));
  return grid(cells, width);
}

const cellBox = (drawing: Drawing, cell: Cell): Boxed => ({
  title: [
    ...(cellName(drawing, cell).length > 0 ? cellName(drawing, cell) : ["cell"]),
    ...onlyGroupName(cell.groups),
    ...cellMemory(drawing, cell),
    ...sizeNames(cell.groups),
  ],
  body: (width) => groupsBlock(drawing, cell.groups, width),
});

function packageBox(drawing: Drawing, { id, cells }: Package): Boxed {
  const groups = cells.flatMap((cell) => cell.groups);
  const only = cells.length === 1 ? cells[0]! : null;
  if (only === null) {
    const boxes = cells.map((cell) => cellBox(drawing, cell));
    return { title: [`package ${id}`, ...sizeNames(groups)], body: (width) => arrangeFrames(boxes, width) };
  }
  return {
    title: [
      `package ${id}`,
      ...cellName(drawing, only),
      ...onlyGroupName(groups),
      ...cellMemory(drawing, only),
      ...sizeNames(groups),
    ],
    body: (width) => groupsBlock(drawing, groups, width),
  };
}

/** `4.8 GHz`, or a range on hybrid hosts; nothing without cpufreq. */
function frequencyName(pcpus: readonly Pcpu[]): string[] {
  const known = pcpus.map((pcpu) => pcpu.maxFrequencyKHz).filter((kHz) => kHz !== null);
  if (known.length === 0) return [];
  const [least, most] = [known.reduce((a, b) => Math.min(a, b)), known.reduce((a, b) => Math.max(a, b))].map((kHz) =>
    (kHz / 1e6).toFixed(1),
  );
  return [least === most ? `up to ${most} GHz` : `up to ${least}-${most} GHz`];
}

/** Words in lines of at most `width`, broken between `parts`. */
function wrap(parts: readonly string[], separator: string, width: number): Line[] {
  const lines: string[] = [];
  for (const part of parts) {
    const last = lines[lines.length - 1];
    if (last !== undefined && widthOfText(last + separator + part) <= width)
      lines[lines.length - 1] = last + separator + part;
    else lines.push(part);
  }
  return lines.map((line) => [span(line, "note")]);
}

function headLines(index: TopologyIndex, width: number): Line[] {
  const { topology } = index;
  const named = new Set(lastLevelGroups(topology.pcpus).flatMap(({ key, cache }) => (cache === null ? [] : [key])))
    .size;
  const parts = [
    `${plural(topology.pcpus.length, "pCPU")} on ${plural(index.coreCount, "core")}`,
    plural(index.packageCount, "package"),
    ...(topology.cells.length > 1 ? [plural(topology.cells.length, "NUMA cell")] : []),
    ...(named > 1 ? [plural(named, "L3 group")] : []),
    `${formatMemory(topology.memory.totalMiB)} of memory`,
    ...frequencyName(topology.pcpus),
  ];
  return wrap(parts, ", ", width);
}

function noteLines(index: TopologyIndex, packages: readonly Package[], width: number): Line[] {
  const { pcpus, cells, totalPcpus } = index.topology;
  const groups = packages.flatMap((one) => one.cells.flatMap((cell) => cell.groups));
  const cores = groups.flatMap((group) => group.cores);
  const notes: string[] = [];
  if (cores.some((core) => core.threads.length > 1))
    notes.push("A column is a core: its pCPUs stand one below the other.");
  const clustered = groups.some((group) => group.cores.some((core) => core.cluster !== group.cores[0]!.cluster));
  if (clustered) notes.push("A ┊ parts cores that share an L2 from the others.");
  const absent = totalPcpus - pcpus.length;
  if (absent > 0) {
    // Files of the seeds tell how many pCPUs are left out, but not which.
    const known = cpuSetOf(pcpus.flatMap((pcpu) => [pcpu.id, ...pcpu.packageSiblings, ...pcpu.smtSiblings]));
    const ids = subtractCpuSets(known, index.ids);
    const which = ids.length === absent ? `: ${formatCpuSet(ids)}` : "";
    notes.push(`Not for VMs are ${absent} of the host's ${totalPcpus} pCPUs${which}.`);
  }
  const withPcpus = new Set(pcpus.map((pcpu) => pcpu.cellId));
  const memoryOnly = cells.filter((cell) => !withPcpus.has(cell.id));
  if (memoryOnly.length > 0) {
    const names = memoryOnly.map(({ id, memoryMiB }) =>
      memoryMiB === null ? `${id}` : `${id} (${formatMemory(memoryMiB)})`,
    );
    notes.push(`Cells without pCPUs for VMs: ${names.join(", ")}.`);
  }
  return notes.flatMap((note) => wrap(note.split(" "), " ", width));
}

/** Smallest width that is drawn for. */
const MIN_WIDTH = 40;

/** The host as text of several lines, without a final newline. Pure; the colours are the caller's. */
export function drawHost(index: TopologyIndex, options: DrawOptions): string {
  const width = Math.max(MIN_WIDTH, options.width);
  const labelOf = options.labelOf ?? String;
  const labelWidth = index.ids.reduce((most, id) => Math.max(most, widthOfText(labelOf(id))), 1);
  const drawing: Drawing = { labelOf, labelWidth, index };
  const packages = hierarchy(index);
  const boxes = packages.map((one) => packageBox(drawing, one));
  const block = [...headLines(index, width), ...arrangeFrames(boxes, width), ...noteLines(index, packages, width)];
  return blockToText(block, { ascii: options.ascii ?? false, paint: options.paint ?? ((text) => text) });
}
