/**
 * How many VMs of one shape hosts still take, one after the other: for people who plan. From counts alone, with the filters
 * that placement asks, host by host; VMs do not meet across hosts, so the order of hosts decides nothing. Leaves out what
 * only an agent knows (which pCPUs are near): an agent may still refuse one of them.
 */
import { afterPlacement } from "./after.js";
import { growthPcpus } from "./arithmetic.js";
import type { Constraints, HostSummary, VmShape } from "./model.js";
import type { Rules } from "./rules.js";

/** Of one host. A pCPU that is sold a thousand times is beyond every ratio that is allowed; it only bounds the work. */
const MOST = 100_000;

function fits({ shapeFilters }: Rules, host: HostSummary, shape: VmShape): boolean {
  const prospect = { host, shape, growthPcpus: growthPcpus(host, shape) };
  return shapeFilters.every((filter) => filter.veto(prospect, filter.fact?.(host) ?? 0) === null);
}

/** What the count depends on, of hosts that take the first one: hosts in the same state are counted once. */
const stateKey = ({ policy, template, criticalSize, freePcpus, memoryCapacityMiB, ...host }: HostSummary): string => {
  const pools = host.pools.map(({ ratio, pcpus, allocatedVcpus, vmCount }) => [ratio, pcpus, allocatedVcpus, vmCount]);
  return JSON.stringify([
    policy,
    template,
    criticalSize,
    freePcpus,
    memoryCapacityMiB - host.memoryAllocatedMiB,
    pools,
    host.forecast === null ? null : [host.forecast, host.memoryAllocatedMiB, host.usablePcpus],
  ]);
};

/** Counts hosts that every filter lets through; a group that VMs keep apart in takes one of them on each host. */
export class RoomCounter {
  readonly #known = new Map<string, number>();

  constructor(
    private readonly rules: Rules,
    private readonly shape: VmShape,
    private readonly constraints: Constraints,
  ) {}

  on(host: HostSummary): number {
    if (this.constraints.antiAffinityGroup !== null) return 1;
    const key = stateKey(host);
    let count = this.#known.get(key);
    if (count === undefined) {
      count = 0;
      for (let now = host; count < MOST && fits(this.rules, now, this.shape); count++)
        now = afterPlacement(now, this.shape);
      this.#known.set(key, count);
    }
    return count;
  }
}
