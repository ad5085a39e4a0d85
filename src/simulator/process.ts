/** A process that can be killed or frozen at any of its calls to the world, as under SIGKILL, SIGSTOP and SIGCONT. */
import type { FakeHypervisor } from "../drivers/fake/fake-hypervisor.js";
import type { AgentClient } from "../ports/agent-client.js";
import type { Clock } from "../ports/clock.js";
import type { ClusterStore } from "../ports/cluster-store.js";
import type { DiskImages, GrowingText } from "../ports/host.js";
import type { Hypervisor } from "../ports/hypervisor.js";

const never = <T>(): Promise<T> => new Promise(() => undefined);

interface Plan {
  readonly fate: "kill" | "freeze";
  readonly when: "before" | "after";
  readonly then: (fate: "kill" | "freeze") => void;
}

/** What the calls of a process go through; for one that has died they never end. */
export interface Mortal {
  call<T>(work: () => Promise<T>): Promise<T>;
}

export class Process implements Mortal {
  readonly died: Promise<"died">;
  private tellDeath: () => void = () => undefined;
  private state: "running" | "frozen" | "dead" = "running";
  private thawed: Promise<void> = Promise.resolve();
  private wake = (): void => undefined;
  private callsLeft = Number.POSITIVE_INFINITY;
  private planned: Plan | null = null;

  constructor() {
    this.died = new Promise((resolve) => {
      this.tellDeath = () => resolve("died");
    });
  }

  /** At its `nth` call from now (1: the next) the process is killed or frozen, before the call leaves or after it was done. */
  at(
    nth: number,
    fate: "kill" | "freeze",
    when: "before" | "after",
    then: (fate: "kill" | "freeze") => void = () => undefined,
  ): void {
    this.callsLeft = nth;
    this.planned = { fate, when, then };
  }

  /** Survives what it was to meet. */
  spare(): void {
    this.callsLeft = Number.POSITIVE_INFINITY;
  }

  get isDead(): boolean {
    return this.state === "dead";
  }

  get isFrozen(): boolean {
    return this.state === "frozen";
  }

  kill(): void {
    this.state = "dead";
    this.wake();
    this.tellDeath();
  }

  freeze(): void {
    if (this.state !== "running") return;
    this.state = "frozen";
    this.thawed = new Promise((resolve) => {
      this.wake = resolve;
    });
  }

  thaw(): void {
    if (this.state !== "frozen") return;
    this.state = "running";
    this.wake();
  }

  async call<T>(work: () => Promise<T>): Promise<T> {
    const mine = --this.callsLeft === 0 ? this.planned : null;
    if (mine?.when === "before") this.meet(mine);
    // What it met in the turn between counts too.
    do await this.alive();
    while (this.isFrozen || this.isDead);
    const done = work();
    if (mine?.when === "after") this.meet(mine);
    try {
      return await done;
    } finally {
      await this.alive();
    }
  }

  private meet({ fate, then }: Plan): void {
    if (fate === "kill") this.kill();
    else this.freeze();
    then(fate);
  }

  private async alive(): Promise<void> {
    while (this.state === "frozen") await this.thawed;
    if (this.state === "dead") await never();
  }
}

export const mortalStore = (process: Process, real: ClusterStore): ClusterStore => ({
  leases: {
    open: (host, period, fence) => process.call(() => real.leases.open(host, period, fence)),
    keepAlive: (hosts) => process.call(() => real.leases.keepAlive(hosts)),
    close: (host, fence) => process.call(() => real.leases.close(host, fence)),
    watch: (signal) => real.leases.watch(signal),
  },
  campaign: (candidate, signal) => process.call(() => real.campaign(candidate, signal)),
  leader: () => process.call(() => real.leader()),
  commit: (changes, fence) => process.call(() => real.commit(changes, fence)),
  resolve: (changes, fence) => process.call(() => real.resolve(changes, fence)),
  get: (key) => process.call(() => real.get(key)),
  snapshot: (prefix) => process.call(() => real.snapshot(prefix)),
  watch: (prefix, options) => real.watch(prefix, options),
  status: () => real.status(),
  close: () => process.call(() => real.close()),
});

export const mortalClient = (process: Process, real: AgentClient): AgentClient => ({
  deploy: (request) => process.call(() => real.deploy(request)),
  remove: (request) => process.call(() => real.remove(request)),
  resize: (request) => process.call(() => real.resize(request)),
  receive: (request) => process.call(() => real.receive(request)),
  send: (request) => process.call(() => real.send(request)),
  revoke: (request) => process.call(() => real.revoke(request)),
  vm: (name, epoch) => process.call(() => real.vm(name, epoch)),
  report: (tag) => process.call(() => real.report(tag)),
});

/** Sleeping is no call to the world; but who is dead does not wake, and who is frozen wakes late. */
export const mortalClock = (process: Process, real: Clock): Clock => ({
  now: () => real.now(),
  monotonic: () => real.monotonic(),
  async sleep(duration, signal) {
    await real.sleep(duration, signal);
    if (process.isDead) await never();
    if (process.isFrozen) await process.call(async () => undefined);
  },
});

/** The hypervisor's calls, counted. What is not a call to it passes. */
export function mortalHypervisor(mortal: Mortal, real: FakeHypervisor): Hypervisor {
  const wrap =
    <A extends unknown[], T>(method: (...args: A) => Promise<T>) =>
    (...args: A): Promise<T> =>
      mortal.call(() => method.apply(real, args));
  return {
    uri: real.uri,
    isConnected: () => real.isConnected(),
    subscribe: (listener) => real.subscribe(listener),
    connect: wrap(real.connect),
    close: wrap(real.close),
    host: wrap(real.host),
    memory: wrap(real.memory),
    stats: wrap(real.stats),
    detail: wrap(real.detail),
    pins: wrap(real.pins),
    lastPcpus: wrap(real.lastPcpus),
    define: wrap(real.define),
    redefine: wrap(real.redefine),
    start: wrap(real.start),
    shutdown: wrap(real.shutdown),
    destroy: wrap(real.destroy),
    undefine: wrap(real.undefine),
    pinVcpu: wrap(real.pinVcpu),
    setVcpus: wrap(real.setVcpus),
    setMemory: wrap(real.setMemory),
    setMetadata: wrap(real.setMetadata),
    setMemoryStatsPeriod: wrap(real.setMemoryStatsPeriod),
    migrationAddress: real.migrationAddress,
    migrate: wrap(real.migrate),
    settleMigration: wrap(real.settleMigration),
  };
}

export const mortalText = (mortal: Mortal, real: GrowingText): GrowingText => ({
  read: () => mortal.call(() => real.read()),
  write: (text) => mortal.call(() => real.write(text)),
  append: (text) => mortal.call(() => real.append(text)),
});

export const mortalImages = (mortal: Mortal, real: DiskImages): DiskImages => ({
  resolve: (path) => mortal.call(() => real.resolve(path)),
  createOverlay: (vm, base) => mortal.call(() => real.createOverlay(vm, base)),
  removeOverlay: (path) => mortal.call(() => real.removeOverlay(path)),
});
