/**
 * What VMs are wanted, learnt from what happens: those that are there count one each, those that went or were refused lately count
 * less and less as others follow them. The VMs that are there are what prices are for (their mix is the load); the others keep it steady where few are
 * there, and tell of sizes that come for a short while, or would come. Follows from the order of what happened alone, never from a clock.
 */
import type { VmShape } from "../model.js";

/** So many VMs of this shape, in parts where some are half forgotten. */
export interface Wanted {
  readonly shape: VmShape;
  readonly count: number;
}

/** After so many others that went or were refused, one counts half. */
export const HALF_LIFE = 256;
/** A refused VM is asked for again and again: names that were counted are remembered, the last so many. */
const REFUSED_NAMES = 1024;
/** Less of a shape is nothing: eleven half-lives. */
const FORGOTTEN = 1 / 2048;
/** Weights of what fades grow instead of all others shrinking, until they are this large. */
const MOST_WEIGHT = 2 ** 64;

interface Kind {
  readonly shape: VmShape;
  present: number;
  /** In units of `#unit`. */
  faded: number;
}

export class Demand {
  readonly #kinds = new Map<string, Kind>();
  readonly #refused = new Set<string>();
  readonly #growth: number;
  #unit = 1;
  #present = 0;

  constructor(halfLife = HALF_LIFE) {
    this.#growth = 2 ** (1 / halfLife);
  }

  /** VMs that are there. */
  get present(): number {
    return this.#present;
  }

  came(name: string, shape: VmShape): void {
    this.#refused.delete(name);
    this.#kind(shape).present += 1;
    this.#present += 1;
  }

  /** One that came: it is gone (tell `fade` too), has another shape now, or was not there after all. */
  left(shape: VmShape): void {
    const key = keyOf(shape);
    const kind = this.#kinds.get(key);
    if (kind === undefined || kind.present === 0) return;
    kind.present -= 1;
    this.#present -= 1;
    if (kind.present === 0 && kind.faded === 0) this.#kinds.delete(key);
  }

  /** Once for each name, until it comes or many others were refused. */
  refused(name: string, shape: VmShape): void {
    const again = this.#refused.delete(name);
    this.#refused.add(name);
    if (again) return;
    if (this.#refused.size > REFUSED_NAMES) this.#refused.delete(this.#refused.values().next().value!);
    this.fade(shape);
  }

  /** One that is not there any more, and counts until it is forgotten. */
  fade(shape: VmShape): void {
    this.#unit *= this.#growth;
    this.#kind(shape).faded += this.#unit;
    if (this.#unit > MOST_WEIGHT) this.#rescale();
  }

  /** In an order that depends on the shapes alone. */
  wanted(): readonly Wanted[] {
    const all = [...this.#kinds].map(([key, { shape, present, faded }]) => ({
      key,
      shape,
      count: present + faded / this.#unit,
    }));
    return all
      .filter(({ count }) => count >= FORGOTTEN)
      .sort((a, b) => (a.key < b.key ? -1 : 1))
      .map(({ shape, count }) => ({ shape, count }));
  }

  #kind(shape: VmShape): Kind {
    const key = keyOf(shape);
    let kind = this.#kinds.get(key);
    if (kind === undefined) {
      kind = { shape, present: 0, faded: 0 };
      this.#kinds.set(key, kind);
    }
    return kind;
  }

  #rescale(): void {
    for (const [key, kind] of this.#kinds) {
      kind.faded /= this.#unit;
      if (kind.faded < FORGOTTEN) kind.faded = 0;
      if (kind.present === 0 && kind.faded === 0) this.#kinds.delete(key);
    }
    this.#unit = 1;
  }
}

const keyOf = ({ vcpus, memoryMiB, ratio }: VmShape): string => `${vcpus}/${memoryMiB}/${ratio}`;

/** Fewer tell nothing about those to come. */
const LEAST_VMS = 16;
/** So much of the mix is another. At three hundredths prices change several times as often, and pack no better (docs/sizing.md). */
const OTHER_MIX = 0.1;

/** Whether prices of the former say too little of the latter; there are none of nothing. */
export const isAnotherMix = (now: readonly Wanted[], then: readonly Wanted[]): boolean =>
  totalOf(now) >= LEAST_VMS && (then.length === 0 || distance(now, then) > OTHER_MIX);

export const totalOf = (wanted: readonly Wanted[]): number => wanted.reduce((sum, { count }) => sum + count, 0);

/** How far two mixes are apart: half the sum of the differences of their shares. 0: the same; 1: nothing in common. */
export function distance(a: readonly Wanted[], b: readonly Wanted[]): number {
  const [allA, allB] = [totalOf(a), totalOf(b)];
  const shares = new Map<string, number>();
  for (const { shape, count } of a) shares.set(keyOf(shape), count / allA);
  for (const { shape, count } of b) shares.set(keyOf(shape), (shares.get(keyOf(shape)) ?? 0) - count / allB);
  let sum = 0;
  for (const share of shares.values()) sum += Math.abs(share);
  return sum / 2;
}
