/** A fake host with guests whose load is known, and a balancer on it that a test moves from interval to interval. */
import { Balancer, type BalancerOptions } from "../../src/agent/balance/balancer.js";
import type { BalanceReport } from "../../src/agent/balance/report.js";
import { runController } from "../../src/agent/controller/loop.js";
import { cpuSetOf, EMPTY_CPU_SET } from "../../src/core/cpuset.js";
import type { Topology } from "../../src/core/topology/model.js";
import { buildTopology } from "../../src/core/topology/presets.js";
import { mib, milliseconds } from "../../src/core/units.js";
import { FakeHypervisor } from "../../src/drivers/fake/fake-hypervisor.js";
import type { CpuProfile } from "../../src/drivers/fake/usage-profile.js";
import { virtualClock } from "../../src/drivers/fake/virtual-clock.js";
import { FakeWorld } from "../../src/drivers/fake/world.js";
import type { Hypervisor } from "../../src/ports/hypervisor.js";
import { deviation } from "./arenas.js";

export const INTERVAL_MS = 12_000;
const MEMORY = { kind: "constant", fraction: 0.5 } as const;
/** Long enough for every test; then it repeats. */
const NOISE_STEPS = 512;

export const plainTopology = (pcpus: number, cells = 1): Topology =>
  buildTopology({
    packages: 1,
    cellsPerPackage: cells,
    coresPerCell: pcpus / cells,
    threadsPerCore: 1,
    coresPerL3: 1,
    memoryMiB: mib(1 << 20),
  });

export interface GuestOf {
  readonly name: string;
  /** Mean of what each vCPU wants. */
  readonly load: number;
  /** pCPU of each vCPU; null: pinned nowhere. */
  readonly at?: number | null;
  readonly vcpus?: number;
}

/** Demand that changes every `stepSeconds` by chance around its mean. */
export function noisy(load: number, width: number, stepSeconds: number, draw: () => number): CpuProfile {
  if (width === 0) return { kind: "constant", fraction: load };
  const fractions = Array.from({ length: NOISE_STEPS }, () => load + width * (2 * draw() - 1));
  return { kind: "series", stepSeconds, fractions };
}

export class BalancedHost {
  readonly clock = virtualClock(1_700_000_000_000);
  readonly world: FakeWorld;
  readonly hypervisor: FakeHypervisor;
  readonly balancer: Balancer;
  readonly reports: BalanceReport[] = [];
  readonly losses: string[] = [];
  private readonly stop = new AbortController();
  private readonly loads = new Map<string, number>();
  private running: Promise<void> | null = null;
  /** Of the guests added from now on, and of the loads that are set. */
  profile: (load: number) => CpuProfile = (load) => noisy(load, 0, 1, Math.random);

  /** `meddle`: what the balancer has instead of the hypervisor. */
  constructor(
    readonly topology: Topology,
    given: Partial<BalancerOptions> = {},
    meddle: (hypervisor: Hypervisor) => Hypervisor = (hypervisor) => hypervisor,
  ) {
    this.world = new FakeWorld({ topology, clock: this.clock });
    this.hypervisor = new FakeHypervisor(this.world, "fake:///");
    this.balancer = new Balancer({
      hypervisor: meddle(this.hypervisor),
      clock: this.clock,
      topology,
      excluded: EMPTY_CPU_SET,
      dryRun: false,
      ...given,
    });
  }

  add({ name, load, at = null, vcpus = 1 }: GuestOf): void {
    const pins = at === null ? [] : Array.from({ length: vcpus }, () => cpuSetOf([at]));
    this.world.createForeign({ name, vcpus, memoryMiB: 64, pins });
    this.setLoad(name, load);
  }

  setLoad(name: string, load: number): void {
    this.loads.set(name, load);
    this.world.setDemand(name, { cpu: this.profile(load), memory: MEMORY });
  }

  remove(name: string): void {
    this.loads.delete(name);
    this.world.destroy(name);
    this.world.undefine(name);
  }

  /** The first reading is made at once. */
  async start(): Promise<void> {
    await this.hypervisor.connect();
    this.running = runController(this.balancer, {
      hypervisor: this.hypervisor,
      clock: this.clock,
      interval: milliseconds(INTERVAL_MS),
      once: false,
      signal: this.stop.signal,
      onReport: (report) => this.reports.push(report),
      onLost: (error) => this.losses.push(error.message),
    });
    await this.clock.advance(1);
  }

  async intervals(count: number): Promise<void> {
    await this.clock.advance(count * INTERVAL_MS);
  }

  async end(): Promise<void> {
    this.stop.abort();
    await this.clock.runUntil(this.running ?? Promise.resolve());
  }

  pinCalls(): number {
    return this.hypervisor.calls.count("pinVcpu");
  }

  /** Mean load of each pCPU by the pins that are; null when a vCPU may run on several. */
  trueLoads(): readonly number[] | null {
    const loads = new Map(this.topology.pcpus.map(({ id }) => [id, 0]));
    for (const [name, load] of this.loads) {
      for (const pins of this.world.pinsOf(name) ?? []) {
        if (pins.length !== 1) return null;
        loads.set(pins[0]!, (loads.get(pins[0]!) ?? 0) + load);
      }
    }
    return [...loads.values()];
  }

  /** Standard deviation of these, in points. */
  points(): number {
    const loads = this.trueLoads();
    return loads === null ? Number.POSITIVE_INFINITY : 100 * deviation(loads);
  }
}
