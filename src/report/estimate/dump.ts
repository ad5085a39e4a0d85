/**
 * The seed's dump of a run, `dump-NODE_cC_mM_aA.json`: the trace's head, what was decided in each window (`model`), and for the
 * host and each VM a list of every statistic, one entry for each window. VMs are written as they are read. As in the seed, a
 * VM that is not there repeats its last statistics, and one that has not come yet has none.
 */
import { renameSync, rmSync } from "node:fs";
import { TextOutput } from "../../agent/replay/output.js";
import type { EstimatorTraceVisitor, HostRecord, TraceConfig, VmRecord } from "../../trace/estimator-record.js";
import type { EstimateRun, WindowOutcome } from "./run.js";
import { type MachineStatistics, NO_STATISTICS, statisticsOf } from "./seed-statistics.js";

export interface DumpSettings {
  readonly cpuPercentile: number;
  readonly memoryPercentile: number;
  readonly aggregation: number;
}

/** The seed takes the slashes out of the node's name; other characters that no file name may have go too. */
export const dumpName = (nodeName: string, { cpuPercentile, memoryPercentile, aggregation }: DumpSettings): string =>
  `dump-${nodeName.replace(/[/\0]/g, "")}_c${cpuPercentile}_m${memoryPercentile}_a${aggregation}.json`;

/** `[{a: 1}, {a: 2}]` as `{a: [1, 2]}`. */
function columnsOf<T extends object>(rows: readonly T[]): Record<string, unknown[]> {
  const keys = Object.keys(rows[0] ?? {}) as (keyof T & string)[];
  return Object.fromEntries(keys.map((key) => [key, rows.map((row) => row[key])]));
}

export class SeedDump implements EstimatorTraceVisitor {
  readonly #output: TextOutput;
  #slices = 1;
  readonly #host: MachineStatistics[] = [];
  #name: string | null = null;
  #vm: MachineStatistics[] = [];
  #lastOfSlice = new Map<number, MachineStatistics>();
  #vms = 0;

  /** Writes to the file `draft`, until `end` gives it its name. */
  constructor(
    private readonly draft: string,
    private readonly settings: DumpSettings,
  ) {
    this.#output = new TextOutput(draft, "utf8");
    this.#output.write('{"vm": {');
  }

  start({ slices }: TraceConfig): void {
    this.#slices = slices;
  }

  host(_occurrence: number, record: HostRecord | null): void {
    const { aggregation } = this.settings;
    const statistics = statisticsOf(record?.cpuCapacity ?? null, record?.memoryCapacity ?? null, record, aggregation);
    this.#host.push(statistics);
  }

  vm(name: string): void {
    this.#writeVm();
    this.#name = name;
    this.#vm = [];
    this.#lastOfSlice = new Map();
  }

  vmWindow(occurrence: number, record: VmRecord | null): void {
    const slice = occurrence % this.#slices;
    if (record !== null)
      this.#lastOfSlice.set(slice, statisticsOf(record.vcpus, record.memory, record, this.settings.aggregation));
    this.#vm.push(this.#lastOfSlice.get(slice) ?? NO_STATISTICS);
  }

  #writeVm(): void {
    if (this.#name === null) return;
    const text = `${JSON.stringify(this.#name)}: ${JSON.stringify(columnsOf(this.#vm))}`;
    this.#output.write(this.#vms === 0 ? text : `, ${text}`);
    this.#output.drain();
    this.#vms += 1;
  }

  /** Writes the rest, and puts the file in its place. */
  end({ config, windows }: EstimateRun, path: string): void {
    this.#writeVm();
    const head = {
      epoch: windows.map(({ epoch }) => epoch),
      config: {
        node_scope: config.nodeScope,
        slice_scope: config.sliceScope,
        number_of_slice: config.slices,
        historical_occurences: config.history,
        node_name: config.nodeName,
      },
      model: columnsOf(windows.map(modelOf)),
      node: columnsOf(windows.map((window, i) => ({ ...this.#host[i]!, ...decidedOf(window) }))),
    };
    this.#output.write(`}, ${JSON.stringify(head).slice(1)}\n`);
    this.#output.end();
    renameSync(this.draft, path);
  }

  /** After a failure elsewhere. */
  abandon(): void {
    this.#output.abandon();
    rmSync(this.draft, { force: true });
  }
}

function modelOf({ cpu, memory }: WindowOutcome): object {
  const [cpuTiers, memoryTiers] = [cpu.estimate.tiers, memory.estimate.tiers];
  return {
    free_cpu: cpu.estimate.free,
    free_mem: memory.estimate.free,
    cpu_tier0: cpuTiers?.tier0 ?? cpu.estimate.need,
    cpu_tier1: cpuTiers?.tier1 ?? 0,
    cpu_tier2: cpu.estimate.free,
    mem_tier0: memoryTiers?.tier0 ?? memory.estimate.need,
    mem_tier1: memoryTiers?.tier1 ?? 0,
    mem_tier2: memory.estimate.free,
  };
}

function decidedOf({ cpu, memory }: WindowOutcome): object {
  return {
    booked_cpu: cpu.booked,
    booked_mem: memory.booked,
    cpu_stable_state: cpu.estimate.stable,
    mem_stable_state: memory.estimate.stable,
    cpu_tier0: cpu.estimate.need,
    mem_tier0: memory.estimate.need,
  };
}
