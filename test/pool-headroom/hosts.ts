/** Hosts of many shapes for the pool tests, and a policy on them. */
import { headroomPolicy } from "../../src/core/pool/headroom/policy.js";
import type { HostState, VmSpec } from "../../src/core/pool/model.js";
import type { PolicySettings, PoolPolicy } from "../../src/core/pool/policy.js";
import type { Result } from "../../src/core/result.js";
import { indexTopology } from "../../src/core/topology/index-topology.js";
import type { Pcpu, Topology, TopologyIndex } from "../../src/core/topology/model.js";
import { buildTopology, presetTopology } from "../../src/core/topology/presets.js";
import { mib, type Ratio, ratio } from "../../src/core/units.js";

const GIB = 1024;

const shape = (packages: number, cellsPerPackage: number, coresPerCell: number, threads: number, coresPerL3: number) =>
  buildTopology({
    packages,
    cellsPerPackage,
    coresPerCell,
    threadsPerCore: threads,
    coresPerL3,
    memoryMiB: mib(256 * GIB),
  });

/** Two P cores with two threads, four E cores with one and a shared L2, one L3 for all; ids as Linux gives them. */
function hybrid(): Topology {
  const pcpu = (id: number, siblings: number[], l2: number): Pcpu => ({
    id,
    packageId: 0,
    cellId: 0,
    smtSiblings: siblings,
    packageSiblings: [0, 1, 2, 3, 4, 5, 6, 7].filter((other) => other !== id),
    caches: [
      { index: 0, level: 1, domain: siblings.length > 0 ? Math.min(id, ...siblings) : id },
      { index: 1, level: 2, domain: l2 },
      { index: 2, level: 3, domain: 0 },
    ],
    maxFrequencyKHz: null,
  });
  const pcpus = [
    ...[0, 2].flatMap((id) => [pcpu(id, [id + 1], id), pcpu(id + 1, [id], id)]),
    ...[4, 5, 6, 7].map((id) => pcpu(id, [], 4)),
  ];
  const memory = { totalMiB: mib(32 * GIB), allowedMiB: mib(32 * GIB) };
  return { pcpus, totalPcpus: 8, cells: [{ id: 0, distances: new Map([[0, 10]]), memoryMiB: null }], memory };
}

const index = (topology: Topology): TopologyIndex => indexTopology(topology);

/** Two packages with two L3 groups each, two cores of two threads in a group: 16 pCPUs; siblings are n and n + 8. */
export const SMALL = index(shape(2, 1, 4, 2, 2));
export const EPYC = index(presetTopology("epyc-7662-2s")!);

export const HOSTS: ReadonlyMap<string, TopologyIndex> = new Map([
  ["one pCPU", index(shape(1, 1, 1, 1, 1))],
  ["i7-1185g7", index(presetTopology("i7-1185g7")!)],
  ["no SMT, one L3", index(shape(1, 1, 6, 1, 6))],
  ["hybrid", index(hybrid())],
  ["2 packages, 4 L3 groups", SMALL],
  ["4 cells in a package, threads of 4", index(shape(1, 4, 4, 4, 2))],
  ["EPYC 7662, 256 pCPUs", EPYC],
]);

export const policyOn = (topology: TopologyIndex, settings: Partial<PolicySettings> = {}): PoolPolicy =>
  headroomPolicy({ topology, criticalSize: 0, template: null, hostPcpus: [], ...settings });

export const vm = (name: string, vcpus: number, asked: number | null, memoryMiB = 1): VmSpec => ({
  name,
  vcpus,
  memoryMiB: mib(memoryMiB),
  ratio: asked === null ? null : ratio(asked),
});

export function accepted<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(`refused: ${result.refusal.reason}`);
  return result.value;
}

/** The host after the VMs were deployed one after another. */
export const deployed = (policy: PoolPolicy, vms: readonly VmSpec[], host = policy.initial()): HostState =>
  vms.reduce((state, one) => accepted(policy.deploy(state, one)), host);

export function pool(host: HostState, asked: number) {
  const found = host.pools.find((one) => one.ratio === asked);
  if (found === undefined) throw new Error(`no pool of ratio ${asked}`);
  return found;
}

/** Vcpus of VMs on both hosts that are pinned elsewhere on the second. */
export function repinned(policy: PoolPolicy, before: HostState, after: HostState): number {
  const old = policy.pins(before);
  let count = 0;
  for (const [name, sets] of policy.pins(after)) {
    sets.forEach((set, i) => {
      const had = old.get(name)?.[i];
      if (had !== undefined && had.join() !== set.join()) count++;
    });
  }
  return count;
}

/** Cores and L3 groups whose pCPUs more than one pool is pinned to. */
export function sharedParts(topology: TopologyIndex, host: HostState): { cores: number; groups: number } {
  const count = (partOf: Uint16Array): number => {
    const pools = new Map<number, Set<Ratio>>();
    for (const one of host.pools)
      for (const id of one.pinnedTo) {
        const part = partOf[topology.positionOf.get(id)!]!;
        pools.set(part, (pools.get(part) ?? new Set()).add(one.ratio));
      }
    return [...pools.values()].filter((set) => set.size > 1).length;
  };
  return { cores: count(topology.coreOf), groups: count(topology.l3Of) };
}
