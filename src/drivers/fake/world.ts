/**
 * A host that exists only in memory: a topology and domains that run, use pCPUs and memory, stop and crash. It is the
 * world, not a connection to it: agents come and go (fake-hypervisor.ts), the world stays. Everything a person or a guest
 * could do behind an agent's back is a method here too. How it differs from libvirt and QEMU: docs/fake-differences.md.
 */
import { randomUUID } from "node:crypto";
import { type CpuSet, unionCpuSets } from "../../core/cpuset.js";
import type { Topology } from "../../core/topology/model.js";
import { type MiB, mib, type Seconds } from "../../core/units.js";
import type { Clock } from "../../ports/clock.js";
import { OperationalError } from "../../ports/errors.js";
import type { HostSample } from "../../ports/host.js";
import type {
  DomainDetail,
  DomainSpec,
  DomainStats,
  HypervisorEvent,
  HypervisorHost,
  VmMetadata,
} from "../../ports/hypervisor.js";
import { realClock } from "../linux/real-clock.js";
import { CpuMeter } from "./cpu-meter.js";
import {
  boot,
  completeDefinition,
  type Definition,
  detailOf,
  failed,
  type Guest,
  type GuestTraits,
  type Live,
  newGuest,
  ORDINARY_TRAITS,
  pinOnHost,
  runnersOf,
  settleMemory,
  statsOf,
} from "./guest.js";
import { cpuDemand, dealtProfile, seedOf, type UsageProfile } from "./usage-profile.js";

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
  /** What a guest does; default: dealt from the classes of spec 7.1. */
  readonly demandOf?: (domain: NewDomain) => UsageProfile;
  readonly traitsOf?: (domain: NewDomain) => Partial<GuestTraits>;
}

/** A domain that someone else makes. Not named: running, persistent, pinned nowhere, no metadata. */
export interface ForeignDomain {
  readonly name: string;
  readonly vcpus: number;
  readonly memoryMiB: number;
  readonly pins?: readonly CpuSet[];
  readonly metadata?: VmMetadata;
  readonly disk?: DomainSpec["disk"];
  readonly persistent?: boolean;
  readonly running?: boolean;
}

type LifecycleKind = Exclude<HypervisorEvent["kind"], "disconnected" | "reconnected">;
type LifecycleEvent = Extract<HypervisorEvent, { kind: LifecycleKind }>;

export class FakeWorld {
  readonly topology: Topology;
  readonly clock: Clock;
  readonly seed: number;
  readonly hostname: string;
  /** Every online pCPU, those excluded from pools too. */
  readonly pcpus: CpuSet;
  readonly #guests = new Map<string, Guest>();
  readonly #options: FakeWorldOptions;
  readonly #listeners = new Set<(event: LifecycleEvent) => void>();
  readonly #changeListeners = new Set<() => void>();
  #meter: CpuMeter;
  #names: readonly string[] | null = null;
  #runnersStale = false;

  constructor(options: FakeWorldOptions) {
    this.#options = options;
    this.topology = options.topology;
    this.clock = options.clock ?? realClock();
    this.seed = options.seed ?? 1;
    this.hostname = options.hostname ?? "fake-host";
    this.pcpus = unionCpuSets(...options.topology.pcpus.map((pcpu) => [pcpu.id, ...pcpu.packageSiblings]));
    this.#meter = new CpuMeter(this.clock.now());
  }

  // What can be seen

  host(): HypervisorHost {
    return {
      hostname: this.hostname,
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

  stats(): readonly DomainStats[] {
    const nowMs = this.#advance();
    return this.names().map((name) => {
      const guest = this.#guests.get(name)!;
      settleMemory(guest, nowMs);
      return statsOf(guest, nowMs);
    });
  }

  detail(name: string): DomainDetail | null {
    const nowMs = this.#advance();
    const guest = this.#guests.get(name);
    if (!guest) return null;
    settleMemory(guest, nowMs);
    return detailOf(guest);
  }

  /** One set per present vCPU; null when there is no such domain. */
  pinsOf(name: string): readonly CpuSet[] | null {
    this.#advance();
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

  // What a hypervisor is asked

  define(definition: Definition): void {
    for (const [name, guest] of this.#guests) {
      if (name === definition.name || guest.stored.uuid === definition.uuid) {
        throw exists(`a domain ${name} with uuid ${guest.stored.uuid} exists`);
      }
    }
    this.#guests.set(definition.name, this.#newGuest(definition));
    this.#names = null;
    this.#emit("defined", definition.name, definition.uuid);
  }

  redefine(definition: Definition): void {
    const guest = this.#guest(definition.name);
    if (guest.stored.uuid !== definition.uuid) {
      throw exists(`domain ${definition.name} exists with uuid ${guest.stored.uuid}`);
    }
    guest.stored = completeDefinition(definition, this.pcpus);
    guest.persistent = true;
    this.#emit("defined", definition.name, definition.uuid);
  }

  start(name: string): void {
    const nowMs = this.#advance();
    const guest = this.#guest(name);
    if (guest.live) throw failed(`domain ${name} is already running`);
    guest.live = boot(guest, nowMs, this.pcpus);
    guest.crashed = false;
    this.#runnersStale = true;
    this.#emit("started", name, guest.stored.uuid);
  }

  shutdown(name: string): void {
    const nowMs = this.#advance();
    const { guest, live } = this.#running(name);
    if (!guest.traits.obeysShutdown || live.stopsAtMs !== null) return;
    live.stopsAtMs = nowMs + guest.traits.shutdownMs;
    this.#changed();
    void this.clock.sleep(guest.traits.shutdownMs as Parameters<Clock["sleep"]>[0]).then(() => this.#advance());
  }

  destroy(name: string): void {
    this.#advance();
    if (this.#guest(name).live) this.#stop(name, "stopped");
  }

  /** A running domain becomes transient and is gone when it stops, as in libvirt. */
  undefine(name: string): void {
    this.#advance();
    const guest = this.#guest(name);
    guest.persistent = false;
    if (!guest.live) this.#forget(name);
    this.#emit("undefined", name, guest.stored.uuid);
  }

  pinVcpu(name: string, vcpu: number, pcpus: CpuSet): void {
    this.#advance();
    const guest = this.#guest(name);
    if (vcpu < 0 || vcpu >= guest.stored.maximumVcpus) throw failed(`domain ${name} has no vCPU ${vcpu}`);
    const kept = pinOnHost(name, vcpu, pcpus, this.pcpus);
    this.#edit(guest, (definition) => ({
      ...definition,
      pins: definition.pins.map((old, index) => (index === vcpu ? kept : old)),
    }));
    this.#runnersStale = true;
    this.#changed();
  }

  setVcpus(name: string, vcpus: number): void {
    this.#advance();
    const guest = this.#guest(name);
    const present = guest.live?.definition ?? guest.stored;
    if (vcpus < 1 || vcpus > present.maximumVcpus) {
      throw failed(`domain ${name} takes 1 to ${present.maximumVcpus} vCPUs, not ${vcpus}`);
    }
    if (guest.live && vcpus < present.vcpus && !guest.traits.vcpuUnplug) {
      throw failed(`the guest of domain ${name} does not give up vCPUs`);
    }
    this.#edit(guest, (definition) => ({ ...definition, vcpus }));
    this.#runnersStale = true;
    this.#changed();
  }

  setMemory(name: string, memoryMiB: number): void {
    const nowMs = this.#advance();
    const { guest, live } = this.#running(name);
    const { maximumMemoryMiB } = live.definition;
    if (memoryMiB <= 0 || memoryMiB > maximumMemoryMiB) {
      throw failed(`domain ${name} takes up to ${maximumMemoryMiB} MiB, not ${memoryMiB}`);
    }
    settleMemory(guest, nowMs);
    live.balloon = { ...live.balloon, targetMiB: memoryMiB };
    this.#changed();
  }

  setMetadata(name: string, metadata: VmMetadata): void {
    this.#edit(this.#guest(name), (definition) => ({ ...definition, metadata }));
    this.#changed();
  }

  setMemoryStatsPeriod(name: string, period: Seconds): void {
    const nowMs = this.#advance();
    const { guest, live } = this.#running(name);
    settleMemory(guest, nowMs);
    live.balloon = { ...live.balloon, reports: period > 0 ? { periodSeconds: period, sinceMs: nowMs } : null };
    this.#changed();
  }

  // What happens behind an agent's back

  /** The guest powers itself off. */
  stopFromInside(name: string): void {
    this.#advance();
    this.#running(name);
    this.#stop(name, "stopped");
  }

  /** QEMU dies. */
  crash(name: string): void {
    this.#advance();
    this.#running(name);
    this.#stop(name, "crashed");
  }

  pause(name: string, paused = true): void {
    this.#advance();
    const { guest, live } = this.#running(name);
    live.paused = paused;
    this.#runnersStale = true;
    this.#emit(paused ? "paused" : "resumed", name, guest.stored.uuid);
  }

  /** Someone runs `virsh vcpupin`. */
  pinByHand(name: string, vcpu: number, pcpus: CpuSet): void {
    this.pinVcpu(name, vcpu, pcpus);
  }

  /** Someone makes a domain with another tool; gives its uuid. */
  createForeign(domain: ForeignDomain): string {
    const uuid = randomUUID();
    this.define({
      name: domain.name,
      uuid,
      vcpus: domain.vcpus,
      maximumVcpus: domain.vcpus,
      memoryMiB: mib(domain.memoryMiB),
      maximumMemoryMiB: mib(domain.memoryMiB),
      disk: domain.disk ?? null,
      pins: domain.pins ?? [],
      metadata: domain.metadata ?? null,
    });
    if (domain.running ?? true) this.start(domain.name);
    if (domain.persistent === false) this.undefine(domain.name);
    return uuid;
  }

  /** The guest does something else from now on. */
  setDemand(name: string, profile: UsageProfile): void {
    const nowMs = this.#advance();
    const guest = this.#guest(name);
    settleMemory(guest, nowMs);
    guest.profile = profile;
    if (guest.live) guest.live.demand = cpuDemand(profile.cpu, guest.seed);
    this.#runnersStale = true;
    this.#changed();
  }

  // For connections, and for world-file.ts

  /** Lifecycle events, at once and in order. Gives the function that ends it. */
  subscribe(listener: (event: LifecycleEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Called after everything that a saved world must hold. Gives the function that ends it. */
  onChange(listener: () => void): () => void {
    this.#changeListeners.add(listener);
    return () => this.#changeListeners.delete(listener);
  }

  /** Everything there is, brought to the present; the guests are the live ones: do not change them. */
  contents(): { readonly atMs: number; readonly busyNs: number; readonly guests: ReadonlyMap<string, Guest> } {
    const atMs = this.#advance();
    for (const guest of this.#guests.values()) settleMemory(guest, atMs);
    return { atMs, busyNs: this.#meter.busyNs, guests: this.#guests };
  }

  /** Replaces everything by a saved world, as it stood at `atMs`; the guests ran on since. No events. */
  restore(saved: { readonly atMs: number; readonly busyNs: number; readonly guests: readonly Guest[] }): void {
    this.#guests.clear();
    for (const guest of saved.guests) this.#guests.set(guest.stored.name, guest);
    this.#names = null;
    this.#meter = new CpuMeter(saved.atMs, saved.busyNs);
    this.#runnersStale = true;
  }

  // Inside

  /** Brings counters up to the clock, stopping guests on the way whose shutdown came due; gives the time. */
  #advance(): number {
    const nowMs = this.clock.now();
    for (let next = this.#nextStop(nowMs); next; next = this.#nextStop(nowMs)) {
      this.#count(next.live?.stopsAtMs ?? nowMs);
      this.#stop(next.stored.name, "stopped");
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
    if (this.#runnersStale) {
      this.#meter.run([...this.#guests.values()].flatMap(runnersOf));
      this.#runnersStale = false;
    }
    this.#meter.advance(toMs);
  }

  #newGuest(definition: Definition): Guest {
    const { name, vcpus, memoryMiB } = definition;
    const domain = { name, vcpus, memoryMiB, seed: seedOf(this.seed, name) };
    const profile = this.#options.demandOf?.(domain) ?? dealtProfile(domain.seed);
    const traits = { ...ORDINARY_TRAITS, ...this.#options.traitsOf?.(domain) };
    return newGuest(completeDefinition(definition, this.pcpus), this.seed, profile, traits);
  }

  #guest(name: string): Guest {
    const guest = this.#guests.get(name);
    if (!guest) throw new OperationalError("domain-not-found", `there is no domain ${name}`, false);
    return guest;
  }

  #running(name: string): { guest: Guest; live: Live } {
    const guest = this.#guest(name);
    if (!guest.live) throw failed(`domain ${name} is not running`);
    return { guest, live: guest.live };
  }

  /** Changes the live definition, where there is one, and the stored one alike. */
  #edit(guest: Guest, change: (definition: Definition) => Definition): void {
    guest.stored = change(guest.stored);
    if (guest.live) guest.live.definition = change(guest.live.definition);
  }

  #stop(name: string, kind: "stopped" | "crashed"): void {
    const guest = this.#guest(name);
    guest.live = null;
    guest.crashed = kind === "crashed";
    this.#runnersStale = true;
    if (!guest.persistent) this.#forget(name);
    this.#emit(kind, name, guest.stored.uuid);
  }

  #forget(name: string): void {
    this.#guests.delete(name);
    this.#names = null;
  }

  #emit(kind: LifecycleKind, name: string, uuid: string): void {
    for (const listener of this.#listeners) listener({ kind, name, uuid });
    this.#changed();
  }

  #changed(): void {
    for (const listener of this.#changeListeners) listener();
  }
}

const exists = (message: string): OperationalError => new OperationalError("domain-exists", message, false);

export const fakeWorld = (options: FakeWorldOptions): FakeWorld => new FakeWorld(options);
