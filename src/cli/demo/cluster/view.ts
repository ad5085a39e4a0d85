/** What the cluster's screen shows, as plain values: taken from the scheduler's answers, drawn by frame.ts and story.ts. */
import type { ClusterHostAnswer } from "../../../http/scheduler/schemas/answers.js";
import type { ClusterEvent } from "../../../scheduler/service.js";
import type { EventLine } from "../../play/happening.js";
import { refusalsText, type Tally } from "../../play/player.js";
import { formatClock, type Moment } from "../view.js";

/** What happened to a VM is told by whoever asked for it, what happened to a host by the scheduler. */
export interface HostLine {
  readonly atSeconds: number;
  readonly kind: "host";
  /** Of its state, where the event is about that. */
  readonly state: "up" | "suspect" | "down" | null;
  readonly text: string;
}
export type ClusterLine = EventLine | HostLine;

export interface ClusterView {
  readonly url: string;
  readonly atSeconds: number;
  readonly speed: number;
  /** By name. */
  readonly hosts: readonly ClusterHostAnswer[];
  /** Ratios seen so far, ascending: a pool keeps its colour when others come and go. */
  readonly ratios: readonly number[];
  /** Pool sizes of all hosts together, in order of time. */
  readonly history: readonly Moment[];
  /** Newest last. */
  readonly events: readonly ClusterLine[];
  readonly tally: Tally;
  /** Wall time since the hour began. */
  readonly elapsedSeconds: number;
}

export interface Sums {
  readonly vms: number;
  readonly vcpus: number;
  readonly pcpus: number;
  readonly pcpusInPools: number;
  readonly memoryMiB: number;
  readonly memoryAllocatedMiB: number;
}

/** Hosts that are silent count with what was last heard of them: their VMs are still there. */
export function sumsOf(hosts: readonly ClusterHostAnswer[]): Sums {
  const sum = (of: (host: ClusterHostAnswer) => number): number => hosts.reduce((total, host) => total + of(host), 0);
  return {
    vms: sum((host) => host.vmCount),
    vcpus: sum(({ status }) => (status?.pools ?? []).reduce((total, pool) => total + pool.allocatedVcpus, 0)),
    pcpus: sum(({ status }) => status?.pcpus.total ?? 0),
    pcpusInPools: sum(({ status }) => status?.pcpus.inPools ?? 0),
    memoryMiB: sum(({ status }) => status?.memory.capacityMiB ?? 0),
    memoryAllocatedMiB: sum(({ status }) => status?.memory.allocatedMiB ?? 0),
  };
}

/** pCPUs of each ratio's pools, on all hosts together. */
export function poolSizes(hosts: readonly ClusterHostAnswer[]): ReadonlyMap<number, number> {
  const sizes = new Map<number, number>();
  for (const { status } of hosts)
    for (const { ratio, pcpuCount } of status?.pools ?? []) sizes.set(ratio, (sizes.get(ratio) ?? 0) + pcpuCount);
  return sizes;
}

const STATES = { "host-up": "up", "host-suspect": "suspect", "host-down": "down" } as const;

/** The line of a host's event; null for events of VMs and leaders. */
export function hostLine(event: ClusterEvent, atSeconds: number): HostLine | null {
  if (event.host === null || !event.kind.startsWith("host-")) return null;
  const state = event.kind in STATES ? STATES[event.kind as keyof typeof STATES] : null;
  return { atSeconds, kind: "host", state, text: `${event.host}  ${event.message}` };
}

export function totalsLine({ tally, elapsedSeconds }: ClusterView): string {
  const { deployed, removed, waiting, deployMs } = tally;
  const rate = elapsedSeconds > 0 ? ` (${(deployed / elapsedSeconds).toFixed(1)}/s` : "";
  const each = deployMs === null ? ")" : `, ${deployMs.toFixed(0)} ms each)`;
  const wait = waiting > 0 ? `, ${waiting} wait for their host` : "";
  return `${deployed} deployed${rate === "" ? "" : rate + each} · ${removed} removed${wait} · ${refusalsText(tally)}`;
}

export const clockText = ({ atSeconds, speed }: ClusterView): string => `${formatClock(atSeconds)} of 60:00, ${speed}x`;
