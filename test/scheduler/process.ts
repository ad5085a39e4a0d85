/** A process that can be killed or frozen at any of its calls to the world, as under SIGKILL, SIGSTOP and SIGCONT. */
import type { AgentClient } from "../../src/ports/agent-client.js";
import type { Clock } from "../../src/ports/clock.js";
import type { ClusterStore } from "../../src/ports/cluster-store.js";

const never = <T>(): Promise<T> => new Promise(() => undefined);

interface Plan {
  readonly fate: "kill" | "freeze";
  readonly when: "before" | "after";
  readonly then: (fate: "kill" | "freeze") => void;
}

export class Process {
  private state: "running" | "frozen" | "dead" = "running";
  private thawed: Promise<void> = Promise.resolve();
  private wake = (): void => undefined;
  private callsLeft = Number.POSITIVE_INFINITY;
  private planned: Plan | null = null;

  /** At its `nth` call from now (1: the next) the process is killed or frozen, before the call leaves or after it was done. */
  at(nth: number, fate: "kill" | "freeze", when: "before" | "after", then: (fate: "kill" | "freeze") => void): void {
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
    await this.alive();
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
