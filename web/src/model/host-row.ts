/** A host as the dashboard shows it, whether a scheduler tells of it or its own agent. Pure. */

import type { ClusterHostPage } from "../../../src/http/scheduler/schemas/answers.js";
import type { HostAnswer } from "../../../src/http/schemas/answers.js";

export type ClusterHost = ClusterHostPage["items"][number];
export type PoolRow = HostAnswer["pools"][number];

export interface HostRow {
  readonly id: string;
  /** Where its agent answers; null: it is the agent that we speak to. */
  readonly url: string | null;
  readonly state: "up" | "suspect" | "down" | "new";
  readonly silenceMs: number | null;
  readonly cordoned: boolean;
  readonly draining: boolean;
  readonly vmCount: number;
  readonly reserved: number;
  readonly policy: string;
  readonly hypervisor: string;
  readonly pcpus: {
    readonly total: number;
    readonly reserved: number;
    readonly free: number;
    readonly inPools: number;
  };
  readonly memory: { readonly capacityMiB: number; readonly allocatedMiB: number };
  readonly usagePcpus: number | null;
  readonly usageMiB: number | null;
  readonly pools: readonly PoolRow[];
  readonly problems: readonly string[];
}

const NOTHING_KNOWN = {
  policy: "",
  hypervisor: "",
  pcpus: { total: 0, reserved: 0, free: 0, inPools: 0 },
  memory: { capacityMiB: 0, allocatedMiB: 0 },
  usagePcpus: null,
  usageMiB: null,
  pools: [],
} as const;

type Status = Pick<HostAnswer, "policy" | "hypervisor" | "pcpus" | "memory" | "usage" | "pools">;

const seen = ({ policy, hypervisor, pcpus, memory, usage, pools }: Status) => ({
  policy,
  hypervisor: hypervisor.connected ? hypervisor.accelerator : `${hypervisor.accelerator}, not reachable`,
  pcpus,
  memory,
  usagePcpus: usage.cpuPcpus,
  usageMiB: usage.memoryMiB,
  // By ratio, so that bars of different hosts can be compared; agents list them as they were made.
  pools: [...pools].sort((a, b) => (a.ratio ?? 0) - (b.ratio ?? 0)),
});

export const rowOfClusterHost = (host: ClusterHost): HostRow => ({
  id: host.id,
  url: host.url,
  state: host.state,
  silenceMs: host.silence,
  cordoned: host.cordoned || host.agentCordoned,
  draining: host.draining,
  vmCount: host.vmCount,
  reserved: host.reserved,
  problems: [...host.problems, ...(host.status?.problems ?? [])],
  ...(host.status === null ? NOTHING_KNOWN : seen(host.status)),
});

export const rowOfAgentHost = (host: HostAnswer): HostRow => ({
  id: host.id,
  url: null,
  state: "up",
  silenceMs: 0,
  cordoned: host.cordoned,
  draining: false,
  vmCount: host.vmCount,
  reserved: 0,
  problems: host.problems,
  ...seen(host),
});

/** Share of the pCPUs that pools hold, 0 to 1. */
export const fillOf = ({ pcpus }: HostRow): number => {
  const usable = pcpus.inPools + pcpus.free;
  return usable > 0 ? pcpus.inPools / usable : 0;
};

/** pCPUs' worth of time that vCPUs wanted and did not get, over all pools. */
export const waitOf = ({ pools }: HostRow): number => pools.reduce((sum, pool) => sum + (pool.waitPcpus ?? 0), 0);

export type Stress = "calm" | "busy" | "suffering";

/**
 * What guests feel. Suffering: they wait for more than a twentieth of what the pools have, or the host is not heard of: the
 * share at which steal shows in applications' tail latency. Busy: they wait for a hundredth, or use nine tenths of the pools.
 */
export function stressOf(row: HostRow): Stress {
  const pooled = row.pcpus.inPools;
  if (row.state === "down") return "suffering";
  if (pooled === 0) return "calm";
  const waiting = waitOf(row) / pooled;
  if (waiting > 0.05) return "suffering";
  if (waiting > 0.01 || (row.usagePcpus ?? 0) > 0.9 * pooled || row.state === "suspect") return "busy";
  return "calm";
}

/** In words, for tiles, tables and screen readers. */
export function stateText(row: HostRow): string {
  if (row.state === "down" || row.state === "suspect") return row.state;
  if (row.state === "new") return "not heard of yet";
  if (row.draining) return "draining";
  if (row.cordoned) return "cordoned";
  return "up";
}

export interface Totals {
  readonly pcpus: number;
  readonly pooled: number;
  readonly allocatedVcpus: number;
  readonly usedPcpus: number;
  readonly memoryMiB: number;
  readonly allocatedMiB: number;
  readonly usedMiB: number;
  readonly vms: number;
}

export function totalsOf(rows: readonly HostRow[]): Totals {
  const sum = (of: (row: HostRow) => number): number => rows.reduce((total, row) => total + of(row), 0);
  return {
    pcpus: sum(({ pcpus }) => pcpus.inPools + pcpus.free),
    pooled: sum(({ pcpus }) => pcpus.inPools),
    allocatedVcpus: sum(({ pools }) => pools.reduce((total, pool) => total + pool.allocatedVcpus, 0)),
    usedPcpus: sum(({ usagePcpus }) => usagePcpus ?? 0),
    memoryMiB: sum(({ memory }) => memory.capacityMiB),
    allocatedMiB: sum(({ memory }) => memory.allocatedMiB),
    usedMiB: sum(({ usageMiB }) => usageMiB ?? 0),
    vms: sum(({ vmCount }) => vmCount),
  };
}

/** Those that need a person first: silent, then suffering, then problems; then by name. */
export function byTrouble(rows: readonly HostRow[]): readonly HostRow[] {
  const rank = (row: HostRow): number =>
    ({ down: 0, suspect: 1, new: 3, up: 4 })[row.state] -
    (stressOf(row) === "suffering" ? 2 : 0) -
    (row.problems.length > 0 ? 1 : 0);
  // Each rank once, and not with every comparison: a large cluster is sorted several times in a second.
  return rows
    .map((row) => ({ row, rank: rank(row) }))
    .sort((a, b) => a.rank - b.rank || (a.row.id < b.row.id ? -1 : 1))
    .map(({ row }) => row);
}
