/**
 * The hosts of a sizing run: what each has taken, and what still fits. Of its pCPUs a host needs
 *   used = s(1) + min(sum of A(r), A(all)),   A(r) = n(r) < 2 ? s(r) : ceil(s(r) / r),
 * with s(r) vCPUs and n(r) VMs at ratio r: a VM is not oversubscribed with itself, so one alone gets its vCPUs whole; and VMs of
 * different ratios may share a pool at the lowest of them, A(all). A VM fits when `used` with it is at most the host's pCPUs, and
 * its memory fits. What fits is kept per host and ratio, and per block of hosts, so that a look at a host is a comparison.
 */
import type { Ratio } from "../units.js";
import type { SizedHost, VmColumns } from "./model.js";

/** vCPUs are whole and ratios decimal: their quotient is a whole number when it is that near to one. */
const NEAR = 1e-9;
/** Hosts whose largest rooms are kept together. */
const BLOCK = 32;

const pcpusFor = (vcpus: number, vms: number, ratio: number): number =>
  vms < 2 ? vcpus : Math.ceil(vcpus / ratio - NEAR);

export class Hosts {
  readonly count: number;
  readonly levels: number;
  readonly usedPcpus: Int32Array;
  readonly usedMemoryMiB: Float64Array;
  readonly freeMemoryMiB: Float64Array;
  /** By host and level: largest VM that still fits, in vCPUs; 0: none. */
  readonly room: Int32Array;
  private readonly vcpus: Int32Array;
  private readonly vms: Int32Array;
  private readonly blockRoom: Int32Array;
  private readonly blockMemory: Float64Array;

  constructor(
    count: number,
    readonly shape: SizedHost,
    readonly ratios: readonly Ratio[],
  ) {
    this.count = count;
    this.levels = ratios.length;
    this.usedPcpus = new Int32Array(count);
    this.usedMemoryMiB = new Float64Array(count);
    this.freeMemoryMiB = new Float64Array(count).fill(shape.memoryMiB);
    this.vcpus = new Int32Array(count * this.levels);
    this.vms = new Int32Array(count * this.levels);
    this.room = new Int32Array(count * this.levels).fill(shape.pcpus);
    const blocks = Math.ceil(count / BLOCK);
    this.blockRoom = new Int32Array(blocks * this.levels).fill(shape.pcpus);
    this.blockMemory = new Float64Array(blocks).fill(shape.memoryMiB);
  }

  fits(host: number, level: number, vcpus: number, memoryMiB: number): boolean {
    return vcpus <= this.room[host * this.levels + level]! && memoryMiB <= this.freeMemoryMiB[host]!;
  }

  vcpusAt(host: number, level: number): number {
    return this.vcpus[host * this.levels + level]!;
  }

  /** pCPUs that the host would need with one more VM of `vcpus` at `level`; with 0, what it needs now. */
  usedWith(host: number, level: number, vcpus: number): number {
    const base = host * this.levels;
    let [alone, separate, merged, members, lowest] = [0, 0, 0, 0, 0];
    for (let each = 0; each < this.levels; each++) {
      const added = each === level && vcpus > 0;
      const sold = this.vcpus[base + each]! + (added ? vcpus : 0);
      if (sold === 0) continue;
      const count = this.vms[base + each]! + (added ? 1 : 0);
      const ratio = this.ratios[each]!;
      if (ratio <= 1) {
        alone += sold;
        continue;
      }
      if (lowest === 0) lowest = ratio;
      separate += pcpusFor(sold, count, ratio);
      merged += sold;
      members += count;
    }
    return alone + (members === 0 ? 0 : Math.min(separate, pcpusFor(merged, members, lowest)));
  }

  /** The first host from `from` on that takes the VM; -1: none. */
  firstFit(from: number, level: number, vcpus: number, memoryMiB: number): number {
    for (let block = Math.floor(from / BLOCK); block * BLOCK < this.count; block++) {
      if (vcpus > this.blockRoom[block * this.levels + level]! || memoryMiB > this.blockMemory[block]!) continue;
      const end = Math.min(this.count, (block + 1) * BLOCK);
      for (let host = Math.max(from, block * BLOCK); host < end; host++)
        if (this.fits(host, level, vcpus, memoryMiB)) return host;
      this.measureBlock(block);
    }
    return -1;
  }

  add(host: number, vms: VmColumns, vm: number): void {
    this.change(host, vms.level[vm]!, vms.vcpus[vm]!, 1, vms.memoryMiB[vm]!);
  }

  remove(host: number, vms: VmColumns, vm: number): void {
    this.change(host, vms.level[vm]!, -vms.vcpus[vm]!, -1, -vms.memoryMiB[vm]!);
    const block = Math.floor(host / BLOCK);
    this.blockMemory[block] = Math.max(this.blockMemory[block]!, this.freeMemoryMiB[host]!);
    for (let level = 0; level < this.levels; level++) {
      const at = block * this.levels + level;
      this.blockRoom[at] = Math.max(this.blockRoom[at]!, this.room[host * this.levels + level]!);
    }
  }

  private change(host: number, level: number, vcpus: number, vms: number, memoryMiB: number): void {
    const at = host * this.levels + level;
    this.vcpus[at] = this.vcpus[at]! + vcpus;
    this.vms[at] = this.vms[at]! + vms;
    this.usedMemoryMiB[host] = this.usedMemoryMiB[host]! + memoryMiB;
    this.freeMemoryMiB[host] = this.shape.memoryMiB - this.usedMemoryMiB[host]!;
    this.usedPcpus[host] = this.usedWith(host, level, 0);
    for (let each = 0; each < this.levels; each++) this.room[host * this.levels + each] = this.roomAt(host, each);
  }

  /**
   * By bisection: with one VM more, the need only grows with its size. With none it may be larger: of two VMs that shared pCPUs,
   * the one that stays gets its own. A host may so need more than it has, until another VM comes to share them.
   */
  private roomAt(host: number, level: number): number {
    const { pcpus } = this.shape;
    // No VM exceeds the host itself; what is free is never too little.
    let [fits, tooMany] = [Math.max(0, pcpus - this.usedPcpus[host]!), pcpus + 1];
    if (this.ratios[level]! <= 1) return fits;
    while (tooMany - fits > 1) {
      const half = (fits + tooMany) >> 1;
      if (this.usedWith(host, level, half) <= pcpus) fits = half;
      else tooMany = half;
    }
    return fits;
  }

  private measureBlock(block: number): void {
    const end = Math.min(this.count, (block + 1) * BLOCK);
    const base = block * this.levels;
    this.blockMemory[block] = 0;
    this.blockRoom.fill(0, base, base + this.levels);
    for (let host = block * BLOCK; host < end; host++) {
      this.blockMemory[block] = Math.max(this.blockMemory[block]!, this.freeMemoryMiB[host]!);
      for (let level = 0; level < this.levels; level++)
        this.blockRoom[base + level] = Math.max(this.blockRoom[base + level]!, this.room[host * this.levels + level]!);
    }
  }
}
