/** The order in which samples are told: by time, then the host before its VMs, then by name. */
interface Placed {
  readonly host: string;
  readonly vm: string | null;
  readonly at: number;
}

/** Surrogates stand for characters above all others, though their numbers are lower. */
const isSurrogate = (unit: number): boolean => (unit & 0xf800) === 0xd800;

/** By code point, as databases order UTF-8; `<` on strings orders UTF-16 units. */
export function compareText(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const [left, right] = [a.charCodeAt(i), b.charCodeAt(i)];
    if (left === right) continue;
    if (isSurrogate(left) !== isSurrogate(right)) return isSurrogate(left) ? 1 : -1;
    return left - right;
  }
  return a.length - b.length;
}

/** The host itself comes before its VMs. */
export function compareVm(a: string | null, b: string | null): number {
  if (a === null || b === null) return Number(a !== null) - Number(b !== null);
  return compareText(a, b);
}

export const compareSources = (a: Omit<Placed, "at">, b: Omit<Placed, "at">): number =>
  compareText(a.host, b.host) || compareVm(a.vm, b.vm);

export const compareSamples = (a: Placed, b: Placed): number => a.at - b.at || compareSources(a, b);
