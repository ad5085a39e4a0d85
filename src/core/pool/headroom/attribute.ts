/**
 * Which pCPUs of its territory a pool counts as its own: exactly as many as it needs, in order of attribution. The rest
 * of the territory is lent and counts as free. Only bookkeeping: pins follow the territory.
 */
import type { Geometry } from "./geometry.js";

/** `own` as it was, changed as little as possible to `need` pCPUs of `territory`; returns `own` itself if that fits. */
export function attribute(
  geometry: Geometry,
  own: readonly number[],
  territory: readonly number[],
  need: number,
  territoryChanged: boolean,
): readonly number[] {
  let kept = own;
  if (territoryChanged) {
    const inside = new Set(territory);
    kept = own.filter((id) => inside.has(id));
  }
  if (kept.length === need) return kept;
  return kept.length < need ? extended(geometry, kept, territory, need) : reduced(geometry, kept, need);
}

interface Census {
  readonly core: Uint16Array;
  readonly group: Uint16Array;
}

function census(geometry: Geometry, own: readonly number[]): Census {
  const { topology, positionOf, groupOf } = geometry;
  const core = new Uint16Array(topology.coreCount);
  const group = new Uint16Array(topology.l3Count);
  for (const id of own) {
    const position = positionOf[id]!;
    core[topology.coreOf[position]!]!++;
    group[groupOf[position]!]!++;
  }
  return { core, group };
}

/** Adds one at a time: the other half of an own core, else from the L3 group that is taken most, else the first. */
function extended(geometry: Geometry, own: readonly number[], territory: readonly number[], need: number): number[] {
  const { topology, positionOf, groupOf } = geometry;
  const out = own.slice();
  const { core, group } = census(geometry, own);
  const taken = new Set(own);
  const rest = territory.filter((id) => !taken.has(id));
  while (out.length < need && rest.length > 0) {
    let best = 0;
    let bestScore = -1;
    for (let i = 0; i < rest.length; i++) {
      const position = positionOf[rest[i]!]!;
      const score = (core[topology.coreOf[position]!]! > 0 ? 0x10000 : 0) + group[groupOf[position]!]!;
      if (score > bestScore) [best, bestScore] = [i, score];
    }
    const id = rest.splice(best, 1)[0]!;
    out.push(id);
    core[topology.coreOf[positionOf[id]!]!]!++;
    group[groupOf[positionOf[id]!]!]!++;
  }
  return out;
}

/** Drops one at a time, so that whole L3 groups and then whole cores come free soonest; the last attributed of equals. */
function reduced(geometry: Geometry, own: readonly number[], need: number): number[] {
  const { topology, positionOf, groupOf } = geometry;
  const out = own.slice();
  const { core, group } = census(geometry, own);
  while (out.length > need) {
    let worst = out.length - 1;
    let worstScore = Number.POSITIVE_INFINITY;
    for (let i = out.length - 1; i >= 0; i--) {
      const position = positionOf[out[i]!]!;
      const score = group[groupOf[position]!]! * 0x10000 + core[topology.coreOf[position]!]!;
      if (score < worstScore) [worst, worstScore] = [i, score];
    }
    const id = out.splice(worst, 1)[0]!;
    core[topology.coreOf[positionOf[id]!]!]!--;
    group[groupOf[positionOf[id]!]!]!--;
  }
  return out;
}
