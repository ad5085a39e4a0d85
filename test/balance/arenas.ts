/** Arenas for the balancer's tests: built by hand or at random, and what can be said about a plan for one. */
import type { Arena, ArenaVcpu, LeftAlone, Move } from "../../src/core/balance/model.js";

export interface VcpuOf extends Partial<ArenaVcpu> {
  readonly demandPcpus: number;
}

/** VMs of one vCPU unless they name another; certain demands, one cell. */
export function arenaOf(
  pcpuCount: number,
  vcpus: readonly VcpuOf[],
  given: {
    readonly cells?: readonly number[];
    readonly background?: readonly number[];
    readonly leftAlone?: LeftAlone;
  } = {},
): Arena {
  return {
    pcpus: Array.from({ length: pcpuCount }, (_, id) => ({
      id,
      cell: given.cells?.[id] ?? 0,
      backgroundPcpus: given.background?.[id] ?? 0,
    })),
    isSettled: given.leftAlone !== undefined,
    leftAlone: given.leftAlone ?? null,
    vcpus: vcpus.map((vcpu, index) => ({
      vm: `vm-${index}`,
      vcpu: 0,
      errorPcpus: 0,
      at: null,
      ranOn: null,
      homeCell: null,
      allowed: null,
      ...vcpu,
    })),
  };
}

/** Where everybody is after the moves; null: still nowhere. */
export function after(arena: Arena, moves: readonly Move[]): readonly (number | null)[] {
  const at = arena.vcpus.map((vcpu) => vcpu.at);
  for (const { index, to } of moves) at[index] = to;
  return at;
}

export function loadsOf(arena: Arena, at: readonly (number | null)[]): readonly number[] {
  const loads = arena.pcpus.map((pcpu) => pcpu.backgroundPcpus);
  for (const [index, to] of at.entries()) if (to !== null) loads[to]! += arena.vcpus[index]!.demandPcpus;
  return loads;
}

export function deviation(loads: readonly number[]): number {
  const mean = loads.reduce((sum, load) => sum + load, 0) / loads.length;
  return Math.sqrt(loads.reduce((sum, load) => sum + (load - mean) ** 2, 0) / loads.length);
}

/** Pairs of vCPUs of one VM on one pCPU. */
export function conflicts(arena: Arena, at: readonly (number | null)[]): number {
  const seen = new Map<string, number>();
  let pairs = 0;
  for (const [index, to] of at.entries()) {
    if (to === null) continue;
    const key = `${arena.vcpus[index]!.vm} ${to}`;
    pairs += seen.get(key) ?? 0;
    seen.set(key, (seen.get(key) ?? 0) + 1);
  }
  return pairs;
}

/** A generator of even numbers in [0, 1), the same for the same seed (mulberry32). */
export function random(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
