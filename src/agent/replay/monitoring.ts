/**
 * The re-computed trace, `monitoring.csv` (spec 3): the values as recorded, everything else as the replayed host has it. A
 * second pass over the trace; at each timestamp the replay takes its step first, and what is written is the state after its
 * actions and before its observing. Kept: the records of one timestamp.
 */

import { memoryPoolExists } from "../../core/pool/memory-pool.js";
import type { ReplayablePolicy } from "../../core/pool/replayable.js";
import { memoryKey, ratioKey } from "../../core/pool/status.js";
import { isPythonFloatText, pythonFloat } from "../../trace/python-number.js";
import type { Resource } from "../../trace/record.js";
import type { TraceVisitor } from "../../trace/scanner.js";
import type { VmRow } from "../../trace/vm-rows.js";
import type { MemoryUnit } from "./forms.js";
import type { ReplayStep } from "./loop.js";
import { withStrayPins } from "./pins.js";
import type { PoolTexts } from "./pool-text.js";
import { memoryMiBOf } from "./recorded-vms.js";
import { poolName } from "./sighting.js";

/** What a step of the replay leaves for the writer; the same one until the next step. */
export interface MonitoringSource {
  /** Decides the timestamp if there is anything to decide, and returns the step that holds at it. */
  at(tick: number): ReplayStep;
  readonly stray: Parameters<typeof withStrayPins>[1];
}

export interface MonitoringSettings {
  readonly policy: ReplayablePolicy;
  readonly memoryUnit: MemoryUnit;
  /** Column `sb_dsc`. */
  readonly texts: PoolTexts;
  /** The trace repeats records: the last value holds. Costs a look-up for each record. */
  readonly hasRepeats: boolean;
}

/** Records of one pool at one timestamp, in the order of the trace. */
class Bucket {
  value = "None";
  rows: VmRow[] = [];
  values: string[] = [];

  add(row: VmRow, value: string, hasRepeats: boolean): void {
    const at = hasRepeats ? this.rows.findIndex((one) => one.vm === row.vm) : -1;
    if (at >= 0) this.values[at] = value;
    else {
      this.rows.push(row);
      this.values.push(value);
    }
  }

  clear(): void {
    this.value = "None";
    this.rows = [];
    this.values = [];
  }
}

/** What the pools' lines of one step say after their values. */
interface Heads {
  readonly step: ReplayStep;
  /** In order of creation. */
  readonly cpu: readonly string[];
  readonly memory: string;
}

/** A value as Python prints it after having read it. */
function printedValue(bytes: Buffer, from: number, to: number): string {
  const word = bytes.toString("latin1", from, to);
  return isPythonFloatText(bytes, from, to) || word === "None" ? word : pythonFloat(Number(word));
}

const printedText = (value: string): string => printedValue(Buffer.from(value), 0, value.length);

export class MonitoringWriter implements TraceVisitor {
  #tick = -1;
  #stamp = "";
  readonly #cpuPools = new Map<string, Bucket>();
  readonly #memory = new Bucket();
  #globals = { cpu: "None", mem: "None" };
  readonly #memoryPool: string;
  readonly #memoryRatio: string;
  readonly #hostCells: { readonly cpu: number; readonly mem: number };
  #heads: Heads | null = null;

  constructor(
    private readonly settings: MonitoringSettings,
    private readonly source: MonitoringSource,
    private readonly write: (text: string) => void,
  ) {
    const { policy } = settings;
    this.#memoryRatio = memoryKey(policy);
    this.#memoryPool = `subset-${this.#memoryRatio}`;
    const { topology } = policy.settings;
    this.#hostCells = { cpu: topology.ids.length, mem: topology.topology.memory.allowedMiB };
  }

  timestamp(seconds: number): void {
    this.finishTick();
    this.#tick += 1;
    this.#stamp = String(seconds);
  }

  global(resource: Resource, value: string): void {
    this.#globals[resource] = printedText(value);
  }

  pool(resource: Resource, pool: string, value: string): void {
    const bucket = resource === "mem" ? this.#memory : this.#cpuPool(pool);
    bucket.value = printedText(value);
  }

  vm(row: VmRow, bytes: Buffer, from: number, to: number): void {
    const bucket = row.resource === "mem" ? this.#memory : this.#cpuPool(row.pool);
    bucket.add(row, printedValue(bytes, from, to), this.settings.hasRepeats);
  }

  /** Writes the records of the timestamp that is read; to be called once more at the end. */
  finishTick(): void {
    if (this.#tick < 0) return;
    const step = this.source.at(this.#tick);
    const stamp = this.#stamp;
    const heads = this.#headsAt(step);
    const { pools } = step.acted;
    let out = this.#globalLine("cpu");
    for (let i = 0; i < pools.length; i++) {
      const bucket = this.#cpuPool(poolName(pools[i]!.ratio));
      out += `${stamp}\tsubset\tcpu\t${bucket.value}\t${heads.cpu[i]!}\n`;
      out += this.#vmLines(bucket, `${stamp}\tvm\tcpu\t`);
    }
    out += this.#globalLine("mem");
    if (memoryPoolExists(step.acted.memory)) {
      out += `${stamp}\tsubset\tmem\t${this.#memory.value}\t${heads.memory}\n`;
      out += this.#vmLines(this.#memory, `${stamp}\tvm\tmem\t`);
    }
    this.write(out);
    for (const bucket of this.#cpuPools.values()) bucket.clear();
    this.#memory.clear();
    this.#globals = { cpu: "None", mem: "None" };
  }

  #cpuPool(name: string): Bucket {
    const known = this.#cpuPools.get(name);
    if (known !== undefined) return known;
    const bucket = new Bucket();
    this.#cpuPools.set(name, bucket);
    return bucket;
  }

  #globalLine(resource: Resource): string {
    const cells = `${this.#globals[resource]}\t${this.#hostCells[resource]}`;
    return `${this.#stamp}\tglobal\t${resource}\t${cells}\tNone\tNone\tNone\tNone\tNone\tNone\n`;
  }

  #vmLines(bucket: Bucket, start: string): string {
    const { rows, values } = bucket;
    let out = "";
    for (let i = 0; i < rows.length; i++) {
      const row = rows[i]!;
      row.rewritten ??= this.#rewrite(row);
      out += start + values[i]! + row.rewritten;
    }
    return out;
  }

  /** A VM's line after its value: sizes and name as the last records have them. */
  #rewrite(row: VmRow): string {
    const { vm } = row;
    const isCpu = row.resource === "cpu";
    const size = isCpu
      ? (vm.lastCpuRow ?? row).config
      : memoryMiBOf((vm.lastMemRow ?? row).config, this.settings.memoryUnit);
    const pool = isCpu ? row.pool : this.#memoryPool;
    const ratio = isCpu ? row.pool.replace(/^subset-/, "") : this.#memoryRatio;
    return `\t${size}\t${pool}\t${vm.uuid}\t${(vm.lastRow ?? row).name}\t${ratio}\tNone\tNone\n`;
  }

  /** The pools' lines after their values; the same until the next step. */
  #headsAt(step: ReplayStep): Heads {
    if (this.#heads?.step === step) return this.#heads;
    const { policy, texts } = this.settings;
    const { stray } = this.source;
    const pins = withStrayPins(policy.pins(step.acted), stray);
    const cpu = step.acted.pools.map((pool) => {
      const ratio = ratioKey(pool.ratio);
      const unused = policy.unusedPcpus(pool);
      return `${pool.pcpus.length}\tsubset-${ratio}\tNone\tNone\t${ratio}\t${unused}\t${texts.cpu(pool, pins)}`;
    });
    // Memory comes after the CPU pools have been observed: its VMs have the pins of then, dropped ones their last.
    const later = new Map([...stray, ...withStrayPins(policy.pins(step.host), stray)]);
    const { memory } = step.acted;
    const cells = `${memory.allocatedMiB}\t${this.#memoryPool}\tNone\tNone\t${this.#memoryRatio}\t0`;
    this.#heads = { step, cpu, memory: `${cells}\t${texts.memory(memory, later)}` };
    return this.#heads;
  }
}
