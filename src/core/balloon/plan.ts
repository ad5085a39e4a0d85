/**
 * The memory coordinator's decision (spec 4.2): from a reading and what is remembered, which guest's balloon is asked to go
 * where, and why. The goals are of claims.ts; this file keeps each move safe:
 *
 * - no guest outside its minimum and maximum, no step above its limit, never more than half of what is unused taken;
 * - growth only from what the host has above its reserve, less what guests may still touch of the memory that they have;
 * - what is reclaimed counts once it has arrived, not when it was asked for;
 * - below the reserve the idlest guests give first, and in larger steps;
 * - a guest that cannot be known (stale, silent, absurd) or does not do what it is asked is left alone, and the plan says so.
 */
import { type MiB, mib } from "../units.js";
import { type Claim, claimOf, meetClaims, minimumOf, shareOut } from "./claims.js";
import type { BalloonMemory, BalloonPlan, BalloonReading, BalloonReason, GuestPlan, GuestTrack } from "./model.js";
import { bandOf, type Figures, isAmount, type Observed, observe, stepOf } from "./observe.js";
import type { BalloonSettings } from "./settings.js";

export interface Coordination {
  readonly memory: BalloonMemory;
  readonly plan: BalloonPlan;
}

/** One guest that something may be asked of. */
interface Candidate {
  readonly observed: Observed;
  readonly figures: Figures;
  readonly claim: Claim;
  goalMiB: number;
}

interface Move {
  readonly targetMiB: number | null;
  readonly reason: BalloonReason;
  readonly why: string;
}

export function coordinate(memory: BalloonMemory, reading: BalloonReading, settings: BalloonSettings): Coordination {
  const observed = reading.guests.map((guest) => observe(guest, memory.get(guest.name), reading, settings));
  const host = hostPlan(observed, reading, settings);
  const candidates = candidatesOf(observed, host.budgetMiB, settings);
  setGoals(candidates, host.budgetMiB, host.pressure, settings);
  const moves = new Map([
    ...shrinks(candidates, host, settings),
    ...growths(candidates, host.budgetMiB, host.reserveMiB, settings),
  ]);
  const byGuest = new Map(candidates.map((candidate) => [candidate.observed, candidate]));
  const guests = observed.map((one) => guestPlan(one, byGuest.get(one), moves.get(one.guest.name), settings));
  guests.sort((a, b) => (a.name < b.name ? -1 : 1));
  const asked = new Map(guests.map((guest) => [guest.name, guest.targetMiB]));
  const tracks = observed.map(({ guest, track }) => [guest.name, withTarget(track, asked.get(guest.name)!)] as const);
  return { memory: new Map(tracks), plan: { guests, host } };
}

/** The memory without what was asked of a guest: the hypervisor did not take it. */
export function withoutTarget(memory: BalloonMemory, name: string): BalloonMemory {
  const track = memory.get(name);
  return track === undefined ? memory : new Map(memory).set(name, { ...track, targetMiB: null, unmoved: 0 });
}

const withTarget = (track: GuestTrack, targetMiB: number | null): GuestTrack =>
  targetMiB === null || targetMiB === track.targetMiB ? track : { ...track, targetMiB, unmoved: 0 };

function hostPlan(
  observed: readonly Observed[],
  { host: told }: BalloonReading,
  settings: BalloonSettings,
): BalloonPlan["host"] {
  const { hostReserveMiB, limitMiB } = settings;
  const host = isAmount(told?.totalMiB) && isAmount(told.availableMiB) ? told : null;
  let [promised, untouched, size] = [0, 0, 0];
  for (const { guest, track } of observed) {
    const hasMiB = isAmount(guest.currentMiB) ? guest.currentMiB : 0;
    size += hasMiB;
    promised += track.restReadings > 0 ? 0 : Math.max(0, (track.targetMiB ?? 0) - hasMiB);
    if (isAmount(track.rssMiB)) untouched += Math.max(0, hasMiB + track.emulatorMiB - track.rssMiB);
  }
  // A host that cannot be read gives nothing; within a limit of the operator's it need not be read.
  const unread = limitMiB === null ? 0 : Number.POSITIVE_INFINITY;
  const spareMiB = host === null ? unread : host.availableMiB - hostReserveMiB;
  const withinLimit = limitMiB === null ? Number.POSITIVE_INFINITY : limitMiB - size;
  return {
    totalMiB: host?.totalMiB ?? null,
    availableMiB: host?.availableMiB ?? null,
    reserveMiB: hostReserveMiB,
    budgetMiB: mib(Math.min(spareMiB - (host === null ? 0 : untouched), withinLimit) - promised),
    pressure: host !== null && spareMiB < 0,
  };
}

/** Claims allow for what each used lately, as long as there is enough for the floors of all. */
function candidatesOf(observed: readonly Observed[], budgetMiB: number, settings: BalloonSettings): Candidate[] {
  const claimed = (scarce: boolean): Candidate[] =>
    observed.flatMap((one) => {
      const { guest, figures, frozen } = one;
      if (frozen !== null || figures === null) return [];
      const claim = claimOf(guest, figures, settings, scarce);
      return [{ observed: one, figures, claim, goalMiB: figures.sizeMiB }];
    });
  const candidates = claimed(false);
  let missing = -budgetMiB;
  for (const { claim, figures } of candidates) missing += claim.mustMiB - figures.sizeMiB;
  return missing > 0 ? claimed(true) : candidates;
}

/**
 * Shares out what the guests have and what the host can add, or has to have back. As long as the host has its reserve and no
 * guest is in distress, nobody goes below his must claim for memory that others have and may never touch.
 */
function setGoals(
  candidates: readonly Candidate[],
  budgetMiB: number,
  pressure: boolean,
  settings: BalloonSettings,
): void {
  const have = candidates.reduce((sum, { figures }) => sum + figures.sizeMiB, 0);
  const goals = meetClaims(
    candidates.map(({ claim }) => claim),
    have + budgetMiB,
    settings,
  );
  const needed = pressure || candidates.some(({ claim }) => claim.distressed);
  candidates.forEach((candidate, index) => {
    const kept = Math.min(candidate.claim.mustMiB, candidate.figures.sizeMiB);
    candidate.goalMiB = needed ? goals[index]! : Math.max(goals[index]!, kept);
  });
}

/** Who gives how much. */
function shrinks(
  candidates: readonly Candidate[],
  host: BalloonPlan["host"],
  settings: BalloonSettings,
): Map<string, Move> {
  const moves = new Map<string, Move>();
  let shortage = host.pressure ? -host.budgetMiB : 0;
  const idlestFirst = [...candidates].sort((a, b) => b.claim.idleShare - a.claim.idleShare);
  for (const candidate of idlestFirst) {
    const urgent = host.pressure && shortage > 0;
    const taken = takenFrom(candidate, urgent, settings);
    if (taken === 0) continue;
    shortage -= taken;
    const { figures, observed } = candidate;
    const targetMiB = Math.ceil(figures.sizeMiB - taken);
    moves.set(observed.guest.name, { targetMiB, ...takingReason(candidate, urgent, host, settings) });
  }
  return moves;
}

/** Whole MiB; 0: nothing. */
function takenFrom(
  { observed, figures, claim, goalMiB }: Candidate,
  urgent: boolean,
  settings: BalloonSettings,
): number {
  const { guest, waiting } = observed;
  if (waiting) return 0;
  const { sizeMiB, usableMiB, unusedMiB } = figures;
  const band = bandOf(guest, settings);
  // Without hurry, nothing is taken that a guest would want back at its next breath: it keeps a dead band above its goal.
  const kept = urgent || isTaxed(goalMiB, claim, band) ? 0 : band;
  const half = (urgent ? Math.max(usableMiB, unusedMiB) : unusedMiB) / 2;
  const limit = stepOf(guest, settings) * (urgent ? settings.urgency : 1);
  const least = Math.max(claim.minimumMiB, Math.min(claim.hardMiB, sizeMiB));
  const taken = Math.floor(Math.min(sizeMiB - goalMiB - kept, half, limit, sizeMiB - least));
  return taken < (urgent ? 1 : band) ? 0 : taken;
}

/** It gets less than it wants, since others need it more. */
const isTaxed = (goalMiB: number, { wantMiB }: Claim, band: number): boolean => goalMiB < wantMiB - band;

function takingReason(
  { observed, figures, claim, goalMiB }: Candidate,
  urgent: boolean,
  { availableMiB, reserveMiB }: BalloonPlan["host"],
  settings: BalloonSettings,
): Pick<Move, "reason" | "why"> {
  if (urgent)
    return {
      reason: "pressure",
      why: `the host has ${whole(availableMiB ?? 0)} MiB available and keeps ${whole(reserveMiB)}`,
    };
  return isTaxed(goalMiB, claim, bandOf(observed.guest, settings))
    ? { reason: "taxed", why: `others need it more; ${whole(figures.usableMiB)} MiB of it are usable` }
    : { reason: "idle", why: `it has ${whole(figures.unusedMiB)} MiB unused` };
}

const urgencyOf = ({ claim }: Candidate): number => (claim.critical ? 2 : claim.distressed ? 1 : 0);

/** Who gets how much of what the host can give now: first those that swap or are about to, then those below their floor. */
function growths(
  candidates: readonly Candidate[],
  budgetMiB: number,
  reserveMiB: number,
  settings: BalloonSettings,
): Map<string, Move> {
  const wishes = candidates.map((candidate) => wishOf(candidate, settings));
  // A little stays, so that a reserve that is just met is not a reserve that is missed at the next look.
  let left = Math.max(0, budgetMiB - settings.deadBandMiB);
  const moves = new Map<string, Move>();
  for (const urgency of [2, 1, 0]) {
    const turn = candidates.map((candidate, index) => ({
      most: urgencyOf(candidate) === urgency ? wishes[index]! : 0,
      weight: candidate.claim.shares,
    }));
    const given = shareOut(left, turn);
    candidates.forEach((candidate, index) => {
      if (turn[index]!.most === 0) return;
      const { guest } = candidate.observed;
      const grant = Math.floor(given[index]!);
      if (grant < Math.min(bandOf(guest, settings), Math.floor(wishes[index]!))) {
        moves.set(guest.name, { targetMiB: null, reason: "host-full", why: hostFull(candidate, reserveMiB) });
        return;
      }
      left -= grant;
      const targetMiB = Math.floor(sizeAsked(candidate)) + grant;
      moves.set(guest.name, { targetMiB, reason: "grows", why: growingWhy(candidate.figures) });
    });
  }
  return moves;
}

const hostFull = ({ claim, figures }: Candidate, reserveMiB: number): string =>
  `it should have ${whole(claim.wantMiB - figures.sizeMiB)} MiB more, and the host keeps its last ${whole(reserveMiB)}`;

function growingWhy({ swapsIn, unusedMiB, aheadMiB }: Figures): string {
  if (swapsIn) return `it swaps in, with ${whole(unusedMiB)} MiB unused`;
  const ahead = aheadMiB === 0 ? "" : ` and is to use ${whole(aheadMiB)} MiB more soon`;
  return `it has ${whole(unusedMiB)} MiB unused${ahead}`;
}

/** The size that it has, or that it was promised and is still growing to. */
const sizeAsked = ({ observed, figures }: Candidate): number =>
  Math.max(figures.sizeMiB, observed.track.targetMiB ?? 0);

/** What it is to get now, were there no others; 0: nothing. Growth does not wait for the last step to be reported. */
function wishOf(candidate: Candidate, settings: BalloonSettings): number {
  const { observed, figures, claim, goalMiB } = candidate;
  const { guest } = observed;
  const most = claim.distressed ? Math.max(goalMiB, claim.mustMiB) : goalMiB;
  const asked = sizeAsked(candidate);
  const limit = stepOf(guest, settings) * (claim.critical ? settings.urgency : 1);
  const wish = Math.min(most - asked, limit - (asked - figures.sizeMiB));
  return most - asked < bandOf(guest, settings) || wish < 1 ? 0 : wish;
}

function guestPlan(
  observed: Observed,
  candidate: Candidate | undefined,
  move: Move | undefined,
  settings: BalloonSettings,
): GuestPlan {
  const { guest, figures } = observed;
  const told = move ?? withoutMove(observed, candidate, settings);
  return {
    name: guest.name,
    uuid: guest.uuid,
    currentMiB: guest.currentMiB,
    maximumMiB: guest.maximumMiB,
    minimumMiB: mib(minimumOf(guest, settings)),
    sizeMiB: wholeOrNull(figures?.sizeMiB),
    usedMiB: wholeOrNull(figures?.usedMiB),
    unusedMiB: wholeOrNull(figures?.unusedMiB),
    goalMiB: wholeOrNull(candidate?.goalMiB),
    targetMiB: told.targetMiB === null ? null : mib(told.targetMiB),
    distressed: candidate?.claim.distressed ?? false,
    reason: told.reason,
    why: told.why,
  };
}

/** A guest that does not do what it is asked is asked for what it has: else its balloon might jump when nobody expects it. */
function withoutMove(
  { guest, track, frozen, waiting }: Observed,
  candidate: Candidate | undefined,
  settings: BalloonSettings,
): Move {
  if (frozen !== null) {
    const pending = Math.abs((track.targetMiB ?? guest.currentMiB) - guest.currentMiB);
    const takeBack = frozen.reason === "not-following" && pending > 1;
    return { targetMiB: takeBack ? Math.round(guest.currentMiB) : null, ...frozen };
  }
  if (waiting) return { targetMiB: null, reason: "waiting", why: "what was last asked of it is not in its report yet" };
  const full = candidate !== undefined && guest.currentMiB >= guest.maximumMiB && candidate.claim.distressed;
  if (full) return { targetMiB: null, reason: "at-maximum", why: "it has all that it may have" };
  if (candidate === undefined) return { targetMiB: null, reason: "content", why: "nothing is known of it" };
  if (candidate.claim.wantMiB - candidate.figures.sizeMiB >= bandOf(guest, settings))
    return { targetMiB: null, reason: "host-full", why: hostFull(candidate, settings.hostReserveMiB) };
  return { targetMiB: null, reason: "content", why: `it has ${whole(candidate.figures.unusedMiB)} MiB unused` };
}

const whole = (value: number): number => Math.round(value);

const wholeOrNull = (value: number | undefined): MiB | null => (value === undefined ? null : mib(Math.round(value)));
