/** CPU sets as libvirt's bit maps: bit `id % 8` of byte `id / 8`. */
import { type CpuSet, cpuSetFromAscending } from "../../core/cpuset.js";

export function cpuMapOf(set: CpuSet): Buffer {
  const last = set.at(-1);
  const map = Buffer.alloc(last === undefined ? 0 : (last >> 3) + 1);
  for (const id of set) map[id >> 3]! |= 1 << (id & 7);
  return map;
}

export function cpuSetOfMap(map: Uint8Array): CpuSet {
  const ids: number[] = [];
  for (let byte = 0; byte < map.length; byte++) {
    const bits = map[byte]!;
    for (let bit = 0; bits >> bit !== 0; bit++) if ((bits >> bit) & 1) ids.push(byte * 8 + bit);
  }
  return cpuSetFromAscending(ids);
}
