/**
 * How far apart two pCPUs are, in the arithmetic of the SlackVM family (spec 1.2): walk the caches from the core
 * outwards, 10 per step, until one is shared; with none shared, add the NUMA distance of the two cells. The numbers order
 * neighbours (SMT sibling 10, same L3 40, same cell 50, other package 72 on an EPYC 7662); they are not nanoseconds.
 *
 * Beyond the seeds: pCPUs whose caches are laid out differently (hybrid hosts, where the seeds give up) are compared by
 * cache level, and an asymmetric NUMA table counts with the larger of its two entries, so that distance is symmetric.
 */
import type { NumaCell, Pcpu, Topology } from "./model.js";

/** What each further cache index adds. */
const STEP = 10;
/** Linux's LOCAL_DISTANCE and REMOTE_DISTANCE, for hosts whose firmware gives no table. */
export const LOCAL_CELL_DISTANCE = 10;
export const REMOTE_CELL_DISTANCE = 20;

/** The caches of one pCPU as a walk: what each step is (level, and which of that level: L1d before L1i) and its domain. */
interface Walk {
  readonly steps: readonly number[];
  readonly domains: readonly number[];
  /** Equal on pCPUs whose caches are laid out alike. */
  readonly layout: string;
}

/** More caches of one level than any CPU has; keeps `level * this + ordinal` unique. */
const CACHES_PER_LEVEL = 16;

function walkOf(pcpu: Pcpu): Walk {
  const perLevel = new Map<number, number>();
  const steps = pcpu.caches.map(({ level }) => {
    const ordinal = perLevel.get(level) ?? 0;
    perLevel.set(level, ordinal + 1);
    return level * CACHES_PER_LEVEL + ordinal;
  });
  return { steps, domains: pcpu.caches.map((cache) => cache.domain), layout: steps.join(" ") };
}

/** The distance up to the shared cache; the negated length of the walk when none is shared. */
function cacheDistance(a: Walk, b: Walk): number {
  if (a.layout === b.layout) {
    for (let i = 0; i < a.domains.length; i++) if (a.domains[i] === b.domains[i]) return (i + 1) * STEP;
    return -a.domains.length * STEP;
  }
  const domainOfB = new Map(b.steps.map((step, i) => [step, b.domains[i]!]));
  const domainOfA = new Map(a.steps.map((step, i) => [step, a.domains[i]!]));
  const steps = [...new Set([...a.steps, ...b.steps])].sort((x, y) => x - y);
  for (let i = 0; i < steps.length; i++) {
    const domain = domainOfA.get(steps[i]!);
    if (domain !== undefined && domain === domainOfB.get(steps[i]!)) return (i + 1) * STEP;
  }
  return -steps.length * STEP;
}

/** NUMA distance between two cells of the host; the larger of both directions. */
export function cellDistance(cells: ReadonlyMap<number, NumaCell>, from: number, to: number): number {
  const unknown = from === to ? LOCAL_CELL_DISTANCE : REMOTE_CELL_DISTANCE;
  const there = cells.get(from)?.distances.get(to) ?? unknown;
  const back = cells.get(to)?.distances.get(from) ?? unknown;
  return Math.max(there, back);
}

/** Row-major n x n distances by position in topology order; the diagonal is 0 and means nothing. */
export function distanceTable(topology: Topology): Uint16Array {
  const { pcpus } = topology;
  const n = pcpus.length;
  const cells = new Map(topology.cells.map((cell) => [cell.id, cell]));
  const walks = pcpus.map(walkOf);
  const table = new Uint16Array(n * n);
  for (let a = 0; a < n; a++) {
    for (let b = a + 1; b < n; b++) {
      const cached = cacheDistance(walks[a]!, walks[b]!);
      const distance = cached > 0 ? cached : cellDistance(cells, pcpus[a]!.cellId, pcpus[b]!.cellId) - cached;
      table[a * n + b] = distance;
      table[b * n + a] = distance;
    }
  }
  return table;
}
