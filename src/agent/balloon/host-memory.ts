/**
 * The memory of a host under an agent: the coordinator across all its VMs, where the operator wants one, and the room for more
 * VMs where more memory is sold than there is. Such memory is promised by the pools (their capacity is a multiple of what
 * there is) and admitted against estimates: what the VMs are expected to hold at most, and the new one's whole size, must
 * fit what there is. The coordinator keeps it safe; a VM in distress counts with all that it was sold.
 */
import { FROZEN_REASONS } from "../../core/balloon/model.js";
import type { BalloonSettings } from "../../core/balloon/settings.js";
import type { PoolPolicy } from "../../core/pool/policy.js";
import { isPlaced, type VmRecord } from "../../core/reconcile/model.js";
import type { Refusal, Result } from "../../core/result.js";
import { type MiB, type Milliseconds, mib } from "../../core/units.js";
import type { Clock } from "../../ports/clock.js";
import { OperationalError } from "../../ports/errors.js";
import type { HostSample } from "../../ports/host.js";
import type { DomainStats, Hypervisor } from "../../ports/hypervisor.js";
import type { Log } from "../../ports/log.js";
import { markOf } from "../domain-spec.js";
import type { AgentSettings } from "../settings.js";
import type { AgentState } from "../state.js";
import { guestMemoryOf, MemoryCoordinator } from "./coordinator.js";
import { MeasuredPeaks, type ObservedMemory } from "./measured-peaks.js";

type MemorySettings = Pick<AgentSettings, "reservedMemoryMiB" | "memoryRatio" | "memoryMargin" | "memoryHistory">;

/** What is needed of the agent's context. */
interface Surroundings {
  readonly hypervisor: Hypervisor;
  readonly clock: Clock;
  readonly log: Log;
  readonly store: { readonly state: AgentState };
  readonly settings: Pick<AgentSettings, "balloon">;
}

/** What there is for VMs. */
const physicalMiB = (policy: PoolPolicy, { reservedMemoryMiB }: MemorySettings): number =>
  Math.max(0, policy.settings.topology.topology.memory.allowedMiB - reservedMemoryMiB);

/** What VMs may be promised in all. */
export const promisedMiB = (policy: PoolPolicy, settings: MemorySettings): MiB =>
  mib(Math.floor(physicalMiB(policy, settings) * settings.memoryRatio));

/** A schedulers' picture of the room may be so far off, as a part of what there is, before it is told anew. */
const TOLD_SHARE = 1 / 64;

export class HostMemoryKeeper {
  readonly #physicalMiB: number;
  readonly #oversubscribed: boolean;
  readonly #estimates: MeasuredPeaks;
  #coordinator: MemoryCoordinator | null = null;
  #decidedAt: Milliseconds | null = null;
  /** Uuids of found VMs whose definition says by now what they were sold. */
  readonly #marked = new Set<string>();
  #toldMiB = 0;
  #changes = 0;

  constructor(policy: PoolPolicy, settings: MemorySettings) {
    this.#physicalMiB = physicalMiB(policy, settings);
    this.#oversubscribed = settings.memoryRatio > 1;
    this.#estimates = new MeasuredPeaks(settings.memoryMargin, settings.memoryHistory);
  }

  get coordinator(): MemoryCoordinator | null {
    return this.#coordinator;
  }

  /** What estimates leave for more VMs; null: no more is sold than there is, and the pools' count is all. */
  roomMiB(state: AgentState, without: string | null = null): number | null {
    if (!this.#oversubscribed) return null;
    let room = this.#physicalMiB;
    for (const vm of state.vms.values()) {
      if (holdsMemory(vm) && vm.name !== without) room -= this.#estimates.peakMiB(vm.uuid) ?? vm.memoryMiB;
    }
    return room;
  }

  /** What the pools decided of a VM that comes or grows, where the estimates leave the room for it; else their refusal. */
  admit<T>(state: AgentState, vm: { readonly name: string; readonly memoryMiB: number }, placed: Result<T>): Result<T> {
    const refusal = placed.ok ? this.#refusal(state, vm) : null;
    return refusal === null ? placed : { ok: false, refusal };
  }

  #refusal(state: AgentState, vm: { readonly name: string; readonly memoryMiB: number }): Refusal | null {
    const room = this.roomMiB(state, vm.name);
    if (room === null || vm.memoryMiB <= room) return null;
    const free = Math.max(0, Math.floor(room));
    const whole = vm.memoryMiB > this.#physicalMiB;
    return {
      code: whole ? "vm-larger-than-host" : "no-memory-capacity",
      reason: whole
        ? `VM "${vm.name}" needs ${vm.memoryMiB} MiB, the whole host has ${this.#physicalMiB} MiB for VMs`
        : `VM "${vm.name}" needs ${vm.memoryMiB} MiB, and what the VMs here are expected to hold leaves ${free} of ${this.#physicalMiB} MiB`,
      details: { resource: "mem", neededMiB: vm.memoryMiB, freeMiB: free, capacityMiB: this.#physicalMiB },
    };
  }

  /** Counts up when the room has changed so much that schedulers should hear of it. */
  changes(state: AgentState): number {
    const room = this.roomMiB(state);
    if (room !== null && Math.abs(room - this.#toldMiB) > this.#physicalMiB * TOLD_SHARE) {
      this.#toldMiB = room;
      this.#changes++;
    }
    return this.#changes;
  }

  /** One tick: tells the estimates what is held, and coordinates when the interval has passed. Gives the number of balloons moved. */
  async keep(
    context: Surroundings,
    stats: readonly DomainStats[],
    sample: HostSample | null,
    problems: string[],
  ): Promise<number> {
    const { clock, store, settings } = context;
    const own = stats.filter(({ name, uuid }) => {
      const vm = store.state.vms.get(name);
      return vm?.uuid === uuid && vm.state === "running" && !store.state.tasks.has(name);
    });
    const moved =
      settings.balloon === null ? 0 : await this.#coordinate(context, settings.balloon, own, sample, problems);
    if (this.#oversubscribed)
      this.#estimates.observe(clock.monotonic(), observedMemory(store.state, stats, this.#distressed()));
    return moved;
  }

  async #coordinate(
    context: Surroundings,
    settings: BalloonSettings,
    own: readonly DomainStats[],
    sample: HostSample | null,
    problems: string[],
  ): Promise<number> {
    const { hypervisor, clock, log, store } = context;
    const now = clock.monotonic();
    // Events bring ticks forward; a decision between two reports would only be the last one again.
    if (this.#decidedAt !== null && now - this.#decidedAt < settings.interval * 0.9) return 0;
    this.#decidedAt = now;
    this.#coordinator ??= new MemoryCoordinator({ hypervisor, probe: null, clock, log, settings });
    await this.#mark(context, own);
    const guests = own.flatMap((domain) => {
      const vm = store.state.vms.get(domain.name);
      if (vm === undefined || (!vm.deployedHere && !this.#marked.has(vm.uuid))) return [];
      return guestMemoryOf(domain).map((guest) => ({
        ...guest,
        maximumMiB: mib(Math.min(guest.maximumMiB, vm.memoryMiB)),
      }));
    });
    const host = sample && { totalMiB: sample.memoryTotalMiB, availableMiB: sample.memoryAvailableMiB };
    const { changes, plan } = await this.#coordinator.decide(guests, host ?? (await hypervisor.memory()));
    for (const { name, problem } of changes) if (problem !== null) problems.push(`the balloon of ${name}: ${problem}`);
    for (const { name, reason, why } of plan.guests)
      if (reason === "not-following") problems.push(`the balloon of ${name} does not move: ${why}`);
    return changes.filter(({ problem }) => problem === null).length;
  }

  /** What a found VM was sold is the size that it was found with: its definition has to say so before its balloon moves. */
  async #mark({ hypervisor, store, log }: Surroundings, own: readonly DomainStats[]): Promise<void> {
    for (const { name, uuid } of own) {
      const vm = store.state.vms.get(name);
      if (vm === undefined || vm.deployedHere || this.#marked.has(uuid)) continue;
      try {
        await hypervisor.setMetadata(name, markOf(vm));
        this.#marked.add(uuid);
      } catch (error) {
        if (!(error instanceof OperationalError)) throw error;
        log.debug({ err: error, vm: name }, "the VM could not be marked, so its memory stays as it is");
      }
    }
  }

  /** Names of guests whose figures say less than they want, or nothing. */
  #distressed(): ReadonlySet<string> {
    const guests = this.#coordinator?.latest?.plan.guests ?? [];
    return new Set(
      guests.filter((guest) => guest.distressed || FROZEN_REASONS.has(guest.reason)).map(({ name }) => name),
    );
  }
}

/** A VM that is unplaced runs all the same. */
const holdsMemory = (vm: VmRecord): boolean => isPlaced(vm) || vm.state === "unplaced";

function observedMemory(
  { vms }: AgentState,
  stats: readonly DomainStats[],
  distressed: ReadonlySet<string>,
): readonly ObservedMemory[] {
  const memories = new Map(stats.map(({ uuid, memory }) => [uuid, memory]));
  return [...vms.values()].filter(holdsMemory).map(({ name, uuid, memoryMiB }) => {
    const memory = memories.get(uuid) ?? null;
    const spare = memory === null ? null : (memory.usableMiB ?? memory.unusedMiB);
    const known = memory !== null && spare !== null && memory.lastUpdate !== null && !distressed.has(name);
    return { uuid, soldMiB: memoryMiB, heldMiB: known ? mib(Math.max(0, memory.currentMiB - spare)) : null };
  });
}
