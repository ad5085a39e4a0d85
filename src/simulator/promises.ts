/**
 * The promises of the design, held against what is, after every event: pools disjoint and within their ratios and the host's memory
 * (1 to 3), every VM that was told to run on one host and on one only, none of those that were refused or removed anywhere (4); and when
 * everything is mended, that records, guests and pins agree and nothing is left to do (5, 6); of memory that is coordinated, that balloons stay
 * within their bounds and growth above the host's reserve (8). Looks only at what has changed.
 */
import { formatCpuSet } from "../core/cpuset.js";
import { checkHost } from "../core/pool/invariants.js";
import { BalloonWatch } from "./balloon-promise.js";
import type { SimulatedCluster } from "./cluster.js";
import type { Machine } from "./machine.js";
import type { Standing, Tenants } from "./tenants.js";

/** A promise was broken. */
export class PromiseBroken extends Error {
  override readonly name = "PromiseBroken";
}

const MUST_EXIST: readonly Standing[] = ["runs"];
const MUST_NOT_EXIST: readonly Standing[] = ["refused", "gone"];

export class Promises {
  private readonly dirty = new Set<Machine>();
  private readonly touched = new Set<string>();
  /** By VM: machines that have a domain of its name. */
  private readonly holders = new Map<string, Set<Machine>>();
  private readonly seen = new Map<Machine, readonly string[]>();
  private readonly balloons = new BalloonWatch();
  checks = 0;

  constructor(
    private readonly cluster: SimulatedCluster,
    private readonly tenants: Tenants,
  ) {}

  changed(machine: Machine): void {
    this.dirty.add(machine);
  }

  /** Its tenant was told something. */
  told(vm: string): void {
    this.touched.add(vm);
  }

  /** Throws `PromiseBroken`. */
  check(): void {
    if (this.dirty.size === 0 && this.touched.size === 0) return;
    this.checks++;
    for (const machine of this.dirty) this.look(machine);
    this.dirty.clear();
    for (const vm of this.touched) this.checkVm(vm);
    this.touched.clear();
  }

  /** Everything is mended, and had its time. Throws `PromiseBroken`. */
  checkSettled(): void {
    for (const machine of this.cluster.machines) {
      this.changed(machine);
      this.checkPins(machine);
    }
    this.check();
    const records = this.cluster.leader()?.vms() ?? [];
    const recorded = records.map(({ name, host, state }) => `${name} ${state} on ${host}`);
    const found = this.cluster.machines.flatMap(({ name, world }) =>
      world.names().map((vm) => `${vm} ${world.detail(vm)?.state} on ${name}`),
    );
    const [missing, unknown] = [except(found, recorded), except(recorded, found)];
    if (missing.length > 0 || unknown.length > 0)
      this.broken(
        `in the end records and guests differ; without a record as they are: ${list(missing)}; recorded, but not so: ${list(unknown)}`,
      );
  }

  private look(machine: Machine): void {
    const before = this.seen.get(machine) ?? NONE;
    const now = machine.domains();
    if (now !== before) {
      for (const vm of before) if (!machine.world.has(vm)) this.forget(vm, machine);
      for (const vm of now) this.note(vm, machine);
      this.seen.set(machine, now);
    }
    for (const vm of now) this.touched.add(vm);
    const { agent, policy, name } = machine;
    const squeezed = this.balloons.problem(machine);
    if (squeezed !== null) this.broken(`${name}: ${squeezed}`);
    if (agent === null) return;
    const problems = checkHost(policy, agent.host());
    if (problems.length > 0) this.broken(`${name}: ${problems.join("; ")}`);
  }

  private note(vm: string, machine: Machine): void {
    let holders = this.holders.get(vm);
    if (holders === undefined) {
      holders = new Set();
      this.holders.set(vm, holders);
    }
    holders.add(machine);
  }

  private forget(vm: string, machine: Machine): void {
    this.holders.get(vm)?.delete(machine);
    this.touched.add(vm);
  }

  private checkVm(vm: string): void {
    const holders = [...(this.holders.get(vm) ?? [])];
    // While it is handed over, a second host has it without running it.
    const own = holders.length < 2 ? holders : holders.filter((machine) => !machine.isHandingOver(vm));
    if (own.length > 1) this.broken(`${vm} exists on ${own.map(({ name }) => name).join(" and on ")}`);
    const standing = this.tenants.all.get(vm)?.standing;
    if (standing === undefined) return;
    if (MUST_EXIST.includes(standing) && holders.length === 0) this.broken(`${vm} was told to run, and is nowhere`);
    if (MUST_NOT_EXIST.includes(standing) && holders.length > 0)
      this.broken(`${vm} was told to be ${standing}, and exists on ${holders[0]!.name}`);
  }

  private checkPins({ agent, world, name }: Machine): void {
    if (agent === null) this.broken(`${name}: its agent is not back`);
    for (const vm of agent.vms()) {
      const pins = (world.pinsOf(vm.name) ?? []).map(formatCpuSet);
      if (pins.join(" ") !== vm.pins.join(" "))
        this.broken(`${name}: ${vm.name} is pinned to ${pins.join(" ")}, planned is ${vm.pins.join(" ")}`);
    }
  }

  private broken(what: string): never {
    const second = this.cluster.clock.monotonic() / 1000;
    throw new PromiseBroken(`a promise is broken at second ${second}: ${what}`);
  }
}

const NONE: readonly string[] = [];
const MOST_LISTED = 5;

const except = (these: readonly string[], those: readonly string[]): readonly string[] => {
  const known = new Set(those);
  return these.filter((one) => !known.has(one));
};

const list = (items: readonly string[]): string =>
  items.length === 0 ? "none" : `${items.slice(0, MOST_LISTED).join(", ")}${items.length > MOST_LISTED ? " ..." : ""}`;
