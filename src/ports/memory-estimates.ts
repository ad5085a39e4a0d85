/**
 * Where the agent's estimates of its VMs' memory come from, when it sells more memory than there is. The agent tells what it
 * sees, and asks before it admits; whoever answers may use its own history instead.
 */
import type { MiB, Milliseconds } from "../core/units.js";

export interface ObservedMemory {
  readonly uuid: string;
  readonly soldMiB: MiB;
  /** What it holds and cannot give up without swapping; null: not known. */
  readonly heldMiB: MiB | null;
}

export interface MemoryEstimates {
  /** Every VM that holds room on the host, once each tick. `at` is monotonic. */
  observe(at: Milliseconds, vms: readonly ObservedMemory[]): void;
  /** The most that the VM is expected to hold; null: too little is known of it, and it counts with all that it was sold. */
  peakMiB(uuid: string): MiB | null;
}
