/**
 * A trace (spec 3) as series over time: what the seeds' notebooks make of `monitoring.csv`, with their rules for means. Streamed;
 * kept are a few numbers for each timestamp and pool, and those of the VMs that are looked at by name.
 *
 * A mean leaves out records without a value; where there are only such, there is none. A pool that exists has a record at
 * every timestamp: the mean of VM counts is over the pools that exist, also the empty ones.
 */
import type { Resource, TraceRecord } from "../../trace/record.js";

export interface PoolSeries {
  /** As the trace names it: `subset-1.0`. */
  readonly name: string;
  readonly ratio: number | null;
  /** By number of the timestamp. Null: no record, or no value. */
  readonly used: readonly (number | null)[];
  /** Its size; null: the pool does not exist then. */
  readonly held: readonly (number | null)[];
  /** VMs with a record in it. */
  readonly vms: readonly number[];
  /** Means over these VMs: the share of its vCPUs that a VM uses, and how many it has. */
  readonly vmShare: readonly (number | null)[];
  readonly vmVcpus: readonly (number | null)[];
}

export interface Recording {
  /** Seconds, as the trace counts them. */
  readonly times: readonly number[];
  readonly hostPcpus: number | null;
  readonly hostMemory: number | null;
  /** Fractions of the host. */
  readonly hostCpuShare: readonly (number | null)[];
  readonly hostMemoryShare: readonly (number | null)[];
  /** In order of creation. */
  readonly pools: readonly PoolSeries[];
  readonly memoryPools: readonly PoolSeries[];
  /** Sum of the VMs' shares of their memory, in the trace's unit; null where no VM has a value. */
  readonly vmMemoryUsed: readonly (number | null)[];
  /** pCPUs that a VM used, by its name, for those that were asked for. */
  readonly focus: ReadonlyMap<string, readonly (number | null)[]>;
  /** Distinct VMs in the whole trace. */
  readonly vms: number;
  /** Mean use in pCPUs of each VM over its records, largest first. */
  readonly busiest: readonly { readonly vm: string; readonly meanPcpus: number }[];
}

/** A mean over the records of one timestamp, after another. */
class MeanSeries {
  readonly #sums: number[] = [];
  readonly #counts: number[] = [];

  add(tick: number, value: number | null): void {
    if (value === null) return;
    this.#sums[tick] = (this.#sums[tick] ?? 0) + value;
    this.#counts[tick] = (this.#counts[tick] ?? 0) + 1;
  }

  sums(ticks: number): readonly (number | null)[] {
    return Array.from({ length: ticks }, (_, i) => this.#sums[i] ?? null);
  }

  means(ticks: number): readonly (number | null)[] {
    return Array.from({ length: ticks }, (_, i) => (this.#counts[i] ? this.#sums[i]! / this.#counts[i]! : null));
  }
}

const filled = <T>(values: readonly T[], ticks: number, otherwise: T): readonly T[] =>
  Array.from({ length: ticks }, (_, i) => values[i] ?? otherwise);

class PoolGatherer {
  ratio: number | null = null;
  readonly used: (number | null)[] = [];
  readonly held: (number | null)[] = [];
  readonly vms: number[] = [];
  readonly share = new MeanSeries();
  readonly vcpus = new MeanSeries();

  series(name: string, ticks: number): PoolSeries {
    return {
      name,
      ratio: this.ratio,
      used: filled(this.used, ticks, null),
      held: filled(this.held, ticks, null),
      vms: filled(this.vms, ticks, 0),
      vmShare: this.share.means(ticks),
      vmVcpus: this.vcpus.means(ticks),
    };
  }
}

class Gatherer {
  readonly times: number[] = [];
  readonly #pools: Readonly<Record<Resource, Map<string, PoolGatherer>>> = { cpu: new Map(), mem: new Map() };
  readonly #hostShare: Readonly<Record<Resource, (number | null)[]>> = { cpu: [], mem: [] };
  readonly #hostSize: Record<Resource, number | null> = { cpu: null, mem: null };
  readonly #vmMemory = new MeanSeries();
  readonly #focus: ReadonlyMap<string, MeanSeries>;
  readonly #uuids = new Set<string>();
  readonly #use = new Map<string, { sum: number; count: number }>();

  constructor(focus: readonly string[]) {
    this.#focus = new Map(focus.map((name) => [name, new MeanSeries()]));
  }

  add(record: TraceRecord): void {
    if (this.times.at(-1) !== record.timestamp) this.times.push(record.timestamp);
    const tick = this.times.length - 1;
    const { kind, resource, value, config } = record;
    if (kind === "global") {
      this.#hostShare[resource][tick] = value;
      this.#hostSize[resource] = config;
    } else if (record.pool !== null) {
      const pool = this.#pool(resource, record.pool);
      if (kind === "vm") this.#vm(pool, tick, record);
      else {
        pool.ratio = record.ratio ?? pool.ratio;
        pool.used[tick] = value;
        pool.held[tick] = config;
      }
    }
  }

  #pool(resource: Resource, name: string): PoolGatherer {
    const known = this.#pools[resource].get(name) ?? new PoolGatherer();
    this.#pools[resource].set(name, known);
    return known;
  }

  #vm(pool: PoolGatherer, tick: number, { resource, value, config, vmUuid, vmName }: TraceRecord): void {
    pool.vms[tick] = (pool.vms[tick] ?? 0) + 1;
    if (vmUuid !== null) this.#uuids.add(vmUuid);
    const amount = value === null ? null : value * config;
    if (resource === "mem") {
      this.#vmMemory.add(tick, amount);
      return;
    }
    pool.share.add(tick, value);
    pool.vcpus.add(tick, config);
    if (vmName === null || amount === null) return;
    this.#focus.get(vmName)?.add(tick, amount);
    const use = this.#use.get(vmName) ?? { sum: 0, count: 0 };
    this.#use.set(vmName, { sum: use.sum + amount, count: use.count + 1 });
  }

  recording(): Recording {
    const ticks = this.times.length;
    const series = (resource: Resource): readonly PoolSeries[] =>
      [...this.#pools[resource]].map(([name, pool]) => pool.series(name, ticks));
    const busiest = [...this.#use].map(([vm, { sum, count }]) => ({ vm, meanPcpus: sum / count }));
    return {
      times: this.times,
      hostPcpus: this.#hostSize.cpu,
      hostMemory: this.#hostSize.mem,
      hostCpuShare: filled(this.#hostShare.cpu, ticks, null),
      hostMemoryShare: filled(this.#hostShare.mem, ticks, null),
      pools: series("cpu"),
      memoryPools: series("mem"),
      vmMemoryUsed: this.#vmMemory.sums(ticks),
      focus: new Map([...this.#focus].map(([name, means]) => [name, means.means(ticks)])),
      vms: this.#uuids.size,
      busiest: busiest.sort((a, b) => b.meanPcpus - a.meanPcpus || (a.vm < b.vm ? -1 : 1)),
    };
  }
}

/** `focus`: names of the VMs whose own use is kept. */
export async function gatherRecording(
  records: AsyncIterable<TraceRecord>,
  focus: readonly string[],
): Promise<Recording> {
  const gatherer = new Gatherer(focus);
  for await (const record of records) gatherer.add(record);
  return gatherer.recording();
}

/** Mean over the pools that exist at a timestamp; null where none has a value. */
export function meanOverPools(pools: readonly PoolSeries[], of: "used" | "vms", tick: number): number | null {
  let [sum, count] = [0, 0];
  for (const pool of pools) {
    const value = pool.held[tick] === null ? null : (pool[of][tick] ?? null);
    if (value === null) continue;
    sum += value;
    count += 1;
  }
  return count === 0 ? null : sum / count;
}
