/**
 * How well the policies lay pools out: the same arrivals and departures (pool-load.ts, several seeds) on the same hosts.
 * Means over time after the host has filled:
 *   pins      vCPUs of running VMs pinned anew, for each VM that asks to be deployed (departures counted too)
 *   cores, L3 cores and L3 groups whose pCPUs the VMs of more than one pool are pinned to
 *   refused   share of the deploys that were refused
 *   lost      share of the deploys that were refused although exact arithmetic fits them beside the VMs on the host
 *   sold      pCPUs' worth of vCPUs on the host (vCPUs / ratio)
 *   wasted    pCPUs in pools beyond what their VMs need at the ratio; nobody gets them
 * Where two policies once decide differently, what they refuse later is no longer comparable one by one: a host that took
 * one VM of 16 vCPUs refuses ten of 1 afterwards. `lost` and `sold` are. Memory never binds here. The last rows of each host are `headroom` with packing after every 20th request (a tick).
 */
import { equalCpuSets } from "../../src/core/cpuset.js";
import { exactRatio, poolSize } from "../../src/core/pool/exact-ratio.js";
import type { CpuPool, HostState, VmSpec } from "../../src/core/pool/model.js";
import type { PolicyName, PoolPolicy } from "../../src/core/pool/policy.js";
import { createPolicy } from "../../src/core/pool/registry.js";
import { rebuildHost } from "../../src/core/pool/restore.js";
import { indexTopology } from "../../src/core/topology/index-topology.js";
import type { Topology, TopologyIndex } from "../../src/core/topology/model.js";
import { buildTopology, presetTopology } from "../../src/core/topology/presets.js";
import { mib, type Ratio, ratio } from "../../src/core/units.js";
import { type Event, eventsOf, RATIOS_1_2_3, type Weighted } from "./pool-load.js";
import { printTable } from "./table.js";

const SEEDS = [1, 2, 3, 4];
const DEPLOYS = 1200;
/** The first half fills the host. */
const MEASURED_FROM = DEPLOYS / 2;
const REQUESTS_PER_TICK = 20;
const WITH_DECIMALS: Weighted<Ratio> = [1, 1.5, 2.6].map((value) => [1, ratio(value)]);
const TEMPLATE = WITH_DECIMALS.map(([, value]) => value);

interface Tally {
  deploys: number;
  refused: number;
  lost: number;
  sold: number;
  pins: number;
  moments: number;
  sharedCores: number;
  sharedGroups: number;
  wasted: number;
}

/** vCPUs of members on both sides whose CPU set differs. */
function pinsChanged(before: HostState, after: HostState): number {
  let changed = 0;
  for (const pool of after.pools) {
    const old = before.pools.find((one) => one.ratio === pool.ratio);
    if (old === undefined || old === pool || equalCpuSets(old.pinnedTo, pool.pinnedTo)) continue;
    const had = new Map(old.members.map((member) => [member.vm, member.vcpuIndexes.length]));
    for (const { vm, vcpuIndexes } of pool.members) changed += Math.min(had.get(vm) ?? 0, vcpuIndexes.length);
  }
  return changed;
}

function sharedParts(pools: readonly CpuPool[], topology: TopologyIndex, partOf: Uint16Array, parts: number): number {
  const first = new Int16Array(parts).fill(-1);
  const shared = new Uint8Array(parts);
  pools.forEach((pool, index) => {
    if (pool.members.length === 0) return;
    for (const id of pool.pinnedTo) {
      const part = partOf[topology.positionOf.get(id)!]!;
      if (first[part] === -1) first[part] = index;
      else if (first[part] !== index) shared[part] = 1;
    }
  });
  return shared.reduce((sum, one) => sum + one, 0);
}

function wastedPcpus(pools: readonly CpuPool[]): number {
  let wasted = 0;
  for (const { pcpus, members, allocatedVcpus, ratio: sold } of pools) {
    const largest = members.reduce((most, member) => Math.max(most, member.vcpuIndexes.length), 0);
    wasted += pcpus.length - poolSize(allocatedVcpus, largest, exactRatio(sold));
  }
  return wasted;
}

/** Whether exact arithmetic takes the VM beside those on the host. */
function wouldFit(exact: PoolPolicy, host: HostState, vm: VmSpec): boolean {
  const ratiosOf = new Map<string, Ratio[]>(host.memory.members.map((member) => [member.name, []]));
  for (const pool of host.pools)
    for (const member of pool.members)
      for (const index of member.vcpuIndexes) ratiosOf.get(member.vm)![index] = pool.ratio;
  const observed = host.memory.members.map((one) => ({ vm: one, vcpuRatios: ratiosOf.get(one.name)!, pins: [] }));
  return exact.deploy(rebuildHost(exact, observed, mib(1e9)).host, vm).ok;
}

function play(policy: PoolPolicy, events: readonly Event[], packs: boolean, tally: Tally): void {
  const { topology } = policy.settings;
  const exact = createPolicy("headroom", policy.settings);
  let host = policy.initial(mib(1e9));
  let deploys = 0;
  for (const [index, event] of events.entries()) {
    const result = event.op === "deploy" ? policy.deploy(host, event.vm) : policy.remove(host, event.name);
    let next = result.ok ? result.value : host;
    if (packs && index % REQUESTS_PER_TICK === 0) next = policy.repack?.(next).host ?? next;
    if (event.op === "deploy") deploys++;
    if (deploys > MEASURED_FROM) {
      if (event.op === "deploy") {
        tally.deploys++;
        if (!result.ok) tally.refused++;
        if (!result.ok && wouldFit(exact, host, event.vm)) tally.lost++;
      }
      tally.moments++;
      tally.pins += pinsChanged(host, next);
      tally.sharedCores += sharedParts(next.pools, topology, topology.coreOf, topology.coreCount);
      tally.sharedGroups += sharedParts(next.pools, topology, topology.l3Of, topology.l3Count);
      tally.sold += next.pools.reduce((sum, pool) => sum + pool.allocatedVcpus / pool.ratio, 0);
      tally.wasted += wastedPcpus(next.pools);
    }
    host = next;
  }
}

interface Contender {
  readonly title: string;
  readonly policy: PolicyName;
  readonly packs?: boolean;
}

const PER_VM: readonly Contender[] = [
  { title: "slackvm", policy: "slackvm" },
  { title: "vmstack", policy: "vmstack" },
  { title: "headroom", policy: "headroom" },
  { title: "headroom, packing", policy: "headroom", packs: true },
];
const PER_VCPU: readonly Contender[] = [
  { title: "sweetspotvm, template", policy: "sweetspotvm" },
  { title: "headroom, template", policy: "headroom" },
];

function rowOf(topology: TopologyIndex, load: number, contender: Contender, ratios: Weighted<Ratio> | null): string[] {
  const template = ratios === null ? TEMPLATE : null;
  const policy = createPolicy(contender.policy, { topology, criticalSize: 0, template, hostPcpus: [] });
  const tally = {
    deploys: 0,
    refused: 0,
    lost: 0,
    sold: 0,
    pins: 0,
    moments: 0,
    sharedCores: 0,
    sharedGroups: 0,
    wasted: 0,
  };
  const pcpus = topology.ids.length;
  for (const seed of SEEDS) {
    const events = eventsOf({
      seed,
      load,
      pcpus,
      deploys: DEPLOYS,
      ratios: ratios ?? WITH_DECIMALS,
      perVcpu: template !== null,
      mostVcpus: Math.min(16, Math.ceil(pcpus / 2)),
    });
    play(policy, events, contender.packs === true, tally);
  }
  const perMoment = (sum: number): string => (sum / tally.moments).toFixed(2);
  return [
    `${load.toFixed(1)}   ${contender.title}`,
    (tally.pins / tally.deploys).toFixed(2),
    perMoment(tally.sharedCores),
    perMoment(tally.sharedGroups),
    `${((100 * tally.refused) / tally.deploys).toFixed(2)} %`,
    `${((100 * tally.lost) / tally.deploys).toFixed(2)} %`,
    (tally.sold / tally.moments).toFixed(1),
    perMoment(tally.wasted),
  ];
}

const shape = (packages: number, cellsPerPackage: number, coresPerCell: number, coresPerL3: number): Topology =>
  buildTopology({ packages, cellsPerPackage, coresPerCell, threadsPerCore: 2, coresPerL3, memoryMiB: mib(1e6) });

const HOSTS: readonly (readonly [title: string, Topology, loads: readonly number[]])[] = [
  ["2 x EPYC 7662: 256 pCPUs, 32 L3 groups of 8", presetTopology("epyc-7662-2s")!, [0.4, 0.7, 0.9, 1.2]],
  ["1 package, 4 cells: 192 pCPUs, 12 L3 groups of 16", shape(1, 4, 24, 8), [0.7, 1.2]],
  ["2 packages: 128 pCPUs, 2 L3 groups of 64", shape(2, 1, 32, 32), [0.7, 1.2]],
  ["i7-1185G7: 8 pCPUs, 1 L3 group", presetTopology("i7-1185g7")!, [0.7, 1.2]],
];
const HEADER = ["load  policy", "pins", "cores", "L3", "refused", "lost", "sold", "wasted"];

for (const [title, host, loads] of HOSTS) {
  const topology = indexTopology(host);
  const table = (ratios: Weighted<Ratio> | null, contenders: readonly Contender[]): void =>
    printTable(
      HEADER,
      loads.flatMap((load) => contenders.map((contender) => rowOf(topology, load, contender, ratios))),
    );
  console.log(`${title}\n\nratios 1, 2, 3 in equal parts`);
  table(RATIOS_1_2_3, PER_VM);
  console.log("\nratios 1, 1.5, 2.6 in equal parts");
  table(WITH_DECIMALS, PER_VM);
  console.log("\ntemplate 1, 1.5, 2.6");
  table(null, PER_VCPU);
  console.log("");
}
