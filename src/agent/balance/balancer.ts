/**
 * The balancer of a host that works alone: one round reads all running guests, works out what each vCPU wants, plans
 * (core/balance) and pins what has to move. VMs of a Headroom agent are left to it: their load counts, their pins are its.
 */
import type { ArenaPlace, ObservedVcpu } from "../../core/balance/arena-of.js";
import { keyOf } from "../../core/balance/measure.js";
import { type CpuSet, cpuSetOf, subtractCpuSets } from "../../core/cpuset.js";
import type { Topology } from "../../core/topology/model.js";
import type { Clock } from "../../ports/clock.js";
import type { DomainStats, Hypervisor } from "../../ports/hypervisor.js";
import type { Controller } from "../controller/loop.js";
import { Counters } from "../counters.js";
import { Pinner } from "../pinner.js";
import { Rebalancer } from "./rebalance.js";
import type { BalanceReport, BalanceTotals } from "./report.js";

export interface BalancerOptions {
  readonly hypervisor: Hypervisor;
  readonly clock: Clock;
  /** Null: all pCPUs that the hypervisor names count as one NUMA cell. */
  readonly topology: Topology | null;
  /** pCPUs that no guest is moved to. */
  readonly excluded: CpuSet;
  /** Plans, and moves nothing. */
  readonly dryRun: boolean;
}

export class Balancer implements Controller<BalanceReport> {
  private readonly counters = new Counters();
  private readonly rebalancer: Rebalancer;
  private rounds = 0;
  /** By uuid: whether an agent manages the domain. */
  private readonly managed = new Map<string, boolean>();

  constructor(private readonly options: BalancerOptions) {
    this.rebalancer = new Rebalancer(new Pinner(options.hypervisor, this.counters), options.dryRun);
  }

  totals(): BalanceTotals {
    const { pinCalls, failedPinCalls } = this.counters;
    return { rounds: this.rounds, moves: pinCalls - failedPinCalls, failedMoves: failedPinCalls };
  }

  async round(): Promise<BalanceReport | null> {
    const { hypervisor, clock, dryRun } = this.options;
    const [host, stats] = await Promise.all([hypervisor.host(), hypervisor.stats()]);
    const running = stats.filter((domain) => domain.state === "running");
    if (!this.rebalancer.observe(running, clock.monotonic())) return null;
    this.rounds++;
    await this.lookUp(running);
    const pins = await hypervisor.pins(running.map((domain) => domain.name));
    const places = this.placesOf(host.pcpus);
    const everywhere = cpuSetOf(places.map(({ id }) => id));
    const ranOn = await this.placesOfWanderers(running, pins);
    const vcpus = running.flatMap((domain) => {
      const { name } = domain;
      return this.vcpusOf(domain, pins.get(name) ?? [], ranOn.get(name) ?? [], everywhere);
    });
    const { plan, moves, pcpus } = await this.rebalancer.run("host", places, vcpus);
    return {
      at: clock.now(),
      round: this.rounds,
      dryRun,
      verdict: plan.verdict,
      deviation: plan.deviation,
      plannedDeviation: plan.plannedDeviation,
      margin: plan.margin,
      pcpus,
      moves,
      notes: this.notes(running, vcpus),
    };
  }

  /** The pCPUs that may be used, in order of topology. */
  private placesOf(online: CpuSet): readonly ArenaPlace[] {
    const { topology, excluded } = this.options;
    const usable = subtractCpuSets(online, excluded);
    if (topology === null) return usable.map((id) => ({ id, cell: 0 }));
    const known = new Set<number>(usable);
    return topology.pcpus.flatMap(({ id, cellId }) => (known.has(id) ? [{ id, cell: cellId }] : []));
  }

  /** New domains are looked at once: an agent leaves its mark in those that it manages. */
  private async lookUp(running: readonly DomainStats[]): Promise<void> {
    const present = new Set(running.map((domain) => domain.uuid));
    for (const uuid of this.managed.keys()) if (!present.has(uuid)) this.managed.delete(uuid);
    const unknown = running.filter((domain) => !this.managed.has(domain.uuid));
    const details = await Promise.all(unknown.map((domain) => this.options.hypervisor.detail(domain.name)));
    for (const detail of details) if (detail !== null) this.managed.set(detail.uuid, detail.metadata !== null);
  }

  /** vCPUs that may run on several pCPUs stay where they ran last, if that is as good as any other place. */
  private async placesOfWanderers(
    running: readonly DomainStats[],
    pins: ReadonlyMap<string, readonly CpuSet[]>,
  ): Promise<ReadonlyMap<string, readonly (number | null)[]>> {
    const wandering = running
      .filter(({ uuid }) => this.managed.get(uuid) === false)
      .filter(({ name }) => pins.get(name)?.some((affinity) => affinity.length > 1))
      .map(({ name }) => name);
    return wandering.length === 0 ? new Map() : this.options.hypervisor.lastPcpus(wandering);
  }

  private vcpusOf(
    { name, uuid, vcpus }: DomainStats,
    pins: readonly CpuSet[],
    ranOn: readonly (number | null)[],
    everywhere: CpuSet,
  ): ObservedVcpu[] {
    const isFree = this.managed.get(uuid) === false;
    return vcpus.flatMap(({ index, online }) => {
      const affinity = pins[index];
      if (!online || affinity === undefined) return [];
      const key = keyOf(uuid, index);
      const allowed = isFree && !this.rebalancer.isResting(key) ? everywhere : null;
      const demand = this.rebalancer.demandOf(key);
      return [{ key, vm: name, vcpu: index, demand, affinity, ranOn: ranOn[index] ?? null, allowed }];
    });
  }

  private notes(running: readonly DomainStats[], vcpus: readonly ObservedVcpu[]): readonly string[] {
    const notes: string[] = [];
    const managed = running.filter(({ uuid }) => this.managed.get(uuid) === true).map(({ name }) => name);
    if (managed.length > 0) notes.push(`left to their Headroom agent: ${some(managed)}`);
    const resting = vcpus.filter(({ key }) => this.rebalancer.isResting(key));
    if (resting.length > 0)
      notes.push(`left alone for a while, as they could not be pinned: ${some(resting.map(shortName))}`);
    const unknown = vcpus.filter(({ demand }) => demand === null);
    if (unknown.length > 0) notes.push(`not known yet: ${some(unknown.map(shortName))}`);
    return notes;
  }
}

const shortName = ({ vm, vcpu }: ObservedVcpu): string => `${vm}/${vcpu}`;

const MOST_NAMED = 5;
/** `a, b and 7 more`. */
function some(names: readonly string[]): string {
  const more = names.length - MOST_NAMED;
  return more > 1 ? `${names.slice(0, MOST_NAMED).join(", ")} and ${more} more` : names.join(", ");
}
