/** Ports that die with their process: at the n-th call everything stops, for good, as under SIGKILL. */
import type { FakeHypervisor } from "../../src/drivers/fake/fake-hypervisor.js";
import type { DiskImages, DurableText } from "../../src/ports/host.js";
import type { Hypervisor } from "../../src/ports/hypervisor.js";

const never = <T>(): Promise<T> => new Promise(() => undefined);

/** Counts the calls of one process to all its ports, and kills it at the one that was chosen. */
export class Mortal {
  readonly died: Promise<"died">;
  private readonly tellDeath: () => void;
  private callsLeft = Number.POSITIVE_INFINITY;
  private when: "before" | "after" = "before";
  private dead = false;

  constructor(private readonly hypervisor: FakeHypervisor) {
    let tell = (): void => undefined;
    this.died = new Promise((resolve) => {
      tell = () => resolve("died");
    });
    this.tellDeath = tell;
  }

  /** The process dies at its `nth` call from now (1: the next), before it is carried out or after. */
  dieAt(nth: number, when: "before" | "after"): void {
    this.callsLeft = nth;
    this.when = when;
  }

  /** Survived what it was meant to die in. */
  spare(): void {
    this.callsLeft = Number.POSITIVE_INFINITY;
  }

  kill(): void {
    this.dead = true;
    this.hypervisor.die();
    this.tellDeath();
  }

  async call<T>(work: () => Promise<T>): Promise<T> {
    if (this.dead) return never();
    const mine = --this.callsLeft === 0;
    if (mine && this.when === "before") {
      this.kill();
      return never();
    }
    const answer = work();
    if (!mine) return answer.finally(() => (this.dead ? never() : undefined));
    this.kill();
    // Nobody hears how it ended.
    await Promise.allSettled([answer]);
    return never();
  }
}

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

export const mortalText = (mortal: Mortal, real: DurableText): DurableText => ({
  read: () => mortal.call(() => real.read()),
  write: (text) => mortal.call(() => real.write(text)),
});

export const mortalImages = (mortal: Mortal, real: DiskImages): DiskImages => ({
  resolve: (path) => mortal.call(() => real.resolve(path)),
  createOverlay: (vm, base) => mortal.call(() => real.createOverlay(vm, base)),
  removeOverlay: (path) => mortal.call(() => real.removeOverlay(path)),
});
