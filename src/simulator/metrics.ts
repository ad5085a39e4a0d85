/** What a cluster looks like at a moment, and the table that moments make. */
import type { SimulatedCluster } from "./cluster.js";
import type { Steal, StealMeter } from "./steal.js";
import type { Tenants } from "./tenants.js";

export interface Sample {
  /** Seconds since the workload began. */
  readonly at: number;
  readonly hosts: number;
  readonly hostsInUse: number;
  readonly vms: number;
  readonly vcpus: number;
  readonly pcpus: { readonly total: number; readonly inPools: number; readonly used: number };
  readonly memoryMiB: { readonly total: number; readonly allocated: number };
  /** Of all hosts; of hosts in use. */
  readonly unallocatedPercent: Unallocated;
  readonly unallocatedInUsePercent: Unallocated;
  readonly placed: number;
  readonly removed: number;
  readonly refused: number;
  readonly unanswered: number;
  readonly pinChanges: number;
  readonly migrations: number;
  /** By ratio, since the sample before; null: no VM. */
  readonly steal: Readonly<Record<string, Steal | null>>;
}

interface Unallocated {
  readonly cpu: number;
  readonly memory: number;
}

interface Sums {
  hosts: number;
  pcpus: number;
  inPools: number;
  memory: number;
  allocated: number;
}

const noSums = (): Sums => ({ hosts: 0, pcpus: 0, inPools: 0, memory: 0, allocated: 0 });

const freePercent = (total: number, used: number): number => (total === 0 ? 0 : (100 * (total - used)) / total);

const unallocated = ({ pcpus, inPools, memory, allocated }: Sums): Unallocated => ({
  cpu: freePercent(pcpus, inPools),
  memory: freePercent(memory, allocated),
});

export interface Measured {
  readonly cluster: SimulatedCluster;
  readonly tenants: Tenants;
  readonly steal: StealMeter;
  readonly migrations: number;
}

export function takeSample(at: number, elapsedMs: number, { cluster, tenants, steal, migrations }: Measured): Sample {
  const [all, inUse] = [noSums(), noSums()];
  let [vms, vcpus, pinChanges] = [0, 0, 0];
  for (const machine of cluster.machines) {
    machine.world.catchUp();
    pinChanges += machine.pinChanges;
    const { pools, memory } = machine.state;
    const pcpus = machine.policy.settings.topology.topology.pcpus.length;
    const inPools = pools.reduce((sum, pool) => sum + pool.pcpus.length, 0);
    vms += memory.members.length;
    vcpus += pools.reduce((sum, pool) => sum + pool.allocatedVcpus, 0);
    for (const sums of memory.members.length === 0 ? [all] : [all, inUse]) {
      sums.hosts++;
      sums.pcpus += pcpus;
      sums.inPools += inPools;
      sums.memory += memory.capacityMiB;
      sums.allocated += memory.allocatedMiB;
    }
  }
  const { usedMs, steal: byRatio } = steal.takeWindow();
  const { placed, removed, refused, givenUp } = tenants.counts;
  return {
    at,
    hosts: all.hosts,
    hostsInUse: inUse.hosts,
    vms,
    vcpus,
    pcpus: { total: all.pcpus, inPools: all.inPools, used: elapsedMs === 0 ? 0 : usedMs / elapsedMs },
    memoryMiB: { total: all.memory, allocated: all.allocated },
    unallocatedPercent: unallocated(all),
    unallocatedInUsePercent: unallocated(inUse),
    placed,
    removed,
    refused,
    unanswered: givenUp,
    pinChanges,
    migrations,
    steal: byRatio,
  };
}

const FIGURES = [
  "at",
  "hosts",
  "hostsInUse",
  "vms",
  "vcpus",
  "placed",
  "removed",
  "refused",
  "unanswered",
  "pinChanges",
  "migrations",
] as const satisfies readonly (keyof Sample)[];
const GROUPS = ["pcpus", "memoryMiB", "unallocatedPercent", "unallocatedInUsePercent"] as const;
const STEAL = ["meanPercent", "p99Percent", "mostPercent", "unmetPercent"] as const;

/** Columns of the table: every figure of a sample, groups as `group.figure`. */
export function sampleHeader(sample: Sample): string {
  const groups = GROUPS.flatMap((group) => Object.keys(sample[group]).map((name) => `${group}.${name}`));
  const steal = Object.keys(sample.steal).flatMap((ratio) => STEAL.map((name) => `steal.${ratio}.${name}`));
  return `${[...FIGURES, ...groups, ...steal].join(",")}\n`;
}

export function sampleRow(sample: Sample): string {
  const groups = GROUPS.flatMap((group) => Object.values(sample[group]) as readonly number[]);
  const steal = Object.values(sample.steal).flatMap((one) => STEAL.map((name) => (one === null ? "" : one[name])));
  return `${[...FIGURES.map((name) => sample[name]), ...groups, ...steal].map(shown).join(",")}\n`;
}

const shown = (value: number | ""): string => (value === "" ? "" : String(Number(value.toFixed(4))));
