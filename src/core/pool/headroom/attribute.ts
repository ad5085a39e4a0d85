/**
 * Which pCPUs of its territory a pool counts as its own: exactly as many as it needs, in order of attribution. The rest
 * of the territory is lent and counts as free. Only bookkeeping: pins follow the territory.
 */
import { assert } from "../../assert.js";
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

/** How many pCPUs of a list are in each core and L3 group. */
interface Census {
  readonly core: Uint16Array;
  readonly group: Uint16Array;
}

function count({ core, group }: Census, geometry: Geometry, position: number, by: number): void {
  core[geometry.topology.coreOf[position]!]! += by;
  group[geometry.groupOf[position]!]! += by;
}

function census(geometry: Geometry, own: readonly number[]): Census {
  const { topology, positionOf, groups } = geometry;
  const counts = { core: new Uint16Array(topology.coreCount), group: new Uint16Array(groups.length) };
  for (let i = 0; i < own.length; i++) count(counts, geometry, positionOf[own[i]!]!, 1);
  return counts;
}

/** Adds one at a time: the other half of an own core, else from the L3 group that is taken most, else the first. */
function extended(geometry: Geometry, own: readonly number[], territory: readonly number[], need: number): number[] {
  const { topology, positionOf, groupOf } = geometry;
  const out = own.slice();
  const counts = census(geometry, own);
  const taken = new Uint8Array(geometry.size);
  for (let i = 0; i < own.length; i++) taken[positionOf[own[i]!]!] = 1;
  while (out.length < need) {
    let best = -1;
    let bestScore = -1;
    for (let i = 0; i < territory.length; i++) {
      const position = positionOf[territory[i]!]!;
      if (taken[position] === 1) continue;
      const score = (counts.core[topology.coreOf[position]!]! > 0 ? 0x10000 : 0) + counts.group[groupOf[position]!]!;
      if (score > bestScore) [best, bestScore] = [position, score];
    }
    assert(best >= 0, "a territory holds what its pool needs");
    taken[best] = 1;
    out.push(topology.ids[best]!);
    count(counts, geometry, best, 1);
  }
  return out;
}

/** Drops one at a time, so that whole L3 groups and then whole cores come free soonest; the last attributed of equals. */
function reduced(geometry: Geometry, own: readonly number[], need: number): number[] {
  const { topology, positionOf, groupOf } = geometry;
  const out = own.slice();
  const counts = census(geometry, own);
  while (out.length > need) {
    let worst = out.length - 1;
    let worstScore = Number.POSITIVE_INFINITY;
    for (let i = out.length - 1; i >= 0; i--) {
      const position = positionOf[out[i]!]!;
      const score = counts.group[groupOf[position]!]! * 0x10000 + counts.core[topology.coreOf[position]!]!;
      if (score < worstScore) [worst, worstScore] = [i, score];
    }
    count(counts, geometry, positionOf[out.splice(worst, 1)[0]!]!, -1);
  }
  return out;
}
