/**
 * A connection to a fake world, as the Hypervisor port: what a driver is to libvirt. Throwing the connection away leaves
 * the world as it is; `another()` opens the next one. Differences from the real thing: docs/fake-differences.md.
 */
import type { CpuSet } from "../../core/cpuset.js";
import { type MiB, milliseconds, type Seconds } from "../../core/units.js";
import { OperationalError } from "../../ports/errors.js";
import type { HostProbe } from "../../ports/host.js";
import type { DomainSpec, Hypervisor, HypervisorEvent, MigrationTarget, VmMetadata } from "../../ports/hypervisor.js";
import { CallLog, FaultPlan, type Procedure } from "./faults.js";
import { type FakeNetwork, moveGuest, settleGuest } from "./migration.js";
import { FakeWorld } from "./world.js";
import type { FakeWorldOptions } from "./world-core.js";

export interface FakeOptions extends FakeWorldOptions {
  /** Default `fake:///`. */
  readonly uri?: string;
  /** Hosts to which guests can be moved, this one among them; default: none. */
  readonly network?: FakeNetwork | null;
}

export class FakeHypervisor implements Hypervisor {
  readonly world: FakeWorld;
  readonly uri: string;
  readonly faults = new FaultPlan();
  readonly calls = new CallLog();
  readonly #listeners = new Set<(event: HypervisorEvent) => void>();
  #state: "new" | "connected" | "lost" | "closed" | "dead" = "new";
  #endSubscription: (() => void) | null = null;

  constructor(
    world: FakeWorld,
    uri: string,
    private readonly network: FakeNetwork | null = null,
  ) {
    this.world = world;
    this.uri = uri;
    if (this.migrationAddress !== null) network?.join(this.migrationAddress, world);
  }

  /** A new connection to the same world, as a restarted agent makes it. */
  another(): FakeHypervisor {
    return new FakeHypervisor(this.world, this.uri, this.network);
  }

  /** The fake host's own /proc. */
  hostProbe(): HostProbe {
    return { sample: async () => this.world.hostSample() };
  }

  // What can happen to the connection

  /** The hypervisor daemon goes away: calls fail, lifecycle events are missed; guests run on. */
  disconnect(reason = "the fake hypervisor was told to hang up"): void {
    if (this.#state !== "connected") return;
    this.#deliver({ kind: "disconnected", reason });
    this.#hangUp("lost");
  }

  /** The daemon is back, and the driver has found it. */
  reconnect(): void {
    if (this.#state !== "lost") return;
    this.#listen();
    this.#deliver({ kind: "reconnected" });
  }

  /** The process that holds this connection is killed: no call, made or still to be made, is ever answered. */
  die(): void {
    this.#hangUp("dead");
    this.#listeners.clear();
  }

  // The port

  async connect(): Promise<void> {
    if (this.#state === "dead") return never();
    if (this.#state === "lost") throw unreachable(this.uri);
    if (this.#state !== "connected") this.#listen();
  }

  async close(): Promise<void> {
    if (this.#state === "dead") return never();
    this.#hangUp("closed");
  }

  isConnected(): boolean {
    return this.#state === "connected";
  }

  host() {
    return this.#call("host", null, () => this.world.host());
  }

  memory() {
    return this.#call("memory", null, () => {
      const { memoryTotalMiB, memoryAvailableMiB } = this.world.hostSample();
      return { totalMiB: memoryTotalMiB, availableMiB: memoryAvailableMiB };
    });
  }

  stats() {
    return this.#call("stats", null, () => this.world.stats());
  }

  detail(name: string) {
    return this.#call("detail", name, () => this.world.detail(name));
  }

  pins(names: readonly string[]): Promise<ReadonlyMap<string, readonly CpuSet[]>> {
    return this.#call("pins", null, () => {
      const found = new Map<string, readonly CpuSet[]>();
      for (const name of names) {
        const pins = this.world.pinsOf(name);
        if (pins) found.set(name, pins);
      }
      return found;
    });
  }

  lastPcpus(names: readonly string[]): Promise<ReadonlyMap<string, readonly (number | null)[]>> {
    return this.#call("lastPcpus", null, () => {
      const found = new Map<string, readonly (number | null)[]>();
      for (const name of names) {
        const pins = this.world.pinsOf(name);
        if (pins)
          found.set(
            name,
            pins.map(([first, ...others]) => (others.length === 0 ? (first ?? null) : null)),
          );
      }
      return found;
    });
  }

  define(spec: DomainSpec) {
    return this.#call("define", spec.name, () => this.world.define(spec));
  }

  redefine(spec: DomainSpec) {
    return this.#call("redefine", spec.name, () => this.world.redefine(spec));
  }

  start(name: string) {
    return this.#call("start", name, () => this.world.start(name));
  }

  shutdown(name: string) {
    return this.#call("shutdown", name, () => this.world.shutdown(name));
  }

  destroy(name: string) {
    return this.#call("destroy", name, () => this.world.destroy(name));
  }

  undefine(name: string) {
    return this.#call("undefine", name, () => this.world.undefine(name));
  }

  pinVcpu(name: string, vcpu: number, cpus: CpuSet) {
    return this.#call("pinVcpu", name, () => this.world.pinVcpu(name, vcpu, cpus));
  }

  setVcpus(name: string, vcpus: number) {
    return this.#call("setVcpus", name, () => this.world.setVcpus(name, vcpus));
  }

  setMemory(name: string, memoryMiB: MiB) {
    return this.#call("setMemory", name, () => this.world.setMemory(name, memoryMiB));
  }

  setMetadata(name: string, metadata: VmMetadata) {
    return this.#call("setMetadata", name, () => this.world.setMetadata(name, metadata));
  }

  setMemoryStatsPeriod(name: string, period: Seconds) {
    return this.#call("setMemoryStatsPeriod", name, () => this.world.setMemoryStatsPeriod(name, period));
  }

  get migrationAddress(): string | null {
    return this.network === null ? null : `fake://${this.world.hostname}`;
  }

  async migrate(name: string, uuid: string, { address, pins }: MigrationTarget, signal: AbortSignal): Promise<void> {
    const destination = await this.#call("migrate", name, () => this.#reach(address));
    await moveGuest(this.world, destination, {
      name,
      uuid,
      pins,
      signal,
      isHeld: () => this.#state === "connected",
      reached: (stage) => this.faults.atStage(stage)?.(),
    }).catch((error: unknown) => (this.#isDead() ? never<void>() : Promise.reject(error)));
  }

  settleMigration(name: string, uuid: string, address: string): Promise<"here" | "gone"> {
    return this.#call("settleMigration", name, () => settleGuest(this.world, () => this.#reach(address), name, uuid));
  }

  subscribe(listener: (event: HypervisorEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  // Inside

  async #call<T>(procedure: Procedure, domain: string | null, action: () => T): Promise<T> {
    if (this.#state === "dead") return never();
    this.calls.add({ procedure, domain });
    const fate = this.faults.next(procedure);
    if (fate.delayMs > 0) await this.world.clock.sleep(milliseconds(fate.delayMs));
    if (fate.death === "before") this.die();
    if (this.#isDead()) return never();
    if (this.#state !== "connected") throw unreachable(this.uri);
    if (fate.refusal) throw fate.refusal;
    const answer = action();
    if (fate.death === "after") {
      this.die();
      return never();
    }
    if (fate.answerLost) throw new OperationalError("hypervisor-timeout", `${procedure}: no answer in time`, true);
    return answer;
  }

  #reach(address: string): FakeWorld {
    if (this.network !== null) return this.network.at(address);
    throw new OperationalError("unsupported-by-hypervisor", `${this.uri} knows no other fake hosts`, false);
  }

  #isDead(): boolean {
    return this.#state === "dead";
  }

  #listen(): void {
    this.#state = "connected";
    this.#endSubscription = this.world.subscribe((event) => this.#deliver(event));
  }

  #hangUp(state: "lost" | "closed" | "dead"): void {
    this.#state = state;
    this.#endSubscription?.();
    this.#endSubscription = null;
  }

  /** As from a socket: later than the call that caused it was made, and in order. */
  #deliver(event: HypervisorEvent): void {
    queueMicrotask(() => {
      if (this.#state === "closed") return;
      for (const listener of this.#listeners) listener(event);
    });
  }
}

/** A new world, and a connection to it that is not yet opened. */
export function fakeHypervisor(options: FakeOptions): FakeHypervisor {
  return new FakeHypervisor(new FakeWorld(options), options.uri ?? "fake:///", options.network ?? null);
}

const never = <T>(): Promise<T> => new Promise(() => undefined);

const unreachable = (uri: string): OperationalError =>
  new OperationalError("hypervisor-unreachable", `the fake hypervisor at ${uri} is not reachable`, true);
