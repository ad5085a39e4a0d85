/**
 * Fake hosts that hand guests to one another, step by step as libvirt does it: the destination holds an incoming guest that does
 * not run, memory is copied while the guest runs on, the source pauses it, the destination starts it and keeps it, the source
 * forgets it. Whoever dies or is cut off in between leaves what libvirt would leave. docs/fake-differences.md.
 */
import type { CpuSet } from "../../core/cpuset.js";
import { milliseconds } from "../../core/units.js";
import { OperationalError } from "../../ports/errors.js";
import { failed } from "./guest.js";
import type { FakeWorld } from "./world.js";

/** 1 GiB/s: what a link of 10 Gbit/s carries. */
const MIB_PER_MS = 1.024;
const SHORTEST_MS = 100;
/** Between two steps. */
const STEP = milliseconds(1);

/** After which step something is to go wrong: memory is across; the source has paused; the guest runs there. */
export type MigrationStage = "copied" | "paused" | "arrived";

/** Hosts that reach one another. */
export class FakeNetwork {
  readonly #worlds = new Map<string, FakeWorld>();
  /** Addresses that nobody reaches now. */
  readonly cut = new Set<string>();

  /** Another machine under the same address takes its place. */
  join(address: string, world: FakeWorld): void {
    this.#worlds.set(address, world);
  }

  /** Throws `hypervisor-unreachable`. */
  at(address: string): FakeWorld {
    const world = this.#worlds.get(address);
    if (world !== undefined && !this.cut.has(address)) return world;
    throw new OperationalError("hypervisor-unreachable", `the fake hypervisor at ${address} is not reachable`, true);
  }
}

export interface FakeMove {
  readonly name: string;
  readonly uuid: string;
  readonly pins: readonly CpuSet[];
  readonly signal: AbortSignal;
  /** False: the process that holds both connections is gone, or has lost one. */
  readonly isHeld: () => boolean;
  /** Where a test lets something go wrong. */
  readonly reached: (stage: MigrationStage) => void;
}

export async function moveGuest(source: FakeWorld, destination: FakeWorld, move: FakeMove): Promise<void> {
  const { name, uuid, signal } = move;
  const memoryMiB = destination.receive(source.passport(name, uuid), move.pins);
  try {
    await source.clock.sleep(milliseconds(Math.max(SHORTEST_MS, memoryMiB / MIB_PER_MS)), signal);
    if (signal.aborted) throw failed(`the move of ${name} was ended`);
    await next(source, move, "copied");
    source.hold(name, uuid);
  } catch (error) {
    destination.turnAway(name, uuid);
    throw error;
  }
  try {
    await next(source, move, "paused");
    destination.admit(name, uuid);
  } catch (error) {
    destination.turnAway(name, uuid);
    throw error;
  }
  await next(source, move, "arrived");
  source.release(name, uuid);
}

async function next(source: FakeWorld, { name, isHeld, reached }: FakeMove, stage: MigrationStage): Promise<void> {
  reached(stage);
  await source.clock.sleep(STEP);
  if (!isHeld()) throw new OperationalError("hypervisor-unreachable", `the move of ${name} lost its connections`, true);
}

/** As the libvirt driver's: ends what is left of a move, and leaves the guest in one place. */
export function settleGuest(
  source: FakeWorld,
  destination: () => FakeWorld,
  name: string,
  uuid: string,
): "here" | "gone" {
  const here = source.whereabouts(name, uuid);
  if (here === null) return "gone";
  if (here !== "held") return "here";
  const there = destination().whereabouts(name, uuid);
  if (there === "incoming") throw new OperationalError("hypervisor-failed", `${name} is still being handed over`, true);
  if (there === null) {
    source.pause(name, false);
    return "here";
  }
  source.release(name, uuid);
  return "gone";
}
