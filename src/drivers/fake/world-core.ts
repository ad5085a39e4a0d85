/**
 * The guests of a fake host in time: who is defined, who runs, what each has used up to now, what was announced. Time moves
 * only when somebody looks or acts. Leaves out what can be done to guests: world.ts.
 */
import { type CpuSet, unionCpuSets } from "../../core/cpuset.js";
import type { Topology } from "../../core/topology/model.js";
import { type MiB, mib } from "../../core/units.js";
import type { Clock } from "../../ports/clock.js";
import { OperationalError } from "../../ports/errors.js";
import type { HostSample } from "../../ports/host.js";
import type { DomainDetail, DomainStats, HypervisorEvent, HypervisorHost } from "../../ports/hypervisor.js";
import { realClock } from "../linux/real-clock.js";
import { CpuMeter, type MeterOptions } from "./cpu-meter.js";
import {
  completeDefinition,
  type Definition,
  detailOf,
  failed,
  type Guest,
  type GuestTraits,
  type Live,
  newGuest,
  ORDINARY_TRAITS,
  runnersOf,
  settleMemory,
  statsOf,
} from "./guest.js";
import { dealtProfile, seedOf, type UsageProfile } from "./usage-profile.js";

/** What is known of a domain when its behaviour is chosen. */
export interface NewDomain {
  readonly name: string;
  readonly vcpus: number;
  readonly memoryMiB: MiB;
  /** The domain's own seed, from the world's and its name. */
  readonly seed: number;
}

export interface FakeWorldOptions {
  readonly topology: Topology;
  /** Default: the machine's clock. */
  readonly clock?: Clock;
  /** Default 1. Same seed, same demands. */
  readonly seed?: number;
  readonly hostname?: string;
  /** Tells a machine from another that took over its name; default: one for each name. */
  readonly machineId?: string;
  /** What a guest does; default: dealt from the classes of spec 7.1. */
  readonly demandOf?: (domain: NewDomain) => UsageProfile;
  readonly traitsOf?: (domain: NewDomain) => Partial<GuestTraits>;
  readonly meter?: MeterOptions;
}

/**
 * A saved world is at most this much behind while somebody looks: no more than the meter walks in fine steps, so that a world
 * read from its file has counted exactly what the lost one had.
 */
const CHECKPOINT_MS = 300_000;

type LifecycleKind = Exclude<HypervisorEvent["kind"], "disconnected" | "reconnected">;
export type LifecycleEvent = Extract<HypervisorEvent, { kind: LifecycleKind }>;

export class WorldCore {
  readonly topology: Topology;
  readonly clock: Clock;
  readonly seed: number;
  readonly hostname: string;
  readonly machineId: string;
  /** Every online pCPU, those excluded from pools too. */
  readonly pcpus: CpuSet;
  readonly #guests = new Map<string, Guest>();
  readonly #options: FakeWorldOptions;
  readonly #listeners = new Set<(event: LifecycleEvent) => void>();
  readonly #changeListeners = new Set<() => void>();
  #meter: CpuMeter;
  #names: readonly string[] | null = null;
  #runnersStale = false;
  #announcedMs: number;

  constructor(options: FakeWorldOptions) {
    this.#options = options;
    this.topology = options.topology;
    this.clock = options.clock ?? realClock();
    this.seed = options.seed ?? 1;
    this.hostname = options.hostname ?? "fake-host";
    this.machineId = options.machineId ?? `fake-${this.hostname}`;
    this.pcpus = unionCpuSets(...options.topology.pcpus.map((pcpu) => [pcpu.id, ...pcpu.packageSiblings]));
    this.#meter = new CpuMeter(this.clock.now(), 0, options.meter);
    this.#announcedMs = this.#meter.atMs;
  }

  // What can be seen

  host(): HypervisorHost {
    return {
      hostname: this.hostname,
      machineId: this.machineId,
      accelerator: "fake",
      hypervisorVersion: "fake 1",
      driverVersion: "headroom fake 1",
      pcpus: this.pcpus,
      memoryMiB: this.topology.memory.totalMiB,
    };
  }

  /** In order of name. */
  names(): readonly string[] {
    this.#names ??= [...this.#guests.keys()].sort();
    return this.#names;
  }

  has(name: string): boolean {
    return this.#guests.has(name);
  }

  /** Counts everything up to now. */
  catchUp(): void {
    this.advance();
  }

  stats(): readonly DomainStats[] {
    const nowMs = this.advance();
    const stats = this.names().map((name) => {
      const guest = this.#guests.get(name)!;
      settleMemory(guest, nowMs);
      return statsOf(guest);
    });
    if (nowMs - this.#announcedMs >= CHECKPOINT_MS) this.changed();
    return stats;
  }

  detail(name: string): DomainDetail | null {
    const nowMs = this.advance();
    const guest = this.#guests.get(name);
    if (!guest) return null;
    settleMemory(guest, nowMs);
    return detailOf(guest);
  }

  /** One set per present vCPU; null when there is no such domain. */
  pinsOf(name: string): readonly CpuSet[] | null {
    this.advance();
    const guest = this.#guests.get(name);
    if (!guest) return null;
    const shown = guest.live?.definition ?? guest.stored;
    return shown.pins.slice(0, shown.vcpus);
  }

  /** What the host's own /proc would say: all guests' CPU time, and memory less what QEMU holds. */
  hostSample(): HostSample {
    const stats = this.stats();
    const held = stats.reduce((sum, domain) => sum + (domain.memory?.rssMiB ?? 0), 0);
    const { totalMiB } = this.topology.memory;
    return {
      cpuBusyNs: BigInt(Math.floor(this.#meter.busyNs)),
      memoryTotalMiB: totalMiB,
      memoryAvailableMiB: mib(Math.max(0, totalMiB - held)),
    };
  }

  // For connections, and for world-file.ts

  /** Lifecycle events, at once and in order. Gives the function that ends it. */
  subscribe(listener: (event: LifecycleEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Called after everything that a saved world must hold, and now and then while somebody looks. Gives the function that ends it. */
  onChange(listener: () => void): () => void {
    this.#changeListeners.add(listener);
    return () => this.#changeListeners.delete(listener);
  }

  /** Everything there is, brought to the present; the guests are the live ones: do not change them. */
  contents(): { readonly atMs: number; readonly busyNs: number; readonly guests: ReadonlyMap<string, Guest> } {
    const atMs = this.advance();
    for (const guest of this.#guests.values()) settleMemory(guest, atMs);
    return { atMs, busyNs: this.#meter.busyNs, guests: this.#guests };
  }

  /** Replaces everything by a saved world, as it stood at `atMs`; the guests ran on since. No events. */
  restore(saved: { readonly atMs: number; readonly busyNs: number; readonly guests: readonly Guest[] }): void {
    this.#guests.clear();
    for (const guest of saved.guests) this.#guests.set(guest.stored.name, guest);
    this.#names = null;
    this.#meter = new CpuMeter(saved.atMs, saved.busyNs, this.#options.meter);
    this.#announcedMs = saved.atMs;
    this.#runnersStale = true;
  }

  // Inside

  /** Brings counters up to the clock, stopping guests on the way whose shutdown came due; gives the time. */
  protected advance(): number {
    const nowMs = this.clock.now();
    for (let next = this.#nextStop(nowMs); next; next = this.#nextStop(nowMs)) {
      this.#count(next.live?.stopsAtMs ?? nowMs);
      this.stop(next.stored.name, "stopped");
    }
    this.#count(nowMs);
    return Math.max(nowMs, this.#meter.atMs);
  }

  #nextStop(nowMs: number): Guest | null {
    let next: Guest | null = null;
    let atMs = nowMs;
    for (const guest of this.#guests.values()) {
      const stopsAtMs = guest.live?.stopsAtMs ?? null;
      if (stopsAtMs !== null && stopsAtMs <= atMs) {
        next = guest;
        atMs = stopsAtMs;
      }
    }
    return next;
  }

  #count(toMs: number): void {
    // Who runs is looked up when time has passed: a thousand pins at one moment are one change.
    if (toMs <= this.#meter.atMs) return;
    if (this.#runnersStale) {
      this.#meter.run([...this.#guests.values()].flatMap(runnersOf));
      this.#runnersStale = false;
    }
    this.#meter.advance(toMs);
  }

  /** A new guest, stopped. `domain-exists` when its name or uuid is taken. */
  protected add(definition: Definition): void {
    this.mustBeNew(definition);
    this.put(this.#newGuest(definition));
  }

  /** `domain-exists` when its name or uuid is taken. */
  protected mustBeNew(definition: Definition): void {
    for (const [name, { stored }] of this.#guests) {
      if (name === definition.name || stored.uuid === definition.uuid) {
        throw exists(`a domain ${name} with uuid ${stored.uuid} exists`);
      }
    }
  }

  protected put(guest: Guest): void {
    this.#guests.set(guest.stored.name, guest);
    this.#names = null;
  }

  protected find(name: string, uuid: string): Guest | null {
    const guest = this.#guests.get(name);
    return guest?.stored.uuid === uuid ? guest : null;
  }

  #newGuest(definition: Definition): Guest {
    const { name, vcpus, memoryMiB } = definition;
    const domain = { name, vcpus, memoryMiB, seed: seedOf(this.seed, name) };
    const profile = this.#options.demandOf?.(domain) ?? dealtProfile(domain.seed);
    const traits = { ...ORDINARY_TRAITS, ...this.#options.traitsOf?.(domain) };
    return newGuest(completeDefinition(definition, this.pcpus), this.seed, profile, traits);
  }

  protected guest(name: string): Guest {
    const guest = this.#guests.get(name);
    if (!guest) throw new OperationalError("domain-not-found", `there is no domain ${name}`, false);
    return guest;
  }

  protected running(name: string): { guest: Guest; live: Live } {
    const guest = this.guest(name);
    if (!guest.live) throw failed(`domain ${name} is not running`);
    return { guest, live: guest.live };
  }

  /** Changes the live definition, where there is one, and the stored one alike. */
  protected edit(guest: Guest, change: (definition: Definition) => Definition): void {
    guest.stored = change(guest.stored);
    if (guest.live) guest.live.definition = change(guest.live.definition);
  }

  protected stop(name: string, kind: "stopped" | "crashed"): void {
    const guest = this.guest(name);
    guest.live = null;
    guest.crashed = kind === "crashed";
    this.runnersChanged();
    if (!guest.persistent) this.forget(name);
    this.emit(kind, name, guest.stored.uuid);
  }

  protected forget(name: string): void {
    this.#guests.delete(name);
    this.#names = null;
  }

  protected emit(kind: LifecycleKind, name: string, uuid: string): void {
    for (const listener of this.#listeners) listener({ kind, name, uuid });
    this.changed();
  }

  /** Who runs, where, or what for, is different from now on. */
  protected runnersChanged(): void {
    this.#runnersStale = true;
  }

  protected changed(): void {
    this.#announcedMs = this.#meter.atMs;
    for (const listener of this.#changeListeners) listener();
  }
}

export const exists = (message: string): OperationalError => new OperationalError("domain-exists", message, false);
