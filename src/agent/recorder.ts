/**
 * Records a live host as a trace (spec 3), so that what the agent decided can be replayed: a picture of all pools and VMs at
 * every tick, and one after every change between ticks.
 *
 * A replay deploys what a timestamp shows anew and then removes what it no longer shows. So that it meets the changes in
 * the order in which they were made, each change gets a timestamp of its own: the format has whole seconds, and within a
 * burst the stamps run ahead of the clock (by as many seconds as there were changes in one) until it has caught up. A
 * VM that stopped and started again is written under another uuid, since a replay admits each uuid once. A VM's size is
 * that of its last record, as the format has it: a replay sees a resized VM in its final size from the start.
 */
import { exactRatio, unusedPcpus } from "../core/pool/exact-ratio.js";
import type { CpuPool, HostState, PoolMember } from "../core/pool/model.js";
import type { PoolPolicy } from "../core/pool/policy.js";
import { memoryKey, ratioKey } from "../core/pool/status.js";
import type { VmRecords } from "../core/reconcile/model.js";
import type { Milliseconds } from "../core/units.js";
import type { AppendFile } from "../ports/append-file.js";
import type { TraceRecord } from "../trace/record.js";
import { formatTraceRecord, TRACE_HEADER } from "../trace/writer.js";
import type { AgentState } from "./state.js";
import { poolUsage, type UsageReport } from "./usage.js";

/** One picture to write. */
export interface Recorded {
  /** Whole seconds. */
  readonly timestamp: number;
  readonly host: HostState;
  /** Uuid under which a VM is written. */
  readonly uuidOf: (vm: string) => string;
  readonly usage: UsageReport | null;
}

export class Recorder {
  private lastStamp = Number.NEGATIVE_INFINITY;
  private lastGeneration = -1;
  /** By uuid: which of its lives it is in, and whether it was in the last picture. */
  private readonly lives = new Map<string, { life: number; shown: boolean }>();

  constructor(private readonly file: AppendFile) {
    if (file.startedEmpty) file.append(TRACE_HEADER);
  }

  /** `at`: milliseconds since the epoch. Nothing is written twice in a second without a change. Throws `state-not-written`. */
  record(policy: PoolPolicy, state: AgentState, usage: UsageReport | null, at: Milliseconds): void {
    const now = Math.floor(at / 1000);
    const changed = state.generation !== this.lastGeneration;
    if (!changed && now <= this.lastStamp) return;
    this.lastGeneration = state.generation;
    this.lastStamp = Math.max(now, this.lastStamp + 1);
    this.followLives(state);
    const uuidOf = (vm: string): string => this.writtenUuid(state.vms, vm);
    const records = hostRecords(policy, { timestamp: this.lastStamp, host: state.host, uuidOf, usage });
    this.file.append(records.map(formatTraceRecord).join(""));
  }

  /** Writes out what is queued, and closes the file. */
  close(): Promise<void> {
    return this.file.close();
  }

  private followLives(state: AgentState): void {
    const shown = new Set(state.host.memory.members.map((vm) => state.vms.get(vm.name)?.uuid ?? vm.name));
    for (const uuid of shown) {
      const known = this.lives.get(uuid);
      if (known === undefined) this.lives.set(uuid, { life: 1, shown: true });
      else if (!known.shown) this.lives.set(uuid, { life: known.life + 1, shown: true });
    }
    for (const [uuid, known] of this.lives) known.shown = shown.has(uuid);
  }

  private writtenUuid(vms: VmRecords, vm: string): string {
    const uuid = vms.get(vm)?.uuid ?? vm;
    const life = this.lives.get(uuid)?.life ?? 1;
    return life === 1 ? uuid : `${uuid}#${life}`;
  }
}

/** All records of one timestamp, in the order of the format. Pure. */
export function hostRecords(policy: PoolPolicy, recorded: Recorded): readonly TraceRecord[] {
  return [...cpuRecords(policy, recorded), ...memoryRecords(policy, recorded)];
}

function cpuRecords(policy: PoolPolicy, { timestamp, host, uuidOf, usage }: Recorded): TraceRecord[] {
  const total = policy.settings.topology.ids.length;
  const used = usage?.host.cpuPcpus ?? null;
  const records = [globalRecord(timestamp, "cpu", used === null ? null : used / total, total)];
  for (const pool of host.pools) {
    const name = `subset-${ratioKey(pool.ratio)}`;
    const common = { ...EMPTY, timestamp, resource: "cpu", pool: name, ratio: pool.ratio } as const;
    const value = usage === null ? null : poolUsage(pool, usage).usagePcpus;
    records.push({ ...common, kind: "subset", value, config: pool.pcpus.length, unused: unusedIn(pool) });
    for (const member of pool.members) {
      records.push({
        ...common,
        kind: "vm",
        value: memberUsage(member, usage),
        config: vcpusOf(host, member.vm),
        vmUuid: uuidOf(member.vm),
        vmName: member.vm,
      });
    }
  }
  return records;
}

function memoryRecords(policy: PoolPolicy, { timestamp, host, uuidOf, usage }: Recorded): TraceRecord[] {
  const { capacityMiB, allocatedMiB, members } = host.memory;
  const used = usage?.host.memoryMiB ?? null;
  const value = used === null || capacityMiB === 0 ? null : used / capacityMiB;
  const records = [globalRecord(timestamp, "mem", value, Math.floor(capacityMiB))];
  if (members.length === 0 && host.memory.opened !== true) return records;
  const common = { ...EMPTY, timestamp, resource: "mem", pool: `subset-${memoryKey(policy)}`, ratio: 1 } as const;
  records.push({ ...common, kind: "subset", value, config: Math.ceil(allocatedMiB), unused: 0 });
  for (const vm of members) {
    const usedMiB = usage?.vms.get(vm.name)?.memoryMiB ?? null;
    records.push({
      ...common,
      kind: "vm",
      value: usedMiB === null ? null : usedMiB / vm.memoryMiB,
      config: Math.ceil(vm.memoryMiB),
      vmUuid: uuidOf(vm.name),
      vmName: vm.name,
    });
  }
  return records;
}

const EMPTY = { pool: null, vmUuid: null, vmName: null, ratio: null, unused: null, description: null } as const;

const globalRecord = (
  timestamp: number,
  resource: "cpu" | "mem",
  value: number | null,
  config: number,
): TraceRecord => ({
  ...EMPTY,
  timestamp,
  kind: "global",
  resource,
  value,
  config,
});

/** A fraction of the vCPUs that the VM has in the pool. */
function memberUsage(member: PoolMember, usage: UsageReport | null): number | null {
  const vcpus = usage?.vms.get(member.vm)?.vcpus;
  if (vcpus === undefined) return null;
  let sum: number | null = null;
  for (const index of member.vcpuIndexes) {
    const one = vcpus.get(index)?.cpuPcpus ?? null;
    if (one !== null) sum = (sum ?? 0) + one;
  }
  return sum === null ? null : sum / member.vcpuIndexes.length;
}

/** vCPUs of the whole VM: a reader takes the size from any of its records. */
const vcpusOf = (host: HostState, vm: string): number =>
  host.memory.members.find((member) => member.name === vm)?.vcpus ?? 0;

function unusedIn(pool: CpuPool): number {
  const largest = pool.members.reduce((most, member) => Math.max(most, member.vcpuIndexes.length), 0);
  return unusedPcpus(pool.pcpus.length, pool.allocatedVcpus, largest, exactRatio(pool.ratio));
}
