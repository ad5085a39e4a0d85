/**
 * How far apart two pCPUs are, in the arithmetic of the SlackVM family (spec 1.2): walk the caches from the core
 * outwards, 10 per step, until one is shared; with none shared, add the NUMA distance of the two cells. The numbers order
 * neighbours (SMT sibling 10, same L3 40, same cell 50, other package 72 on an EPYC 7662); they are not nanoseconds.
 *
 * Beyond the seeds: pCPUs with different caches (hybrid hosts, where the seeds give up) are compared by cache level, a
 * missing cache counting as one that is not shared; and an asymmetric NUMA table counts with the larger of its two entries, so that distance is symmetric.
 */
import type { NumaCell, Pcpu, Topology } from "./model.js";

/** What each further cache index adds. */
const STEP = 10;
/** Linux's LOCAL_DISTANCE and REMOTE_DISTANCE, for hosts whose firmware gives no table. */
export const LOCAL_CELL_DISTANCE = 10;
export const REMOTE_CELL_DISTANCE = 20;

/** More caches of one level than any CPU has; keeps `level * this + ordinal` unique. */
const CACHES_PER_LEVEL = 16;
/** No cache of that kind. */
const NONE = -1;

/**
 * The walk of every pCPU over the kinds of cache that the host has (L1d, L1i, L2, L3 ...), from the core outwards: the
 * domain at each kind, or NONE. Where all pCPUs have the same kinds, these are the cache indexes of the seeds. A host that
 * tells of no caches gets one step, its cores.
 */
function walks(pcpus: readonly Pcpu[]): readonly (readonly number[])[] {
  const domains = pcpus.map((pcpu) => {
    const perLevel = new Map<number, number>();
    return new Map(
      pcpu.caches.map(({ level, domain }) => {
        const ordinal = perLevel.get(level) ?? 0;
        perLevel.set(level, ordinal + 1);
        return [level * CACHES_PER_LEVEL + ordinal, domain];
      }),
    );
  });
  const kinds = [...new Set(domains.flatMap((of) => [...of.keys()]))].sort((a, b) => a - b);
  if (kinds.length === 0) return pcpus.map((pcpu) => [Math.min(pcpu.id, ...pcpu.smtSiblings)]);
  return domains.map((of) => kinds.map((kind) => of.get(kind) ?? NONE));
}

/** NUMA distance between two cells of the host; the larger of both directions. */
function cellDistance(cells: ReadonlyMap<number, NumaCell>, from: number, to: number): number {
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
  const walkOf = walks(pcpus);
  const table = new Uint16Array(n * n);
  for (let a = 0; a < n; a++) {
    const walkA = walkOf[a]!;
    for (let b = a + 1; b < n; b++) {
      const walkB = walkOf[b]!;
      let step = 0;
      while (step < walkA.length && (walkA[step] !== walkB[step] || walkA[step] === NONE)) step++;
      const shared = step < walkA.length;
      const distance = shared
        ? (step + 1) * STEP
        : step * STEP + cellDistance(cells, pcpus[a]!.cellId, pcpus[b]!.cellId);
      table[a * n + b] = distance;
      table[b * n + a] = distance;
    }
  }
  return table;
}
