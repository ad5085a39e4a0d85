/**
 * Balancing inside an agent's pools: vCPUs are pinned to single pCPUs of the CPU set that the pools' plan gives them, and never
 * outside of it; a pin within that set counts as planned. Pools that share pCPUs are balanced together. Nothing is kept: where
 * a vCPU is, the hypervisor knows.
 */
import type { ArenaPlace, ObservedVcpu } from "../../core/balance/arena-of.js";
import { keyOf } from "../../core/balance/measure.js";
import { type CpuSet, formatCpuSet } from "../../core/cpuset.js";
import type { VmPins } from "../../core/pool/model.js";
import { type Milliseconds, milliseconds } from "../../core/units.js";
import type { DomainStats } from "../../ports/hypervisor.js";
import { type AgentContext, pinsOf } from "../context.js";
import { Rebalancer } from "./rebalance.js";

/** pCPUs that some vCPUs share, directly or through others, and these vCPUs. */
interface Arena {
  readonly name: string;
  readonly pcpus: ReadonlySet<number>;
  readonly vcpus: readonly ObservedVcpu[];
}

export class PoolBalancer {
  private readonly rebalancer: Rebalancer;
  private readonly places: readonly ArenaPlace[];
  private last: Milliseconds | null = null;

  constructor(private readonly context: AgentContext) {
    this.rebalancer = new Rebalancer(context.pinner, false);
    this.places = context.policy.settings.topology.topology.pcpus.map(({ id, cellId }) => ({ id, cell: cellId }));
  }

  /** One round when it is due; gives the number of moves made. `problems` gets a sentence for each that failed. */
  async round(stats: readonly DomainStats[], problems: string[]): Promise<number> {
    const { settings, clock, store, policy, hypervisor } = this.context;
    const now = clock.monotonic();
    // Ticks come a little early or late.
    const due = this.last === null || now - this.last >= settings.balanceInterval - settings.earlyTickGap;
    if (settings.balanceInterval === 0 || !due) return 0;
    this.last = milliseconds(now);
    const planned = pinsOf(policy, store.state.host);
    const placed = stats.filter(({ name, state }) => state === "running" && planned.has(name));
    if (!this.rebalancer.observe(placed, now)) return 0;
    const pins = await hypervisor.pins(placed.map(({ name }) => name));
    let moves = 0;
    for (const arena of arenasOf(placed.flatMap((domain) => this.vcpusOf(domain, planned, pins.get(domain.name))))) {
      const places = this.places.filter(({ id }) => arena.pcpus.has(id));
      const outcome = await this.rebalancer.run(arena.name, places, arena.vcpus);
      for (const { vm, vcpu, to, failure } of outcome.moves) {
        if (failure === null) moves++;
        else problems.push(`vCPU ${vcpu} of ${vm} could not be balanced to pCPU ${to}: ${failure}`);
      }
    }
    return moves;
  }

  private vcpusOf({ name, uuid, vcpus }: DomainStats, planned: VmPins, pins: readonly CpuSet[] = []): ObservedVcpu[] {
    const wanted = planned.get(name) ?? [];
    return vcpus.flatMap(({ index, online }) => {
      const [allowed, affinity] = [wanted[Math.min(index, wanted.length - 1)], pins[index]];
      if (!online || allowed === undefined || affinity === undefined) return [];
      const key = keyOf(uuid, index);
      return [
        {
          key,
          vm: name,
          vcpu: index,
          demand: this.rebalancer.demandOf(key),
          affinity,
          ranOn: null,
          allowed: this.rebalancer.isResting(key) ? null : allowed,
        },
      ];
    });
  }
}

/** Exported for its test. */
export function arenasOf(vcpus: readonly ObservedVcpu[]): readonly Arena[] {
  const bySet = new Map<string, { readonly set: CpuSet; readonly vcpus: ObservedVcpu[] }>();
  for (const vcpu of vcpus) {
    const set = vcpu.allowed ?? vcpu.affinity;
    const key = formatCpuSet(set);
    const known = bySet.get(key);
    // One and the same array for equal sets: the plan tells borders apart by identity.
    if (known) known.vcpus.push({ ...vcpu, allowed: vcpu.allowed === null ? null : known.set });
    else bySet.set(key, { set, vcpus: [vcpu] });
  }
  const arenas: { pcpus: Set<number>; vcpus: ObservedVcpu[] }[] = [];
  for (const { set, vcpus: members } of bySet.values()) {
    const touching = arenas.filter(({ pcpus }) => set.some((id) => pcpus.has(id)));
    for (const other of touching) arenas.splice(arenas.indexOf(other), 1);
    arenas.push({
      pcpus: new Set([...set, ...touching.flatMap(({ pcpus }) => [...pcpus])]),
      vcpus: [...touching.flatMap((other) => other.vcpus), ...members],
    });
  }
  return arenas.map(({ pcpus, vcpus: members }) => ({
    name: [...pcpus].sort((a, b) => a - b).join(","),
    pcpus,
    vcpus: members,
  }));
}
