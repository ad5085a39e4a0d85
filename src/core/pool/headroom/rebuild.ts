/**
 * Pools made from VMs found running: their ratios say in which pool each vCPU is, their pins where the pools are. Pins may
 * contradict each other (changed by hand, half applied, not pinned at all); each pool keeps the CPU set that most of its
 * vCPUs agree on, as far as pools that more vCPUs agree on leave it. From a host's own pins the same pins come out.
 * VMs are taken in the order given; which pCPUs of its CPU set a pool counted as its own is not in the pins.
 */
import { type CpuSet, EMPTY_CPU_SET, equalCpuSets, formatCpuSet } from "../../cpuset.js";
import { type Result, refuse } from "../../result.js";
import { memoryRefusal, vmNamed, withVm } from "../memory-pool.js";
import type { HostState, MemoryPool } from "../model.js";
import type { ObservedVm, Rebuilt } from "../policy.js";
import { cpuRefusal, demandFrom } from "./admission.js";
import { attribute } from "./attribute.js";
import { type Board, boardOf, territoryOf } from "./board.js";
import { withVm as draftsWithVm, type PoolDraft } from "./draft.js";
import type { Geometry } from "./geometry.js";
import { grow } from "./grow.js";
import { returnIdleGroups, tidy } from "./lend.js";
import { finish } from "./settle.js";

interface Taken {
  readonly drafts: readonly PoolDraft[];
  readonly memory: MemoryPool;
}

function take(geometry: Geometry, taken: Taken, { vm, vcpuRatios }: ObservedVm): Result<Taken> {
  if (vmNamed(taken.memory, vm.name) !== undefined)
    return refuse("name-taken", `this host has a VM "${vm.name}" already`, { vm: vm.name });
  const demand = demandFrom(vm.vcpus, (index) => vcpuRatios[Math.min(index, vcpuRatios.length - 1)]!);
  if (!demand.ok) return demand;
  const drafts = draftsWithVm(taken.drafts, vm.name, demand.value);
  const refusal = cpuRefusal(vm, taken.drafts, drafts, geometry.usableCount) ?? memoryRefusal(taken.memory, vm);
  if (refusal !== null) return { ok: false, refusal };
  return { ok: true, value: { drafts, memory: withVm(taken.memory, vm) } };
}

interface Agreement {
  readonly set: CpuSet;
  /** vCPUs pinned to exactly this set. */
  readonly vcpus: number;
}

/** The CPU set that most vCPUs of the pool are pinned to; the smallest of equals, then the first found. */
function agreement(draft: PoolDraft, pinsOf: ReadonlyMap<string, readonly CpuSet[]>): Agreement {
  const sets = new Map<string, { set: CpuSet; vcpus: number }>();
  for (const { vm, vcpuIndexes } of draft.members) {
    for (const index of vcpuIndexes) {
      const set = pinsOf.get(vm)?.[index] ?? EMPTY_CPU_SET;
      const text = formatCpuSet(set);
      const known = sets.get(text);
      if (known === undefined) sets.set(text, { set, vcpus: 1 });
      else known.vcpus++;
    }
  }
  let best: Agreement = { set: EMPTY_CPU_SET, vcpus: 0 };
  for (const one of sets.values()) {
    if (one.set.length === 0) continue;
    if (one.vcpus > best.vcpus || (one.vcpus === best.vcpus && one.set.length < best.set.length)) best = one;
  }
  return best;
}

/** Territories from the pins, made legal. */
function layOut(
  geometry: Geometry,
  criticalSize: number,
  drafts: readonly PoolDraft[],
  observed: readonly ObservedVm[],
): Board {
  const pinsOf = new Map(observed.map(({ vm, pins }) => [vm.name, pins]));
  const agreements = drafts.map((draft) => agreement(draft, pinsOf));
  const order = [...drafts.keys()].sort((a, b) => agreements[b]!.vcpus - agreements[a]!.vcpus || a - b);
  const claimed = new Set<number>();
  const territories: (readonly number[])[] = drafts.map(() => []);
  for (const pool of order) {
    const { set } = agreements[pool]!;
    const left = set.filter((id) => !claimed.has(id));
    const shares = criticalSize > 0 && agreements.some((other, i) => i !== pool && equalCpuSets(other.set, set));
    // Pools that share a set have no more of it than they need: the rest is everybody's.
    const territory = shares ? attribute(geometry, [], left, drafts[pool]!.need, true) : left;
    for (const id of territory) claimed.add(id);
    territories[pool] = territory;
  }
  const board = boardOf(
    geometry,
    drafts.map((draft, i) => ({ territory: territories[i]!, need: draft.need, weight: draft.allocatedVcpus })),
  );
  for (const pool of order) if (board.held[pool]! < board.need[pool]!) grow(board, pool);
  for (const pool of drafts.keys()) {
    returnIdleGroups(board, pool);
    if (board.touched[pool] === 1) tidy(board, pool);
  }
  return board;
}

/** The host that holds the observed VMs, in `empty`'s memory. */
export function rebuildPools(
  geometry: Geometry,
  criticalSize: number,
  empty: HostState,
  observed: readonly ObservedVm[],
): Rebuilt {
  let taken: Taken = { drafts: [], memory: empty.memory };
  const unplaced: Rebuilt["unplaced"][number][] = [];
  for (const one of observed) {
    const result = take(geometry, taken, one);
    if (result.ok) taken = result.value;
    else unplaced.push({ vm: one.vm, refusal: result.refusal });
  }
  const board = layOut(geometry, criticalSize, taken.drafts, observed);
  const nothing = taken.drafts.map(() => EMPTY_CPU_SET);
  const territories = taken.drafts.map((_, pool) => territoryOf(board, pool));
  return {
    host: { pools: finish(geometry, criticalSize, taken.drafts, nothing, territories), memory: taken.memory },
    unplaced,
  };
}
