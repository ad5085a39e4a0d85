/** The volume bound: no number of hosts below it can take the workload, whatever the policy, since pCPUs or memory do not suffice. */
import type { SizedHost, VmColumns } from "./model.js";

/** Sums of quotients are a whole number when they are that near to one. */
const NEAR = 1e-9;

export interface Moment {
  /** Index of the event after which it is so. */
  readonly event: number;
  /** Hosts' worth of pCPUs, and of memory, that are wanted at least. */
  readonly pcpus: number;
  readonly memory: number;
}

/** After every arrival that is followed by a release, or by nothing: between them the load only grows. */
export function peaks(vms: VmColumns, shape: SizedHost): Moment[] {
  const moments: Moment[] = [];
  const vcpus = new Array<number>(vms.ratios.length).fill(0);
  let memoryMiB = 0;
  for (let at = 0; at < vms.events.length; at++) {
    const event = vms.events[at]!;
    const vm = event < 0 ? ~event : event;
    const sign = event < 0 ? -1 : 1;
    vcpus[vms.level[vm]!]! += sign * vms.vcpus[vm]!;
    memoryMiB += sign * vms.memoryMiB[vm]!;
    const next = vms.events[at + 1];
    if (sign < 0 || (next !== undefined && next >= 0)) continue;
    const pcpus = vcpus.reduce((sum, sold, level) => sum + sold / Math.max(1, vms.ratios[level]!), 0);
    moments.push({ event: at, pcpus: pcpus / shape.pcpus, memory: memoryMiB / shape.memoryMiB });
  }
  return moments;
}

export const hostsFor = ({ pcpus, memory }: Moment): number => Math.ceil(Math.max(pcpus, memory) - NEAR);

export const volumeBound = (vms: VmColumns, shape: SizedHost): number =>
  peaks(vms, shape).reduce((most, moment) => Math.max(most, hostsFor(moment)), 0);

const loadOf = ({ pcpus, memory }: Moment): number => Math.max(pcpus, memory);

/** The peaks, the highest load first. */
export const highestFirst = (vms: VmColumns, shape: SizedHost): Moment[] =>
  peaks(vms, shape).sort((a, b) => loadOf(b) - loadOf(a));
