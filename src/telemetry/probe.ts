/**
 * The probe: one reading of a host and its running VMs, when somebody asks for it. Who asks at the same time, or within a second,
 * gets the same one: the hypervisor counts vCPU time in steps of 10 ms, so that rates over less would be noise, and many readers
 * cost it no more than one. Domains' values come from one bulk call; what else there is (processes, counters) comes beside it.
 */
import type { VmName } from "../core/telemetry/linux/vm-processes.js";
import { type DomainReading, EMPTY_VALUES, type Reading, type Values } from "../core/telemetry/reading.js";
import { type Milliseconds, milliseconds } from "../core/units.js";
import type { Clock } from "../ports/clock.js";
import type { DomainStats, Hypervisor } from "../ports/hypervisor.js";
import type { PerfCounters, PerfCounts } from "../ports/perf-counters.js";
import { domainValues } from "./domain-values.js";
import type { HostSource } from "./host-source.js";

export interface ProbeParts {
  readonly hypervisor: Pick<Hypervisor, "stats">;
  readonly host: HostSource;
  /** The host's processes of VMs; null where they cannot be seen from here. */
  readonly processes: VmProcessReader | null;
  readonly perf: PerfCounters | null;
  readonly clock: Clock;
  /** Time between two readings that nobody asks for; told to collectors, who may scrape as often. */
  readonly interval: Milliseconds;
}

interface VmProcessReader {
  read(vms: readonly VmName[], now: Milliseconds): ReadonlyMap<string, Values>;
  residentKiB(uuid: string): number | null;
  perfCgroups(vms: readonly VmName[]): ReadonlyMap<string, string>;
}

/** A reading that is not older is given again. */
export const FRESH_MS = 1_000;
const NO_PERF: PerfCounts = { totals: EMPTY_VALUES, recent: EMPTY_VALUES };

export class Probe {
  readonly #parts: ProbeParts;
  readonly #startedAt: Milliseconds;
  #last: { readonly reading: Reading; readonly monotonic: Milliseconds } | null = null;
  #pending: Promise<Reading> | null = null;

  constructor(parts: ProbeParts) {
    this.#parts = parts;
    this.#startedAt = parts.clock.now();
  }

  /** Throws `OperationalError` when the hypervisor or the host cannot be read. */
  reading(): Promise<Reading> {
    const { clock } = this.#parts;
    if (this.#last !== null && clock.monotonic() - this.#last.monotonic < FRESH_MS)
      return Promise.resolve(this.#last.reading);
    this.#pending ??= this.#read().finally(() => {
      this.#pending = null;
    });
    return this.#pending;
  }

  async #read(): Promise<Reading> {
    const { hypervisor, host, processes, perf, clock, interval } = this.#parts;
    const [began, beganAt] = [clock.monotonic(), clock.now()];
    const stats = (await hypervisor.stats()).filter(isActive);
    // Counters were read some time during the call: its middle is off by half of what its end could be.
    const at = milliseconds(Math.round(beganAt + (clock.monotonic() - began) / 2));
    const hostValues = await host();
    const ofProcesses = processes?.read(stats, clock.monotonic()) ?? new Map<string, Values>();
    if (processes !== null) perf?.follow(processes.perfCgroups(stats));
    const monotonic = clock.monotonic();
    const probeValues = {
      probe_epoch: at,
      probe_delay: interval,
      probe_duration: Math.round(monotonic - began),
      probe_start: Math.round(this.#startedAt),
    };
    const counts = perf?.host() ?? NO_PERF;
    const reading: Reading = {
      at,
      host: { values: { ...probeValues, ...hostValues }, ...perfOf(counts) },
      domains: new Map(stats.map((domain) => [domain.name, this.#domainReading(domain, ofProcesses.get(domain.name))])),
    };
    this.#last = { reading, monotonic };
    return reading;
  }

  #domainReading(domain: DomainStats, ofProcess: Values | undefined): DomainReading {
    const values = { ...domainValues(domain), ...ofProcess };
    // The hypervisor says less of a guest that it is busy with; the kernel knows this one too.
    const resident = values.memory_rss ?? this.#parts.processes?.residentKiB(domain.uuid) ?? null;
    if (resident !== null) values.memory_rss = resident;
    return { uuid: domain.uuid, values, ...perfOf(this.#parts.perf?.vm(domain.name) ?? NO_PERF) };
  }
}

/** Paused guests hold their memory: they count. */
const isActive = ({ state }: DomainStats): boolean => state !== "stopped" && state !== "crashed";

/** Counts go on while the reading is looked at. */
const perfOf = ({ totals, recent }: PerfCounts) => ({ perfTotals: { ...totals }, perfRecent: { ...recent } });
