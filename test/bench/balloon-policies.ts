/**
 * Ballooning policies of others, as their public documents and rule files describe them, for comparison: what a policy is shown
 * and what it answers is the same for all. Written anew; nothing of theirs is in here but the rules and their numbers.
 */
import type { BalloonMemory, GuestMemory, HostMemory } from "../../src/core/balloon/model.js";
import { NOTHING_REMEMBERED } from "../../src/core/balloon/model.js";
import { coordinate } from "../../src/core/balloon/plan.js";
import { type BalloonSettings, DEFAULT_BALLOON_SETTINGS } from "../../src/core/balloon/settings.js";
import { milliseconds } from "../../src/core/units.js";

export interface Policy {
  readonly name: string;
  /** Balloon targets by name, at `atMs`. */
  decide(guests: readonly GuestMemory[], host: HostMemory, atMs: number): ReadonlyMap<string, number>;
}

const { minimumMiB: MINIMUM_MIB, hostReserveMiB: RESERVE_MIB } = DEFAULT_BALLOON_SETTINGS;
const STEP_MIB = 100;

export function headroomPolicy(settings: BalloonSettings = DEFAULT_BALLOON_SETTINGS): Policy {
  let memory: BalloonMemory = NOTHING_REMEMBERED;
  return {
    name: "headroom",
    decide(guests, host, atMs) {
      const reading = { wallTime: milliseconds(atMs), at: milliseconds(atMs), guests, host };
      const next = coordinate(memory, reading, settings);
      memory = next.memory;
      return new Map(
        next.plan.guests.flatMap(({ name, targetMiB }) => (targetMiB === null ? [] : [[name, targetMiB] as const])),
      );
    },
  };
}

/** What most solutions of the course do: 100 MiB more below 100 MiB unused, 100 less above 200, while the host has its reserve. */
export const fixedStep = (): Policy => ({
  name: "fixed step",
  decide(guests, { availableMiB }) {
    const targets = new Map<string, number>();
    for (const { name, currentMiB, maximumMiB, unusedMiB } of guests) {
      if (unusedMiB === null) continue;
      if (unusedMiB < STEP_MIB && availableMiB > RESERVE_MIB)
        targets.set(name, Math.min(maximumMiB, currentMiB + STEP_MIB));
      else if (unusedMiB > 2 * STEP_MIB) targets.set(name, Math.max(MINIMUM_MIB, currentMiB - STEP_MIB));
    }
    return targets;
  },
});

/** Averages over MoM's history of ten samples, five seconds apart. */
const MOM_SAMPLES = 4;

/**
 * MoM (oVirt's memory overcommitment manager), its balloon rules: below 20 % free on the host all guests shrink by up to 5 %, to
 * what they use and 20 % of their size scaled by the host's pressure (below 5 % free: less than they use); otherwise
 * all grow by 5 %, at least to what they use and 20 % of their maximum.
 */
export function momPolicy(): Policy {
  const history = new Map<string, { current: number; unused: number }[]>();
  const free: number[] = [];
  const mean = (list: readonly number[]): number => list.reduce((sum, value) => sum + value, 0) / list.length;
  return {
    name: "MoM",
    decide(guests, { totalMiB, availableMiB }) {
      free.push(availableMiB / totalMiB);
      const hostFree = mean(free.slice(-MOM_SAMPLES));
      const targets = new Map<string, number>();
      for (const { name, currentMiB, maximumMiB, unusedMiB } of guests) {
        if (unusedMiB === null) continue;
        const samples = history.get(name) ?? [];
        samples.push({ current: currentMiB, unused: unusedMiB });
        history.set(name, samples.slice(-MOM_SAMPLES));
        const used = mean(samples.slice(-MOM_SAMPLES).map(({ current, unused }) => current - unused));
        let target = currentMiB * 1.05;
        if (hostFree < 0.2) {
          const share = hostFree <= 0.05 ? hostFree - 0.05 : 0.2 * (hostFree / 0.2);
          target = Math.min(currentMiB, Math.max(currentMiB * 0.95, used + share * currentMiB));
        } else target = Math.max(Math.min(maximumMiB, target), used + 0.2 * maximumMiB);
        target = Math.min(maximumMiB, Math.max(MINIMUM_MIB, target));
        if (Math.abs(target - currentMiB) > 0.0025 * currentMiB) targets.set(name, Math.round(target));
      }
      return targets;
    },
  };
}

interface ShareGuest {
  readonly name: string;
  readonly maximum: number;
  readonly size: number;
  target: number;
}

/** Gives or takes `goal` by equal shares above the minimum, at most a step each; gives what was moved. */
function moveByShares(guests: readonly ShareGuest[], goal: number): number {
  let moved = 0;
  for (let open = [...guests]; open.length > 0 && Math.abs(goal - moved) > 1; ) {
    const above = open.reduce((sum, guest) => sum + guest.target - MINIMUM_MIB, 0) + goal - moved;
    const before = moved;
    const stuck = new Set<ShareGuest>();
    for (const guest of open) {
      const wished = Math.min(guest.maximum, Math.max(MINIMUM_MIB, MINIMUM_MIB + above / open.length));
      const limited = Math.min(guest.size + STEP_MIB, Math.max(guest.size - STEP_MIB, wished));
      const next = goal > 0 ? Math.max(guest.target, limited) : Math.min(guest.target, limited);
      if (next === guest.target) stuck.add(guest);
      moved += next - guest.target;
      guest.target = next;
    }
    if (moved === before) break;
    open = open.filter((guest) => !stuck.has(guest));
  }
  return moved;
}

/**
 * Proxmox VE's automatic ballooning: the host is kept at 80 % use, within 10 MiB. What is to be given goes to guests with less than
 * a quarter of their minimum free, else to all; what is to be taken comes from the others, else from all; by shares, 100 MiB at a time.
 */
export const proxmoxPolicy = (): Policy => ({
  name: "Proxmox",
  decide(guests, { totalMiB, availableMiB }) {
    const goal = totalMiB * 0.8 - (totalMiB - availableMiB);
    const all = guests
      .filter(({ unusedMiB }) => unusedMiB !== null)
      .map((guest) => ({
        name: guest.name,
        maximum: guest.maximumMiB,
        size: guest.currentMiB,
        target: guest.currentMiB as number,
        free: guest.unusedMiB ?? 0,
      }));
    if (Math.abs(goal) <= 10) return new Map();
    const first = all.filter(({ free }) => goal > 0 === free <= MINIMUM_MIB / 4);
    if (moveByShares(first, goal) === 0) moveByShares(all, goal);
    return new Map(
      all.filter(({ size, target }) => size !== target).map(({ name, target }) => [name, Math.round(target)]),
    );
  },
});
