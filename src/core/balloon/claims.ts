/**
 * How much memory each guest should have in the end, when there is not enough for all that they want. Each guest has three
 * claims, one above the other, and each is met for all before the next:
 *
 * - hard: what it cannot give up without swapping, its growth ahead, and a cushion. Nothing takes that away.
 * - must: its floor of unused memory.
 * - want: page cache and what it has kept from a while ago.
 *
 * Within a claim memory goes by shares; in the last one a guest's shares count less, the more of its memory is idle: the
 * idle-memory tax of Waldspurger, "Memory Resource Management in VMware ESX Server" (OSDI 2002, section 5), with what the
 * guest itself calls usable in place of sampled pages.
 */
import type { GuestMemory } from "./model.js";
import { bandOf, type Figures } from "./observe.js";
import { type BalloonSettings, CUSHION_SHARE } from "./settings.js";

export interface Claim {
  readonly hardMiB: number;
  readonly mustMiB: number;
  readonly wantMiB: number;
  readonly minimumMiB: number;
  readonly shares: number;
  /** Part of what it has that it could do without, 0 to 1. */
  readonly idleShare: number;
  readonly distressed: boolean;
  /** It swaps, or has next to nothing left. */
  readonly critical: boolean;
}

/** `scarce`: others do without, so nothing is kept for what it used a while ago. */
export function claimOf(guest: GuestMemory, figures: Figures, settings: BalloonSettings, scarce: boolean): Claim {
  const minimumMiB = minimumOf(guest, settings);
  const { sizeMiB, usedMiB, peakUsedMiB, heldMiB, peakHeldMiB, usableMiB, aheadMiB, swapsIn } = figures;
  const floorMiB = floorOf(heldMiB, settings);
  const room = floorMiB + aheadMiB;
  const mustMiB = between(minimumMiB, guest, wished(heldMiB, scarce ? heldMiB : peakHeldMiB, room, sizeMiB));
  const wantMiB = between(minimumMiB, guest, wished(usedMiB, scarce ? usedMiB : peakUsedMiB, room, sizeMiB));
  return {
    hardMiB: Math.min(mustMiB, between(minimumMiB, guest, heldMiB + aheadMiB + CUSHION_SHARE * floorMiB)),
    mustMiB,
    wantMiB: Math.max(mustMiB, wantMiB),
    minimumMiB,
    shares: settings.shares.get(guest.name) ?? 1,
    idleShare: Math.min(1, usableMiB / sizeMiB),
    distressed: swapsIn || usableMiB < floorMiB - bandOf({ currentMiB: sizeMiB }, settings),
    critical: swapsIn || usableMiB < CUSHION_SHARE * floorMiB,
  };
}

const between = (minimumMiB: number, { maximumMiB }: GuestMemory, size: number): number =>
  Math.min(maximumMiB, Math.max(minimumMiB, size));

/** Where it has more than it needs now and less than its latest peak would need, it keeps what it has. */
const wished = (now: number, peak: number, room: number, sizeMiB: number): number =>
  Math.min(peak + room, Math.max(now + room, sizeMiB));

export const minimumOf = ({ name, maximumMiB }: Pick<GuestMemory, "name" | "maximumMiB">, settings: BalloonSettings) =>
  Math.min(maximumMiB, Math.max(settings.minimumMiB, settings.minimums.get(name) ?? 0));

export const floorOf = (heldMiB: number, settings: BalloonSettings): number =>
  Math.max(settings.floorMiB, settings.floorShare * heldMiB);

/** What each should have of `totalMiB`; in the order of `claims`. Never less than the hard claims, however little there is. */
export function meetClaims(claims: readonly Claim[], totalMiB: number, settings: BalloonSettings): readonly number[] {
  const met = claims.map((claim) => claim.hardMiB);
  let left = totalMiB - met.reduce((sum, amount) => sum + amount, 0);
  const add = (most: (claim: Claim, has: number) => number, weight: (claim: Claim) => number): void => {
    if (left <= 0) return;
    const wishes = claims.map((claim, index) => ({ most: most(claim, met[index]!), weight: weight(claim) }));
    const given = shareOut(left, wishes);
    given.forEach((amount, index) => {
      met[index]! += amount;
      left -= amount;
    });
  };
  add(
    (claim, has) => (claim.distressed ? claim.mustMiB - has : 0),
    ({ shares }) => shares,
  );
  add(
    (claim, has) => claim.mustMiB - has,
    ({ shares }) => shares,
  );
  add(
    (claim, has) => claim.wantMiB - has,
    ({ shares, idleShare }) => shares * (1 - settings.idleTax * idleShare),
  );
  return met;
}

/** Shares `amount` out by weight, nobody getting more than his `most`; what some do not need goes to the others. */
export function shareOut(
  amount: number,
  wishes: readonly { readonly most: number; readonly weight: number }[],
): readonly number[] {
  const given = wishes.map(() => 0);
  const open = wishes
    .map(({ most, weight }, index) => ({ index, most: Math.max(0, most), weight }))
    .filter(({ most, weight }) => most > 0 && weight > 0)
    .sort((a, b) => a.most / a.weight - b.most / b.weight);
  let left = Math.max(0, amount);
  let weights = open.reduce((sum, { weight }) => sum + weight, 0);
  // In this order, whoever does not get his most leaves none behind him who would.
  for (const { index, most, weight } of open) {
    given[index] = Math.min(most, (left * weight) / weights);
    left -= given[index]!;
    weights -= weight;
  }
  return given;
}
