/**
 * Plays a workload on a simulated cluster, with what goes wrong, and tells what came of it: events, samples, a summary. Same options, same
 * run, byte for byte. Of one moment, arrivals come first, then departures, faults, and the sample.
 */
import { assert } from "../core/assert.js";
import { seededRandom } from "../core/workload/random.js";
import type { UsageProfile } from "../drivers/fake/usage-profile.js";
import type { FakeWorld } from "../drivers/fake/world.js";
import { SimulatedCluster, START_MS } from "./cluster.js";
import type { Fault } from "./fault.js";
import { type MemoryFelt, MemoryMeter } from "./memory-meter.js";
import { type Sample, takeSample } from "./metrics.js";
import type { SimulatedVm, SimulationOptions } from "./options.js";
import { Promises } from "./promises.js";
import { type Steal, StealMeter } from "./steal.js";
import { Tenants, type Told } from "./tenants.js";
import { Trouble } from "./trouble.js";

/** What happened, for people and for scripts. */
export interface SimulationEvent {
  /** Seconds since the workload began. */
  readonly at: number;
  readonly kind: string;
  readonly vm?: string;
  readonly host?: string;
  readonly reason?: string;
  readonly lasts?: number;
}

export interface Sink {
  readonly event: (event: SimulationEvent) => void;
  readonly sample: (sample: Sample) => void;
  /** Of the whole, from 0 to 1. */
  readonly progress: (share: number) => void;
}

export interface Summary {
  readonly seconds: number;
  readonly vms: number;
  readonly hosts: number;
  readonly mostHostsInUse: number;
  readonly mostVms: number;
  readonly placed: number;
  readonly removed: number;
  readonly refused: number;
  /** Tenants who gave up, since nobody answered. */
  readonly unanswered: number;
  readonly firstRefusal: { readonly vm: string; readonly at: number } | null;
  /** Means over the samples; of hosts in use. */
  readonly meanUnallocatedPercent: { readonly cpu: number; readonly memory: number };
  readonly meanUsedPcpus: number;
  readonly pinChanges: number;
  readonly migrations: number;
  readonly faults: number;
  /** By ratio, over the whole run; null: no VM. */
  readonly steal: Readonly<Record<string, Steal | null>>;
  /** Absent: memory is not coordinated. */
  readonly memory?: MemoryFelt;
  readonly events: number;
  /** So often something had changed that promises are about; all held. */
  readonly promisesChecked: number;
}

const TROUBLE_SEED = 0x2545f491;
/** After the last happening, everything mended: twice what a settling scheduler waits for, and some rounds. */
const [MENDING_SECONDS, MENDING_TICKS] = [240, 6];

const SAMPLE_ORDER = 3;

/** Memory of VMs goes from one draw to the next in so long. */
export const HOURS_OF_A_DAY = 24;

interface Happening {
  readonly at: number;
  readonly order: number;
  readonly happen: () => void;
}

export const simulate = (options: SimulationOptions, sink: Sink): Promise<Summary> =>
  new Simulation(options, sink).run();

/** When the last VM has come or gone. */
export function endOf(vms: readonly SimulatedVm[]): number {
  let end = 0;
  for (const { arrival, departure } of vms) end = Math.max(end, arrival, Number.isFinite(departure) ? departure : 0);
  return end;
}

class Simulation {
  private readonly cluster: SimulatedCluster;
  private readonly tenants: Tenants;
  private readonly promises: Promises;
  private readonly trouble: Trouble;
  private readonly steal: StealMeter;
  /** Null: memory is not coordinated. */
  private readonly memory: MemoryMeter | null;
  private readonly samples: Sample[] = [];
  private readonly end: number;
  private firstRefusal: Summary["firstRefusal"] = null;
  private migrations = 0;
  private lastSampleMs = 0;
  private beganMs = 0;

  constructor(
    private readonly options: SimulationOptions,
    private readonly sink: Sink,
  ) {
    const { vms, seed } = options;
    const ratios = [...new Set(vms.map((vm) => vm.ratio as number))].sort((a, b) => a - b);
    this.steal = new StealMeter(ratios, (name) => this.tenants.all.get(name)?.vm.ratio);
    this.cluster = new SimulatedCluster(options, {
      demandOf: (name) => this.profileOf(name),
      steal: this.steal,
      changed: (machine) => this.promises.changed(machine),
      moved: () => {
        this.migrations++;
      },
      afterEach: () => this.promises.check(),
    });
    this.memory = options.agent?.balloon == null ? null : new MemoryMeter();
    this.tenants = new Tenants(this.cluster, (told) => this.told(told), options.ratioFactor);
    this.promises = new Promises(this.cluster, this.tenants);
    this.trouble = new Trouble(this.cluster, seededRandom(seed ^ TROUBLE_SEED));
    this.end = endOf(vms);
  }

  async run(): Promise<Summary> {
    const { cluster } = this;
    await cluster.start();
    assert(cluster.leader() !== null, "a scheduler leads before the workload begins");
    this.beganMs = cluster.clock.monotonic();
    this.lastSampleMs = this.beganMs;
    for (const { at, order, happen } of this.agenda()) {
      if (at > this.now || order === SAMPLE_ORDER) await this.reach(at);
      happen();
      if (this.firstRefusal !== null && this.options.untilRefused === true) break;
    }
    await this.mend();
    return this.summary();
  }

  /** Seconds of the workload. */
  private get now(): number {
    return (this.cluster.clock.monotonic() - this.beganMs) / 1000;
  }

  private async reach(at: number): Promise<void> {
    await this.cluster.clock.advance(Math.max(0, at - this.now) * 1000);
    if (this.cluster.failures.length > 0) throw this.cluster.failures[0];
  }

  private *agenda(): Generator<Happening> {
    const { vms, faults, sample, step } = this.options;
    const happenings: Happening[] = [];
    for (const [place, vm] of vms.entries()) {
      const name = `vm${place}`;
      happenings.push({ at: vm.arrival, order: 0, happen: () => this.tenants.arrive(name, vm) });
      if (Number.isFinite(vm.departure))
        happenings.push({ at: vm.departure, order: 1, happen: () => this.tenants.leave(name) });
    }
    for (const fault of faults) {
      happenings.push({ at: fault.at, order: 2, happen: () => this.strike(fault) });
      happenings.push({ at: fault.at + fault.lasts, order: 2, happen: () => this.lift(fault) });
    }
    for (let at = 0; at <= this.end + sample; at += sample)
      happenings.push({ at, order: SAMPLE_ORDER, happen: () => this.takeSample() });
    const { memory } = this;
    for (let at = 0; memory !== null && at <= this.end; at += step)
      happenings.push({ at, order: SAMPLE_ORDER, happen: () => memory.look(this.worlds()) });
    yield* happenings.sort((a, b) => a.at - b.at || a.order - b.order);
  }

  private worlds(): readonly FakeWorld[] {
    return this.cluster.machines.map(({ world }) => world);
  }

  private async mend(): Promise<void> {
    this.trouble.mendAll();
    await this.cluster.clock.advance(1000 * (MENDING_SECONDS + MENDING_TICKS * this.options.tick));
    this.tenants.close();
    this.promises.checkSettled();
    this.sink.progress(1);
  }

  // What happens

  private strike(fault: Fault): void {
    this.trouble.begin(fault);
    const host = fault.host === null ? {} : { host: this.cluster.machines[fault.host]!.name };
    this.sink.event({ at: this.now, kind: fault.kind, ...host, lasts: fault.lasts });
  }

  private lift(fault: Fault): void {
    this.trouble.end(fault);
    const host = fault.host === null ? {} : { host: this.cluster.machines[fault.host]!.name };
    this.sink.event({ at: this.now, kind: `${fault.kind}-over`, ...host });
  }

  private told({ kind, tenant, host, reason }: Told): void {
    this.promises.told(tenant.name);
    if (kind === "refused") this.firstRefusal ??= { vm: tenant.vm.id, at: this.now };
    this.sink.event({
      at: this.now,
      kind,
      vm: tenant.vm.id,
      ...(host === null ? {} : { host }),
      ...(reason === null ? {} : { reason }),
    });
  }

  private takeSample(): void {
    const nowMs = this.cluster.clock.monotonic();
    const { cluster, tenants, steal, migrations } = this;
    const sample = takeSample(this.now, nowMs - this.lastSampleMs, { cluster, tenants, steal, migrations });
    this.lastSampleMs = nowMs;
    this.samples.push(sample);
    this.sink.sample(sample);
    this.sink.progress(Math.min(1, this.now / Math.max(1, this.end)));
  }

  /** How a VM of the workload uses what it was sold. */
  private profileOf(name: string): UsageProfile {
    const { seed, step, day, correlation, course = "independent" } = this.options;
    const vm = this.tenants.all.get(name)?.vm;
    assert(vm !== undefined, `${name} is a VM of the workload`);
    const index = Number(name.slice(2));
    const momentsPerDay = Math.max(1, Math.round(day / step));
    const rules = { seed, momentsPerDay, correlation, course, momentSeconds: step, originMs: START_MS };
    const everyMoments = Math.max(1, Math.round(momentsPerDay / HOURS_OF_A_DAY));
    return {
      cpu: { kind: "drawn", index, ...vm.usage, ...rules },
      memory: { kind: "drawn", index, ...rules, everyMoments },
    };
  }

  private summary(): Summary {
    const { cluster, tenants, samples } = this;
    const { placed, removed, refused, givenUp } = tenants.counts;
    const most = (of: (sample: Sample) => number): number => samples.reduce((top, one) => Math.max(top, of(one)), 0);
    const mean = (of: (sample: Sample) => number): number =>
      samples.length === 0 ? 0 : samples.reduce((sum, one) => sum + of(one), 0) / samples.length;
    return {
      seconds: this.now,
      vms: this.options.vms.length,
      hosts: this.options.hosts,
      mostHostsInUse: most((one) => one.hostsInUse),
      mostVms: most((one) => one.vms),
      placed,
      removed,
      refused,
      unanswered: givenUp,
      firstRefusal: this.firstRefusal,
      meanUnallocatedPercent: {
        cpu: mean((one) => one.unallocatedInUsePercent.cpu),
        memory: mean((one) => one.unallocatedInUsePercent.memory),
      },
      meanUsedPcpus: mean((one) => one.pcpus.used),
      pinChanges: cluster.machines.reduce((sum, machine) => sum + machine.pinChanges, 0),
      migrations: this.migrations,
      faults: this.options.faults.length,
      steal: this.steal.total(),
      ...(this.memory === null ? {} : { memory: this.memory.total() }),
      events: cluster.events,
      promisesChecked: this.promises.checks,
    };
  }
}
