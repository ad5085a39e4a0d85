/**
 * In which order pins change, so that VMs of two pools do not overlap on a pCPU while it can be avoided: whoever leaves
 * a pCPU goes first, whoever takes it follows. Changes that do not wait for each other share a wave and may be sent
 * together. Where pools swap pCPUs (a cycle), a vCPU first shrinks to what it keeps, which takes nothing from anybody; only
 * when nobody in the cycle keeps anything does an overlap remain, for the length of one wave.
 *
 * Leaves out weights: all waits are equal, and the order inside a wave is the order given.
 */
import {
  type CpuSet,
  EMPTY_CPU_SET,
  equalCpuSets,
  formatCpuSet,
  intersectCpuSets,
  subtractCpuSets,
} from "../cpuset.js";
import type { PinChange } from "./model.js";

/** vCPUs that make the same move, decided once for all of them. */
interface Move {
  readonly members: readonly PinChange[];
  from: CpuSet;
  readonly to: CpuSet;
  takes: CpuSet;
  leaves: CpuSet;
}

export type PinWave = readonly PinChange[];

/** Changes whose `from` equals `to` are dropped. A vCPU may appear twice: shrunk in one wave, at its goal in a later one. */
export function orderPinChanges(changes: readonly PinChange[]): readonly PinWave[] {
  let pending = groupMoves(changes);
  const leaving = new Map<number, number>();
  for (const move of pending) count(leaving, move.leaves, 1);
  const waves: PinChange[][] = [];
  while (pending.length > 0) {
    const ready = pending.filter((move) => move.takes.every((pcpu) => (leaving.get(pcpu) ?? 0) === 0));
    if (ready.length > 0) {
      for (const move of ready) count(leaving, move.leaves, -1);
      const done = new Set(ready);
      pending = pending.filter((move) => !done.has(move));
      waves.push(ready.flatMap((move) => emit(move, move.to)));
    } else {
      waves.push(breakCycle(pending, leaving));
      pending = pending.filter((move) => !equalCpuSets(move.from, move.to));
    }
  }
  return waves;
}

/** Nobody can go: some vCPU gives up what it leaves without taking anything yet, or, keeping nothing, goes all the way. */
function breakCycle(pending: readonly Move[], leaving: Map<number, number>): PinChange[] {
  const shrinkable = pending.find((move) => move.leaves.length > 0 && move.leaves.length < move.from.length);
  const move = shrinkable ?? pending.find((candidate) => candidate.leaves.length > 0) ?? pending[0]!;
  const next = shrinkable ? intersectCpuSets(move.from, move.to) : move.to;
  const wave = emit(move, next);
  count(leaving, move.leaves, -1);
  move.from = next;
  move.leaves = EMPTY_CPU_SET;
  move.takes = subtractCpuSets(move.to, next);
  return wave;
}

function groupMoves(changes: readonly PinChange[]): Move[] {
  const groups = new Map<string, PinChange[]>();
  for (const change of changes) {
    if (equalCpuSets(change.from, change.to)) continue;
    const key = `${formatCpuSet(change.from)}>${formatCpuSet(change.to)}`;
    const group = groups.get(key);
    if (group) group.push(change);
    else groups.set(key, [change]);
  }
  return [...groups.values()].map((members) => {
    const { from, to } = members[0]!;
    return { members, from, to, takes: subtractCpuSets(to, from), leaves: subtractCpuSets(from, to) };
  });
}

const emit = (move: Move, to: CpuSet): PinChange[] =>
  move.members.map((change) => ({ vm: change.vm, vcpu: change.vcpu, from: move.from, to }));

function count(counts: Map<number, number>, pcpus: CpuSet, step: number): void {
  for (const pcpu of pcpus) counts.set(pcpu, (counts.get(pcpu) ?? 0) + step);
}

export interface Split {
  readonly beforeStart: readonly PinWave[];
  readonly afterStart: readonly PinWave[];
}

/** The new VM's own "moves" are its start: its definition carries its pins. */
export function splitAtStart(waves: readonly PinWave[], name: string): Split {
  const others = waves.map((wave) => wave.filter((change) => change.vm !== name));
  const start = waves.findLastIndex((wave) => wave.some((change) => change.vm === name));
  return {
    beforeStart: others.slice(0, start).filter((wave) => wave.length > 0),
    afterStart: others.slice(start).filter((wave) => wave.length > 0),
  };
}
