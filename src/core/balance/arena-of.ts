/**
 * The arena of a host, or of one pool of it: from what is observed (pins, demands, where vCPUs ran) to what the plan is made
 * on. What may not be moved, or is not known yet, is load that stays: of a vCPU that may run on several pCPUs a share on each.
 */
import type { CpuSet } from "../cpuset.js";
import { type DemandEstimate, errorOf, isYoung } from "./demand.js";
import type { Arena, ArenaVcpu, LeftAlone } from "./model.js";

/** A vCPU of a running guest, as observed. */
export interface ObservedVcpu {
  /** `keyOf` its domain and index. */
  readonly key: string;
  readonly vm: string;
  readonly vcpu: number;
  /** Null: not known yet. */
  readonly demand: DemandEstimate | null;
  readonly affinity: CpuSet;
  readonly ranOn: number | null;
  /** Null: it must not be moved. */
  readonly allowed: CpuSet | null;
}

export interface ArenaPlace {
  readonly id: number;
  readonly cell: number;
}

/** On a large host some load changes in every interval. */
const MOST_UNSETTLED = 0.05;

export interface BuiltArena {
  readonly arena: Arena;
  /** The observed vCPU behind each of the arena's. */
  readonly movable: readonly ObservedVcpu[];
}

export function buildArena(
  places: readonly ArenaPlace[],
  vcpus: readonly ObservedVcpu[],
  typicalNoisePcpus: number,
  leftAlone: LeftAlone | null,
): BuiltArena {
  const positions = new Map(places.map(({ id }, position) => [id, position]));
  const background = new Float64Array(places.length);
  const movable: ObservedVcpu[] = [];
  const out: ArenaVcpu[] = [];
  const borders = borderReader(positions);
  let unsettled = 0;
  for (const vcpu of vcpus) {
    const allowed = vcpu.allowed === null ? [] : borders(vcpu.allowed);
    if (vcpu.demand === null || (allowed !== null && allowed.length === 0)) {
      addBackground(background, positions, vcpu);
      continue;
    }
    movable.push(vcpu);
    if (isYoung(vcpu.demand) || vcpu.affinity.length !== 1) unsettled++;
    out.push(arenaVcpu(vcpu, vcpu.demand, typicalNoisePcpus, allowed, positions, places));
  }
  return {
    arena: {
      pcpus: places.map(({ id, cell }, position) => ({ id, cell, backgroundPcpus: background[position]! })),
      vcpus: out,
      isSettled: unsettled <= MOST_UNSETTLED * out.length,
      leftAlone,
    },
    movable,
  };
}

/** Positions of a CPU set; null for all of them. Equal sets give one array. */
function borderReader(positions: ReadonlyMap<number, number>): (set: CpuSet) => readonly number[] | null {
  const known = new Map<CpuSet, readonly number[] | null>();
  return (set) => {
    const found = known.get(set);
    if (found !== undefined) return found;
    const inside = set.flatMap((id) => positions.get(id) ?? []);
    const border = inside.length === positions.size ? null : inside;
    known.set(set, border);
    return border;
  };
}

function addBackground(
  background: Float64Array,
  positions: ReadonlyMap<number, number>,
  { demand, affinity }: ObservedVcpu,
): void {
  if (demand === null || affinity.length === 0) return;
  for (const id of affinity) {
    const position = positions.get(id);
    if (position !== undefined) background[position]! += demand.meanPcpus / affinity.length;
  }
}

function arenaVcpu(
  { vm, vcpu, affinity, ranOn }: ObservedVcpu,
  demand: DemandEstimate,
  typicalNoisePcpus: number,
  allowed: readonly number[] | null,
  positions: ReadonlyMap<number, number>,
  places: readonly ArenaPlace[],
): ArenaVcpu {
  const inside = affinity.map((id) => positions.get(id));
  const cells = new Set(inside.map((position) => (position === undefined ? null : places[position]!.cell)));
  const [only] = cells;
  return {
    vm,
    vcpu,
    demandPcpus: demand.meanPcpus,
    errorPcpus: errorOf(demand, typicalNoisePcpus),
    at: affinity.length === 1 ? (inside[0] ?? null) : null,
    ranOn: (ranOn === null ? undefined : positions.get(ranOn)) ?? null,
    homeCell: cells.size === 1 ? (only ?? null) : null,
    allowed,
  };
}
