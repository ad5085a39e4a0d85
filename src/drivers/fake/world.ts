/**
 * A host that exists only in memory: a topology and domains that run, use pCPUs and memory, stop and crash. It is the
 * world, not a connection to it: agents come and go (fake-hypervisor.ts), the world stays. Everything a person or a guest
 * could do behind an agent's back is a method here too. How it differs from libvirt and QEMU: docs/fake-differences.md.
 */
import type { CpuSet } from "../../core/cpuset.js";
import { mib, milliseconds, type Seconds } from "../../core/units.js";
import { OperationalError } from "../../ports/errors.js";
import type { DomainSpec, VmMetadata } from "../../ports/hypervisor.js";
import { boot, completeDefinition, type Definition, failed, type Guest, pinOnHost, settleMemory } from "./guest.js";
import { cpuDemand, noise, seedOf, type UsageProfile } from "./usage-profile.js";
import { exists, WorldCore } from "./world-core.js";

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

export class FakeWorld extends WorldCore {
  // What a hypervisor is asked

  define(definition: Definition): void {
    this.add(definition);
    this.emit("defined", definition.name, definition.uuid);
  }

  redefine(definition: Definition): void {
    const guest = this.guest(definition.name);
    if (guest.stored.uuid !== definition.uuid) {
      throw exists(`domain ${definition.name} exists with uuid ${guest.stored.uuid}`);
    }
    guest.stored = completeDefinition(definition, this.pcpus);
    guest.persistent = true;
    this.emit("defined", definition.name, definition.uuid);
  }

  start(name: string): void {
    const nowMs = this.advance();
    const guest = this.guest(name);
    if (guest.live) throw failed(`domain ${name} is already running`);
    guest.live = boot(guest, nowMs, this.pcpus);
    guest.crashed = false;
    this.runnersChanged();
    this.emit("started", name, guest.stored.uuid);
  }

  shutdown(name: string): void {
    const nowMs = this.advance();
    const { guest, live } = this.running(name);
    if (!guest.traits.obeysShutdown || live.stopsAtMs !== null) return;
    live.stopsAtMs = nowMs + guest.traits.shutdownMs;
    this.changed();
    void this.clock.sleep(milliseconds(guest.traits.shutdownMs)).then(() => this.advance());
  }

  destroy(name: string): void {
    this.advance();
    if (this.guest(name).live) this.stop(name, "stopped");
  }

  /** A running domain becomes transient and is gone when it stops, as in libvirt. */
  undefine(name: string): void {
    this.advance();
    const guest = this.guest(name);
    guest.persistent = false;
    if (!guest.live) this.forget(name);
    this.emit("undefined", name, guest.stored.uuid);
  }

  /** For good: in the live definition and the stored one. */
  pinVcpu(name: string, vcpu: number, pcpus: CpuSet): void {
    this.advance();
    const guest = this.guest(name);
    const present = guest.live?.definition ?? guest.stored;
    if (vcpu < 0 || vcpu >= present.maximumVcpus) throw failed(`domain ${name} has no vCPU ${vcpu}`);
    const kept = pinOnHost(name, vcpu, pcpus, this.pcpus);
    this.edit(guest, (definition) => ({
      ...definition,
      pins: definition.pins.map((old, index) => (index === vcpu ? kept : old)),
    }));
    this.runnersChanged();
    this.changed();
  }

  setVcpus(name: string, vcpus: number): void {
    this.advance();
    const guest = this.guest(name);
    const present = guest.live?.definition ?? guest.stored;
    if (vcpus < 1 || vcpus > present.maximumVcpus) {
      throw failed(`domain ${name} takes 1 to ${present.maximumVcpus} vCPUs, not ${vcpus}`);
    }
    if (guest.live && vcpus < present.vcpus && !guest.traits.vcpuUnplug) {
      throw failed(`the guest of domain ${name} does not give up vCPUs`);
    }
    this.edit(guest, (definition) => ({ ...definition, vcpus: Math.min(vcpus, definition.maximumVcpus) }));
    this.runnersChanged();
    this.changed();
  }

  setMemory(name: string, memoryMiB: number): void {
    const nowMs = this.advance();
    const { guest, live } = this.running(name);
    const { maximumMemoryMiB } = live.definition;
    if (memoryMiB <= 0 || memoryMiB > maximumMemoryMiB) {
      throw failed(`domain ${name} takes up to ${maximumMemoryMiB} MiB, not ${memoryMiB}`);
    }
    settleMemory(guest, nowMs);
    live.balloon = { ...live.balloon, targetMiB: memoryMiB };
    this.changed();
  }

  setMetadata(name: string, metadata: VmMetadata): void {
    this.edit(this.guest(name), (definition) => ({ ...definition, metadata }));
    this.changed();
  }

  setMemoryStatsPeriod(name: string, period: Seconds): void {
    const nowMs = this.advance();
    const { guest, live } = this.running(name);
    settleMemory(guest, nowMs);
    const reports = period > 0 ? { periodSeconds: period, sinceMs: nowMs } : null;
    live.balloon = { ...live.balloon, reports, report: reports && live.balloon.report };
    this.changed();
  }

  // A guest that is handed over: migration.ts

  /** What the destination has to know of a guest that is to come. Throws unless it runs. */
  passport(name: string, uuid: string): Guest {
    const nowMs = this.advance();
    const guest = this.find(name, uuid);
    if (guest === null)
      throw new OperationalError("domain-not-found", `there is no domain ${name} of this uuid`, false);
    if (!guest.live || guest.live.paused) throw failed(`domain ${name} does not run`);
    settleMemory(guest, nowMs);
    return guest;
  }

  /** Takes in a guest that does not run yet; gives how much memory has to come. */
  receive({ stored, live, profile, traits, seed }: Guest, pins: readonly CpuSet[]): number {
    const nowMs = this.advance();
    const definition = completeDefinition({ ...(live?.definition ?? stored), pins }, this.pcpus);
    this.mustBeNew(definition);
    const guest: Guest = { stored: definition, persistent: false, crashed: false, live: null, seed, profile, traits };
    guest.live = { ...boot(guest, nowMs, this.pcpus), paused: true, moving: true };
    if (live) guest.live.balloon = live.balloon;
    this.put(guest);
    this.runnersChanged();
    this.emit("started", definition.name, definition.uuid);
    return definition.memoryMiB;
  }

  /** The hand-over failed. No error when the guest has arrived, or is not there. */
  turnAway(name: string, uuid: string): void {
    if (this.whereabouts(name, uuid) === "incoming") this.stop(name, "stopped");
  }

  /** The guest is this host's from now on, and runs. */
  admit(name: string, uuid: string): void {
    this.advance();
    const guest = this.find(name, uuid);
    if (!guest?.live) throw failed(`domain ${name} is not there any more`);
    guest.persistent = true;
    guest.live.moving = false;
    this.emit("defined", name, uuid);
    this.pause(name, false);
  }

  /** The source stops a guest whose memory is across. */
  hold(name: string, uuid: string): void {
    this.passport(name, uuid);
    const { live } = this.running(name);
    live.paused = true;
    live.moving = true;
    this.runnersChanged();
    this.emit("paused", name, uuid);
  }

  /** The source's last step: the guest is another host's. */
  release(name: string, uuid: string): void {
    this.advance();
    if (this.find(name, uuid) === null) return;
    this.undefine(name);
    if (this.has(name)) this.stop(name, "stopped");
  }

  /** incoming: it is being handed over to this host; held: by this host. Null: it is not here. */
  whereabouts(name: string, uuid: string): "incoming" | "held" | "here" | null {
    const guest = this.find(name, uuid);
    if (guest === null) return null;
    if (guest.live?.moving !== true) return "here";
    return guest.persistent ? "held" : "incoming";
  }

  // What happens behind an agent's back

  /** The guest powers itself off. */
  stopFromInside(name: string): void {
    this.advance();
    this.running(name);
    this.stop(name, "stopped");
  }

  /** QEMU dies. */
  crash(name: string): void {
    this.advance();
    this.running(name);
    this.stop(name, "crashed");
  }

  /** The guest reboots, in the same domain: its profile begins anew, and its counters go on. */
  reboot(name: string): void {
    const bootMs = this.advance();
    const { guest, live } = this.running(name);
    guest.live = { ...live, bootMs };
    this.runnersChanged();
    this.emit("rebooted", name, guest.stored.uuid);
  }

  pause(name: string, paused = true): void {
    this.advance();
    const { guest, live } = this.running(name);
    live.paused = paused;
    if (!paused) live.moving = false;
    this.runnersChanged();
    this.emit(paused ? "paused" : "resumed", name, guest.stored.uuid);
  }

  /** Someone runs `virsh vcpupin`. */
  pinByHand(name: string, vcpu: number, pcpus: CpuSet): void {
    this.pinVcpu(name, vcpu, pcpus);
  }

  /** Someone makes a domain with another tool; gives its uuid. */
  createForeign(domain: ForeignDomain): string {
    const uuid = this.#uuid(domain.name);
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
    const nowMs = this.advance();
    const guest = this.guest(name);
    settleMemory(guest, nowMs);
    guest.profile = profile;
    if (guest.live) guest.live.demand = cpuDemand(profile.cpu, guest.seed);
    this.runnersChanged();
    this.changed();
  }

  /** Made from the seed, the name and the time, so that a run can be repeated; in the form of a random one. */
  #uuid(name: string): string {
    const seed = seedOf(this.seed, name);
    const words = [1, 2, 3, 4].map((word) => Math.floor(noise(seed, word, this.clock.now()) * 2 ** 32));
    const hex = words.map((word) => word.toString(16).padStart(8, "0")).join("");
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20)}`;
  }
}
