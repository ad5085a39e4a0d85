/**
 * CPU sets: sets of pCPU ids, written as Linux and libvirt write them (`0-3,8`; kernel "CPU lists" format).
 * Held as ascending arrays without doubles, so that equality, union and formatting are single passes.
 */
declare const cpuSet: unique symbol;
export type CpuSet = readonly number[] & { readonly [cpuSet]: true };

/** Largest pCPU id accepted from text: guards against `0-4000000000` (Linux: NR_CPUS is at most 8192 today). */
export const MAX_PCPU_ID = 65_535;

export const EMPTY_CPU_SET = [] as unknown as CpuSet;

/** The set of the given ids, in any order and with doubles. */
export function cpuSetOf(ids: Iterable<number>): CpuSet {
  const sorted = Uint32Array.from(ids).sort();
  const out: number[] = [];
  for (const id of sorted) if (out.length === 0 || out[out.length - 1] !== id) out.push(id);
  return out as unknown as CpuSet;
}

/** The set of ids that the caller has already in ascending order and without doubles: the cheap way for hot paths. */
export const cpuSetFromAscending = (ids: readonly number[]): CpuSet => ids as unknown as CpuSet;

/** Reads `0-3,8`. Throws `RangeError` naming the part that is wrong; the empty text is the empty set. */
export function parseCpuSet(text: string): CpuSet {
  const trimmed = text.trim();
  if (trimmed === "") return EMPTY_CPU_SET;
  const ids: number[] = [];
  for (const part of trimmed.split(",")) {
    const match = /^\s*(\d{1,7})(?:-(\d{1,7}))?\s*$/.exec(part);
    if (!match) throw new RangeError(`CPU set "${text}": "${part}" is neither an id nor a range such as 0-3`);
    const first = Number(match[1]);
    const last = match[2] === undefined ? first : Number(match[2]);
    if (last < first) throw new RangeError(`CPU set "${text}": the range "${part}" ends before it starts`);
    if (last > MAX_PCPU_ID) throw new RangeError(`CPU set "${text}": ${last} is above the largest id ${MAX_PCPU_ID}`);
    for (let id = first; id <= last; id++) ids.push(id);
  }
  return cpuSetOf(ids);
}

/** Writes `0-3,8`; the empty set is the empty text. */
export function formatCpuSet(set: CpuSet): string {
  let out = "";
  for (let i = 0; i < set.length; ) {
    let end = i;
    while (end + 1 < set.length && set[end + 1] === set[end]! + 1) end++;
    if (out !== "") out += ",";
    out += end === i ? `${set[i]}` : `${set[i]}-${set[end]}`;
    i = end + 1;
  }
  return out;
}

export function equalCpuSets(a: CpuSet, b: CpuSet): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

export function unionCpuSets(...sets: readonly (readonly number[])[]): CpuSet {
  return cpuSetOf(sets.flat());
}

export function intersectCpuSets(a: CpuSet, b: readonly number[]): CpuSet {
  const keep = new Set(b);
  return a.filter((id) => keep.has(id)) as unknown as CpuSet;
}

export function subtractCpuSets(a: CpuSet, b: readonly number[]): CpuSet {
  const drop = new Set(b);
  return a.filter((id) => !drop.has(id)) as unknown as CpuSet;
}
