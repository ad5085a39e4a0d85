/**
 * Carries out pin changes, wave by wave (core/reconcile/pin-order): the changes of a wave go to the hypervisor together,
 * the next wave follows when all are answered. Remembers what was put in place, so that a pin that differs although
 * nothing was planned is known to be somebody else's doing.
 */
import type { CpuSet } from "../core/cpuset.js";
import type { VmPins } from "../core/pool/model.js";
import type { PinChange } from "../core/reconcile/model.js";
import type { PinWave } from "../core/reconcile/pin-order.js";
import { samePins } from "../core/reconcile/pins.js";
import type { Hypervisor } from "../ports/hypervisor.js";
import type { Counters } from "./counters.js";

/** Calls under way at once: enough to hide the round trip, few enough that the last is answered well before its deadline. */
const IN_FLIGHT = 64;

export interface PinFailure {
  readonly change: PinChange;
  readonly error: unknown;
}

export class Pinner {
  private readonly inPlace = new Map<string, readonly CpuSet[]>();

  constructor(
    private readonly hypervisor: Hypervisor,
    private readonly counters: Counters,
    /** VMs on their way to or from another host keep the pins that they have: hypervisors change nothing about them. */
    private readonly isHeld: (vm: string) => boolean = () => false,
  ) {}

  /** A VM that would have to be pinned anew and cannot be now; null: there is none. */
  heldIn(waves: readonly PinWave[]): string | null {
    return waves.flat().find(({ vm }) => this.isHeld(vm))?.vm ?? null;
  }

  /** Applies all waves; the changes that fail are returned, and stop no other. */
  async apply(waves: readonly PinWave[]): Promise<readonly PinFailure[]> {
    const failures: PinFailure[] = [];
    for (const wave of waves) failures.push(...(await this.send(wave)));
    return failures;
  }

  /** Applies changes that something else depends on. Throws the first failure, after the wave in which it happened. */
  async applyOrThrow(waves: readonly PinWave[]): Promise<void> {
    for (const wave of waves) {
      const [failure] = await this.send(wave);
      if (failure !== undefined) throw failure.error;
    }
  }

  /** The plan's pins are in place, but for the VMs in `failures`. VMs that the plan no longer holds are forgotten. */
  settle(planned: VmPins, failures: readonly PinFailure[]): void {
    const failed = new Set(failures.map((failure) => failure.change.vm));
    for (const name of this.inPlace.keys()) if (!planned.has(name)) this.inPlace.delete(name);
    for (const [name, sets] of planned) {
      if (failed.has(name) || this.isHeld(name)) this.inPlace.delete(name);
      else this.inPlace.set(name, sets);
    }
  }

  /** The plan for this VM was in place: if the hypervisor shows something else, somebody changed it. */
  wasInPlace(name: string, planned: readonly CpuSet[]): boolean {
    return samePins(this.inPlace.get(name), planned);
  }

  /** The guest started anew, with the pins of its definition. */
  forget(name: string): void {
    this.inPlace.delete(name);
  }

  private async send(all: PinWave): Promise<readonly PinFailure[]> {
    const failures: PinFailure[] = [];
    const wave = all.filter(({ vm }) => !this.isHeld(vm));
    for (let start = 0; start < wave.length; start += IN_FLIGHT) {
      const chunk = wave.slice(start, start + IN_FLIGHT);
      const answers = await Promise.allSettled(
        chunk.map((change) => this.hypervisor.pinVcpu(change.vm, change.vcpu, change.to)),
      );
      this.counters.pinCalls += chunk.length;
      answers.forEach((answer, index) => {
        if (answer.status === "rejected") failures.push({ change: chunk[index]!, error: answer.reason });
      });
    }
    this.counters.failedPinCalls += failures.length;
    return failures;
  }
}
