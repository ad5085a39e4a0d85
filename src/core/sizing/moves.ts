/**
 * Live moves of a sizing run: where a VM would be refused, at most so many others are moved to make room for it (moves/search.ts), tried
 * host by host. Of those of a host, VMs with little memory move first, since memory is what a migration copies.
 */
import { type Ground, planRoom } from "../moves/search.js";
import type { Hosts } from "./hosts.js";
import type { VmColumns } from "./model.js";
import type { MakeRoom } from "./run.js";

/** `limit`: moves per refusal, 1 or 2. `onMove` hears of each. */
export function movesWithin(vms: VmColumns, limit: number, onMove: (vm: number) => void = () => undefined): MakeRoom {
  return (wanted, hosts, hostOf) => {
    const plan = planRoom(new SizingGround(vms, hosts, hostOf), wanted, limit);
    if (plan === null) return -1;
    for (const { vm, to } of plan.moves) {
      hostOf[vm] = to;
      onMove(vm);
    }
    return plan.host;
  };
}

/** VMs and hosts by their numbers. */
class SizingGround implements Ground<number, number> {
  private readonly byHost: readonly number[][];

  constructor(
    private readonly vms: VmColumns,
    private readonly hosts: Hosts,
    hostOf: Int32Array,
  ) {
    const residents = Array.from({ length: hosts.opened }, (): number[] => []);
    for (const [vm, host] of hostOf.entries()) if (host >= 0) residents[host]!.push(vm);
    for (const each of residents) each.sort((a, b) => vms.memoryMiB[a]! - vms.memoryMiB[b]! || a - b);
    this.byHost = residents;
  }

  *singles(): Iterable<readonly [number, number]> {
    for (const [host, residents] of this.byHost.entries()) for (const vm of residents) yield [vm, host];
  }

  hostsFor(): Iterable<number> {
    return this.byHost.keys();
  }

  residents(host: number): readonly number[] {
    return this.byHost[host]!;
  }

  needOf(vm: number): number {
    return this.vms.need[vm]!;
  }

  mayFit(vm: number, host: number, other: number): boolean {
    const { memoryMiB } = this.vms;
    return memoryMiB[vm]! <= this.hosts.freeMemoryMiB[host]! + memoryMiB[other]!;
  }

  fits(vm: number, host: number): boolean {
    const { level, vcpus, memoryMiB } = this.vms;
    return this.hosts.fits(host, level[vm]!, vcpus[vm]!, memoryMiB[vm]!);
  }

  /** The fullest by memory. */
  targetOf(vm: number, besides: readonly number[]): number | null {
    const { level, vcpus, memoryMiB } = this.vms;
    const next = (from: number): number => this.hosts.firstFit(from, level[vm]!, vcpus[vm]!, memoryMiB[vm]!);
    let best: number | null = null;
    for (let host = next(0); host >= 0; host = next(host + 1)) {
      if (besides.includes(host)) continue;
      if (best === null || this.hosts.freeMemoryMiB[host]! < this.hosts.freeMemoryMiB[best]!) best = host;
    }
    return best;
  }

  take(vm: number, host: number): void {
    this.hosts.remove(host, this.vms, vm);
  }

  put(vm: number, host: number): void {
    this.hosts.add(host, this.vms, vm);
  }
}
