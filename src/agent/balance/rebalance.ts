/**
 * What balancing a host alone and balancing the pools of an agent share: remembers what the vCPUs want between readings,
 * plans an arena and carries the plan out. A pin that fails stops no other; its vCPU is left alone for a while.
 */
import { type ArenaPlace, type BuiltArena, buildArena, type ObservedVcpu } from "../../core/balance/arena-of.js";
import type { DemandEstimate } from "../../core/balance/demand.js";
import { type DomainCounters, type Observation, observe } from "../../core/balance/measure.js";
import type { LeftAlone, Plan } from "../../core/balance/model.js";
import { leftAloneAfter, planArena } from "../../core/balance/plan.js";
import { cpuSetOf } from "../../core/cpuset.js";
import { type Milliseconds, type Pcpus, pcpus } from "../../core/units.js";
import type { Pinner } from "../pinner.js";
import { reasonOf } from "../repin.js";
import type { MoveLine, PcpuLine } from "./report.js";

/** Rounds for which a vCPU is left alone after it could not be pinned. */
const REST_ROUNDS = 10;

export interface ArenaOutcome {
  readonly plan: Plan;
  readonly moves: readonly MoveLine[];
  readonly pcpus: readonly PcpuLine[];
}

export class Rebalancer {
  private observation: Observation | null = null;
  private rounds = 0;
  /** By key of the vCPU: the round from which it is tried again. */
  private readonly resting = new Map<string, number>();
  /** By name of the arena. */
  private readonly leftAlone = new Map<string, LeftAlone>();

  constructor(
    private readonly pinner: Pinner,
    private readonly dryRun: boolean,
  ) {}

  /** False: nothing is known yet, or the reading taught nothing. */
  observe(running: readonly DomainCounters[], at: Milliseconds): boolean {
    this.observation = observe(this.observation, running, at);
    if (!this.observation.fresh) return false;
    this.rounds++;
    for (const [key, until] of this.resting) if (until <= this.rounds) this.resting.delete(key);
    return true;
  }

  /** Null: not known yet. */
  demandOf(key: string): DemandEstimate | null {
    return this.observation?.demands.get(key) ?? null;
  }

  isResting(key: string): boolean {
    return this.resting.has(key);
  }

  /** Balances one arena; `name` tells it from others, and stays the same between rounds. */
  async run(name: string, places: readonly ArenaPlace[], vcpus: readonly ObservedVcpu[]): Promise<ArenaOutcome> {
    const noise = this.observation?.noise.typicalPcpus ?? 0;
    const built = buildArena(places, vcpus, noise, this.leftAlone.get(name) ?? null);
    const plan = planArena(built.arena);
    const left = leftAloneAfter(built.arena, plan);
    if (left === null) this.leftAlone.delete(name);
    else this.leftAlone.set(name, left);
    const moves = this.dryRun ? moveLines(built, plan) : await this.carryOut(built, plan);
    return { plan, moves, pcpus: pcpuLines(built, plan, moves) };
  }

  private async carryOut(built: BuiltArena, plan: Plan): Promise<readonly MoveLine[]> {
    const lines = moveLines(built, plan);
    const changes = lines.map(({ vm, vcpu, from, to }) => ({ vm, vcpu, from, to: cpuSetOf([to]) }));
    const failures = await this.pinner.apply(changes.length === 0 ? [] : [changes]);
    const reasons = new Map(failures.map(({ change, error }) => [change, reasonOf(error)]));
    return lines.map((line, i) => {
      const failure = reasons.get(changes[i]!) ?? null;
      if (failure !== null) this.resting.set(built.movable[plan.moves[i]!.index]!.key, this.rounds + REST_ROUNDS);
      return { ...line, failure };
    });
  }
}

const moveLines = ({ arena, movable }: BuiltArena, plan: Plan): readonly MoveLine[] =>
  plan.moves.map(({ index, to }) => ({
    vm: movable[index]!.vm,
    vcpu: movable[index]!.vcpu,
    demandPcpus: pcpus(arena.vcpus[index]!.demandPcpus),
    from: movable[index]!.affinity,
    to: arena.pcpus[to]!.id,
    failure: null,
  }));

/** Who is on which pCPU after the moves that were made; who may run on several counts as others do. */
function pcpuLines({ arena }: BuiltArena, plan: Plan, moves: readonly MoveLine[]): readonly PcpuLine[] {
  const at = arena.vcpus.map((vcpu) => vcpu.at);
  for (const [i, { index, to }] of plan.moves.entries()) if (moves[i]!.failure === null) at[index] = to;
  const lines = arena.pcpus.map(({ id, cell, backgroundPcpus }) => ({
    id,
    cell,
    loadPcpus: backgroundPcpus,
    otherPcpus: pcpus(backgroundPcpus),
    vcpus: [] as { vm: string; vcpu: number; demandPcpus: Pcpus }[],
  }));
  for (const [index, { vm, vcpu, demandPcpus }] of arena.vcpus.entries()) {
    const line = lines[at[index] ?? -1];
    line?.vcpus.push({ vm, vcpu, demandPcpus: pcpus(demandPcpus) });
    if (line !== undefined) line.loadPcpus += demandPcpus;
  }
  return lines.map((line) => ({ ...line, loadPcpus: pcpus(line.loadPcpus) }));
}
