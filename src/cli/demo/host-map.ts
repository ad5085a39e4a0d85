/**
 * Every pCPU of the host in the colour of its pool. Small: a cell is a core, its upper half one hardware thread and its
 * lower half the other, a gap ends an L3 group. Large, where the terminal has room: the drawing of `headroom topology`.
 */
import { drawHost } from "../../core/topology/draw.js";
import type { TopologyIndex } from "../../core/topology/model.js";
import type { Paint, Style } from "../terminal.js";
import { FREE_SIGN, lookOf } from "./palette.js";
import { type DemoView, poolOfPositions } from "./view.js";

/** Needed by the large form of a host with 32 L3 groups. */
export const LARGE_COLUMNS = 93;

type Threads = readonly number[];

/** Cores in topology order as lists of pool places, in L3 groups, by package. */
function coresByPackage(index: TopologyIndex, places: Int16Array): Threads[][][] {
  const packages = new Map<number, Map<number, Map<number, number[]>>>();
  const within = <V>(map: Map<number, V>, key: number, make: () => V): V => {
    const known = map.get(key) ?? make();
    map.set(key, known);
    return known;
  };
  for (const position of index.ids.keys()) {
    const groups = within(packages, index.packageOf[position]!, () => new Map<number, Map<number, number[]>>());
    const cores = within(groups, index.l3Of[position]!, () => new Map<number, number[]>());
    within(cores, index.coreOf[position]!, () => []).push(places[position]!);
  }
  return [...packages.values()].map((groups) => [...groups.values()].map((cores) => [...cores.values()]));
}

const signOf = (place: number): string => (place < 0 ? FREE_SIGN : lookOf(place).sign);

/** A core with one or two threads in one cell. */
function coreCell(threads: Threads, paint: Paint): string {
  const [upper = -1, lower = upper] = threads;
  if (upper < 0 && lower < 0) return paint("dim", FREE_SIGN);
  if (upper === lower) return paint(lookOf(upper).ink, "█");
  if (upper < 0) return paint(lookOf(lower).ink, "▄");
  if (lower < 0) return paint(lookOf(upper).ink, "▀");
  return paint([lookOf(upper).ink, lookOf(lower).ground], "▀");
}

function wrapGroups(groups: readonly string[], widths: readonly number[], columns: number): string[] {
  const lines: string[] = [];
  let line = "";
  let used = 0;
  for (const [i, group] of groups.entries()) {
    if (used > 0 && used + 1 + widths[i]! > columns) {
      lines.push(line);
      line = "";
      used = 0;
    }
    line += (used > 0 ? " " : "") + group;
    used += (used > 0 ? 1 : 0) + widths[i]!;
  }
  return line === "" ? lines : [...lines, line];
}

/** Without colour, the threads of a core stand in two lines, each as its pool's sign. */
export function smallMap(view: DemoView, columns: number, paint: Paint, coloured: boolean): string[] {
  return coresByPackage(view.index, poolOfPositions(view)).flatMap((groups) => {
    const widths = groups.map((cores) => cores.length);
    if (coloured) {
      return wrapGroups(
        groups.map((cores) => cores.map((threads) => coreCell(threads, paint)).join("")),
        widths,
        columns,
      );
    }
    const most = Math.max(...groups.flat().map((threads) => threads.length));
    return Array.from({ length: most }, (_, thread) =>
      wrapGroups(
        groups.map((cores) => cores.map((threads) => signOf(threads[thread] ?? -1)).join("")),
        widths,
        columns,
      ),
    ).flat();
  });
}

export function largeMap(view: DemoView, columns: number, paint: Paint, coloured: boolean): string[] {
  const places = poolOfPositions(view);
  const placeOf = (id: number): number => places[view.index.positionOf.get(id)!]!;
  const styleOf = (place: number): Style => (place < 0 ? "dim" : lookOf(place).ink);
  const labelOf = (id: number): string => (coloured && placeOf(id) >= 0 ? "█" : signOf(placeOf(id)));
  const text = drawHost(view.index, {
    width: columns,
    labelOf,
    paint: (piece, part) => paint(part.kind === "pcpu" ? styleOf(placeOf(part.id)) : "dim", piece),
  });
  // The first line says how large the host is, the last how to read it: the frame says both itself.
  return text.split("\n").slice(1, -1);
}
