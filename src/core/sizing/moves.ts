/**
 * Live moves: where a VM would be refused, at most so many others are moved to make room for it. Tried in order of what they cost:
 * one VM away from a host; two; one after another has made room where it goes. Of those that do, VMs with little memory move first,
 * since memory is what a migration copies. Longer chains were tried and found almost nothing (docs/sizing.md).
 */
import type { Hosts } from "./hosts.js";
import type { VmColumns } from "./model.js";
import type { MakeRoom } from "./run.js";

export const MOST_MOVES = 2;

/** `limit`: moves per refusal, 1 or 2. `onMove` hears of each. */
export function movesWithin(vms: VmColumns, limit: number, onMove: (vm: number) => void = () => undefined): MakeRoom {
  return (vm, hosts, hostOf) => new Search(vms, hosts, hostOf, onMove).roomFor(vm, limit);
}

/** Looks for room for VMs of one need, from different hosts, after which it is given up for all: most searches end in vain. */
const MOST_VAIN_LOOKS = 2;

class Search {
  private readonly residents: readonly number[][];
  /** By need. */
  private readonly vainLooks = new Map<string, number>();

  constructor(
    private readonly vms: VmColumns,
    private readonly hosts: Hosts,
    private readonly hostOf: Int32Array,
    private readonly onMove: (vm: number) => void,
  ) {
    const residents = Array.from({ length: hosts.opened }, (): number[] => []);
    for (const [vm, host] of hostOf.entries()) if (host >= 0) residents[host]!.push(vm);
    for (const each of residents) each.sort((a, b) => vms.memoryMiB[a]! - vms.memoryMiB[b]! || a - b);
    this.residents = residents;
  }

  roomFor(vm: number, limit: number): number {
    const attempts = [this.oneAway, this.twoAway, this.oneAfterAnother].slice(0, limit < MOST_MOVES ? 1 : 3);
    for (const attempt of attempts) {
      for (let host = 0; host < this.hosts.opened; host++) if (attempt.call(this, vm, host)) return host;
    }
    return -1;
  }

  private fits(vm: number, host: number): boolean {
    const { level, vcpus, memoryMiB } = this.vms;
    return this.hosts.fits(host, level[vm]!, vcpus[vm]!, memoryMiB[vm]!);
  }

  /** Another host than those two that takes it, the fullest by memory; -1: none. */
  private targetOf(vm: number, besides: number, nor = besides): number {
    const { level, vcpus, memoryMiB } = this.vms;
    const next = (from: number): number => this.hosts.firstFit(from, level[vm]!, vcpus[vm]!, memoryMiB[vm]!);
    let best = -1;
    for (let host = next(0); host >= 0; host = next(host + 1)) {
      if (host === besides || host === nor) continue;
      if (best < 0 || this.hosts.freeMemoryMiB[host]! < this.hosts.freeMemoryMiB[best]!) best = host;
    }
    return best;
  }

  private take(vm: number, host: number): void {
    this.hosts.remove(host, this.vms, vm);
  }

  private put(vm: number, host: number): void {
    this.hosts.add(host, this.vms, vm);
  }

  private moved(vm: number, to: number): void {
    this.hostOf[vm] = to;
    this.onMove(vm);
  }

  /** Whether the host could take the VM without those, at least in memory: a cheap look before the exact one. */
  private mayFit(vm: number, host: number, ...away: readonly number[]): boolean {
    const { memoryMiB } = this.vms;
    const freed = away.reduce((sum, each) => sum + memoryMiB[each]!, this.hosts.freeMemoryMiB[host]!);
    return memoryMiB[vm]! <= freed;
  }

  private oneAway(vm: number, host: number): boolean {
    for (const other of this.residents[host]!) {
      if (!this.mayFit(vm, host, other)) continue;
      this.take(other, host);
      const to = this.fits(vm, host) ? this.targetOf(other, host) : -1;
      this.put(other, to < 0 ? host : to);
      if (to < 0) continue;
      this.moved(other, to);
      return true;
    }
    return false;
  }

  private twoAway(vm: number, host: number): boolean {
    const residents = this.residents[host]!;
    for (const [place, first] of residents.entries()) {
      this.take(first, host);
      const firstTo = this.targetOf(first, host);
      if (firstTo >= 0) {
        this.put(first, firstTo);
        for (const second of residents.slice(place + 1)) {
          if (!this.mayFit(vm, host, second)) continue;
          this.take(second, host);
          const to = this.fits(vm, host) ? this.targetOf(second, host) : -1;
          this.put(second, to < 0 ? host : to);
          if (to < 0) continue;
          this.moved(first, firstTo);
          this.moved(second, to);
          return true;
        }
        this.take(first, firstTo);
      }
      this.put(first, host);
    }
    return false;
  }

  /** One VM goes to a host from which another has to go first. */
  private oneAfterAnother(vm: number, host: number): boolean {
    for (const other of this.residents[host]!) {
      if (!this.mayFit(vm, host, other)) continue;
      this.take(other, host);
      const to = this.fits(vm, host) ? this.roomByOneMove(other, host) : -1;
      this.put(other, to < 0 ? host : to);
      if (to < 0) continue;
      this.moved(other, to);
      return true;
    }
    return false;
  }

  /** A host other than `besides` that takes the VM once one of its own has moved on; that move is done. */
  private roomByOneMove(vm: number, besides: number): number {
    const { level, vcpus, memoryMiB } = this.vms;
    const need = `${level[vm]} ${vcpus[vm]} ${memoryMiB[vm]}`;
    const vain = this.vainLooks.get(need) ?? 0;
    if (vain >= MOST_VAIN_LOOKS) return -1;
    const host = this.lookForRoom(vm, besides);
    if (host < 0) this.vainLooks.set(need, vain + 1);
    return host;
  }

  private lookForRoom(vm: number, besides: number): number {
    for (let host = 0; host < this.hosts.opened; host++) {
      if (host === besides) continue;
      for (const other of this.residents[host]!) {
        if (!this.mayFit(vm, host, other)) continue;
        this.take(other, host);
        // Not to `besides`: the room there is for the VM that was refused.
        const to = this.fits(vm, host) ? this.targetOf(other, host, besides) : -1;
        this.put(other, to < 0 ? host : to);
        if (to < 0) continue;
        this.moved(other, to);
        return host;
      }
    }
    return -1;
  }
}
