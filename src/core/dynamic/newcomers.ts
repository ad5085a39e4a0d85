/**
 * Who is new on a host, and who boots. A guest that boots is busy whatever it will do later, so for its first moments it says
 * nothing about its pool: what it uses and waits for is left out, and it counts with what it was sold. It is known from when
 * on it was there for a whole window. Pure.
 */
import type { Milliseconds } from "../units.js";

export interface Acquaintance {
  /** First seen, running or not. */
  readonly since: Milliseconds;
  readonly runs: boolean;
  /** Null: it ran before anybody looked, or does not run. */
  readonly startedAt: Milliseconds | null;
}

export interface PresentVm {
  readonly uuid: string;
  readonly runs: boolean;
  /** Its guest began anew since the last look, in a domain that was started or in the same one. */
  readonly restarted: boolean;
}

/** By uuid. */
export type Acquaintances = ReadonlyMap<string, Acquaintance>;

/** Windows through which a VM must have been there to be known: the one in which it came says little. */
const FRESH_WINDOWS = 2;

/** `known`: null at the first look, when nobody can say how long guests have been running. */
export function meet(known: Acquaintances | null, present: Iterable<PresentVm>, now: Milliseconds): Acquaintances {
  const met = new Map<string, Acquaintance>();
  let isSame = true;
  for (const { uuid, runs, restarted } of present) {
    const before = known?.get(uuid);
    const since = before?.since ?? now;
    const ranOn = runs && !restarted && (known === null || before?.runs === true);
    const startedAt = ranOn ? (before?.startedAt ?? null) : runs ? now : null;
    const isAsBefore = before?.since === since && before.runs === runs && before.startedAt === startedAt;
    isSame &&= isAsBefore;
    met.set(uuid, isAsBefore ? before : { since, runs, startedAt });
  }
  return isSame && known?.size === met.size ? known : met;
}

/** Those that are not in `before` as they are in `after`. */
export const changesSince = (before: Acquaintances, after: Acquaintances): Acquaintances =>
  before === after
    ? new Map()
    : new Map(
        [...after].filter(([uuid, { since, runs, startedAt }]) => {
          const known = before.get(uuid);
          return known?.since !== since || known.runs !== runs || known.startedAt !== startedAt;
        }),
      );

/** Unknown ones are. */
export const isFresh = (vm: Acquaintance | undefined, now: Milliseconds, window: Milliseconds): boolean =>
  vm === undefined || Math.floor(vm.since / window) > Math.floor(now / window) - FRESH_WINDOWS;

export const isBooting = (vm: Acquaintance | undefined, now: Milliseconds, bootTime: Milliseconds): boolean =>
  vm !== undefined && vm.startedAt !== null && now - vm.startedAt < bootTime;
