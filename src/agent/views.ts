/** How an agent shows itself: VMs, pools and status, from its state, its policy and its latest usage. Pure. */

import { cpuSetOf, formatCpuSet, intersectCpuSets } from "../core/cpuset.js";
import { type HostSummary, NO_CONSTRAINTS } from "../core/placement/model.js";
import { RoomCounter } from "../core/placement/room-for.js";
import { rulesOf } from "../core/placement/rules.js";
import { hostCounts } from "../core/placement/summary.js";
import { plural } from "../core/plural.js";
import { availableVcpus, exactRatio } from "../core/pool/exact-ratio.js";
import { type CpuPool, effectiveRatioOf, type HostState, runsOn, type VmSpec } from "../core/pool/model.js";
import { admissiblePcpus, type PoolPolicy } from "../core/pool/policy.js";
import { progress } from "../core/pool/progress.js";
import { isPlaced, type VmRecord } from "../core/reconcile/model.js";
import { type MiB, mib, type Ratio } from "../core/units.js";
import { barredBy } from "./admission.js";
import { type AgentContext, pinsOf } from "./context.js";
import type { PoolOutlook } from "./dynamic/pool-keeper.js";
import type { AgentStatus, Explanation, PoolDynamicsView, PoolView, VmView } from "./service.js";
import { type AgentState, isHidden } from "./state.js";
import { NO_USAGE, poolUsage, type UsageReport } from "./usage.js";

export function vmView(policy: PoolPolicy, host: HostState, vm: VmRecord, usage: UsageReport | null): VmView {
  const pins = isPlaced(vm) ? (pinsOf(policy, host).get(vm.name) ?? []) : [];
  const measured = vm.state === "stopped" ? undefined : usage?.vms.get(vm.name);
  return {
    name: vm.name,
    uuid: vm.uuid,
    state: vm.state,
    vcpus: vm.vcpus,
    memoryMiB: vm.memoryMiB,
    ratio: vm.ratio,
    vcpuRatios: vm.vcpuRatios,
    pins: pins.map(formatCpuSet),
    image: vm.image,
    deployedHere: vm.deployedHere,
    usage: measured
      ? { cpuPcpus: measured.cpuPcpus, waitPcpus: measured.waitPcpus, memoryMiB: measured.memoryMiB }
      : NO_USAGE,
  };
}

/** VMs that callers may see, by name. */
export const visibleVms = (state: AgentState): readonly VmRecord[] =>
  [...state.vms.values()].filter((vm) => !isHidden(state, vm)).sort((a, b) => (a.name < b.name ? -1 : 1));

/** How pools that follow their usage stand, by ratio; null: they do not follow it. */
export type Outlooks = ReadonlyMap<Ratio, PoolOutlook> | null;

export function poolView(
  policy: PoolPolicy,
  host: HostState,
  pool: CpuPool,
  usage: UsageReport | null,
  outlooks: Outlooks,
): PoolView {
  const used = usage === null ? { usagePcpus: null, waitPcpus: null } : poolUsage(pool, usage);
  return {
    ratio: pool.ratio,
    pcpus: formatCpuSet(cpuSetOf(pool.pcpus)),
    pcpuCount: pool.pcpus.length,
    allocatedVcpus: pool.allocatedVcpus,
    freeVcpus: roomIn(policy, host, pool),
    vms: pool.members.map((member) => member.vm),
    pinnedTo: formatCpuSet(runsOn(pool)),
    ...used,
    ...(pool.ratio === 1 || (outlooks === null && pool.dynamics === undefined)
      ? {}
      : { dynamics: dynamicsView(pool, outlooks) }),
  };
}

const dynamicsView = (pool: CpuPool, outlooks: Outlooks): PoolDynamicsView => ({
  effectiveRatio: effectiveRatioOf(pool),
  activePcpus: pool.runsOn === undefined ? pool.pcpus.length : intersectCpuSets(pool.runsOn, pool.pcpus).length,
  ...(outlooks?.get(pool.ratio) ?? {
    expectedPeakPcpus: null,
    leastRatio: pool.ratio,
    mostRatio: pool.ratio,
    lastMove: null,
  }),
});

/** Whole vCPUs that the pool takes before it has to grow; a pool above its ratio (while it shares) has none. */
function roomIn(policy: PoolPolicy, host: HostState, pool: CpuPool): number {
  const own = Math.max(
    0,
    Math.floor(availableVcpus(pool.pcpus.length, pool.allocatedVcpus, exactRatio(effectiveRatioOf(pool)))),
  );
  return Math.min(own, policy.freeVcpus(host, pool.ratio));
}

/** What the views cannot know from the state alone. */
export interface StatusFacts {
  readonly hostname: string;
  readonly hypervisor: AgentStatus["hypervisor"];
  readonly lastTick: AgentStatus["lastTick"];
  readonly problems: readonly string[];
  readonly generation: number;
  /** What estimates leave for more VMs; null: the pools' count is all. */
  readonly roomMiB: number | null;
  readonly outlooks: Outlooks;
}

export function statusView(
  policy: PoolPolicy,
  state: AgentState,
  usage: UsageReport | null,
  facts: StatusFacts,
): AgentStatus {
  const { host } = state;
  const { memory } = host;
  const free = admissiblePcpus(policy, host);
  const inPools = host.pools.reduce((sum, pool) => sum + pool.pcpus.length, 0);
  const total = policy.settings.topology.ids.length;
  return {
    host: facts.hostname,
    policy: policy.name,
    template: policy.settings.template,
    hypervisor: facts.hypervisor,
    generation: facts.generation,
    cordoned: state.cordoned,
    // What pools may want back is kept, too.
    pcpus: { total, reserved: total - free - inPools, free, inPools },
    memory: {
      capacityMiB: memory.capacityMiB,
      allocatedMiB: memory.allocatedMiB,
      freeMiB: freeMiB(host, facts.roomMiB),
    },
    usage: usage === null ? { cpuPcpus: null, memoryMiB: null } : usage.host,
    pools: host.pools.map((pool) => poolView(policy, host, pool, usage, facts.outlooks)),
    vmCount: visibleVms(state).length,
    lastTick: facts.lastTick,
    problems: facts.problems,
  };
}

const freeMiB = ({ memory }: HostState, roomMiB: number | null): MiB =>
  mib(Math.max(0, Math.min(memory.capacityMiB - memory.allocatedMiB, Math.floor(roomMiB ?? memory.capacityMiB))));

/** By counts, as a scheduler counts it: at least the one that fits. */
const roomOf = (policy: PoolPolicy, host: HostState, { vcpus, memoryMiB, ratio }: VmSpec): number =>
  Math.max(1, new RoomCounter(NO_WEIGHTS, { vcpus, memoryMiB, ratio }, NO_CONSTRAINTS).on(aloneSummary(policy, host)));

const NO_WEIGHTS = rulesOf({});

/** The host as placement would see it if nothing but its pools and its memory counted. */
const aloneSummary = (policy: PoolPolicy, host: HostState): HostSummary => ({
  ...hostCounts(policy, host),
  id: "",
  state: "up",
  cordoned: false,
  ratiosOffered: null,
  labels: {},
  images: null,
  antiAffinityGroups: [],
  forecast: null,
  generation: 0,
});

/** What a deploy of this VM would be answered, and what it would do to the pools. Changes nothing. */
export function explanation(
  { policy, store: { state }, memory }: AgentContext,
  vm: VmSpec,
  usage: UsageReport | null,
  outlooks: Outlooks,
): Explanation {
  const { host } = state;
  const decided = barredBy(state, vm.name) ?? memory.admit(state, vm, policy.deploy(host, vm));
  const facts = { growth: policy.growth(host, vm), progress: progress(host, policy, vm) };
  if (!decided.ok) {
    return { fits: false, room: 0, reason: decided.refusal.reason, code: decided.refusal.code, ...facts, pools: null };
  }
  const after = decided.value;
  const taken = facts.growth.pcpus === 0 ? "its pools have the room" : `its pools grow by ${facts.growth.pcpus} pCPUs`;
  return {
    fits: true,
    room: roomOf(policy, host, vm),
    reason: `${plural(vm.vcpus, "vCPU")} and ${vm.memoryMiB} MiB fit: ${taken}`,
    code: null,
    ...facts,
    pools: after.pools.map((pool) => poolView(policy, after, pool, usage, outlooks)),
  };
}
