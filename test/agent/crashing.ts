/** Ports that die with their process: at the n-th call everything stops, for good, as under SIGKILL. */
import type { FakeHypervisor } from "../../src/drivers/fake/fake-hypervisor.js";
import type { Mortal as MortalProcess } from "../../src/simulator/process.js";

const never = <T>(): Promise<T> => new Promise(() => undefined);

/** Counts the calls of one process to all its ports, and kills it at the one that was chosen. */
export class Mortal implements MortalProcess {
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
