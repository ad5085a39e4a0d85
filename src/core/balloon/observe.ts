/**
 * What a reading says of each guest, in the light of what is remembered of it: how much it uses and has unused now, how
 * fast it grows, whether it is in distress, and whether its figures can be relied on at all.
 *
 * The balloon size that libvirt tells and the guest's own figures are of different moments, either of them the older one:
 * while the balloon moves, their difference is nobody's. So use and size are taken from the report alone (MemTotal less
 * MemFree, and MemTotal), and the part of the size that the guest's kernel took before counting, the overhead, is measured
 * while nothing moves. With that a decision is right for the moment of the report, however late it comes.
 */
import { type Milliseconds, milliseconds } from "../units.js";
import type { BalloonReading, BalloonReason, GuestMemory, GuestTrack, UseSample } from "./model.js";
import {
  type BalloonSettings,
  CALM_READINGS,
  EMULATOR_MIB,
  FORECAST_INTERVALS,
  LEAST_EMULATOR_MIB,
  PATIENCE_READINGS,
  REST_READINGS,
  STALE_PERIODS,
} from "./settings.js";

export interface Frozen {
  readonly reason: BalloonReason;
  readonly why: string;
}

/** A guest that can be planned for. Sizes are of its balloon: use and overhead together. */
export interface Figures {
  /** Used now, and the most within the remembered readings; page cache counts. */
  readonly usedMiB: number;
  readonly peakUsedMiB: number;
  /** The same without what the guest could give up without swapping. */
  readonly heldMiB: number;
  readonly peakHeldMiB: number;
  /** Balloon size at the report. */
  readonly sizeMiB: number;
  readonly unusedMiB: number;
  readonly usableMiB: number;
  /** What it will use more, by its trend, before the next decision takes effect. */
  readonly aheadMiB: number;
  readonly swapsIn: boolean;
}

export interface Observed {
  readonly guest: GuestMemory;
  readonly track: GuestTrack;
  readonly figures: Figures | null;
  /** Why nothing is asked of it; null: it can be planned for. */
  readonly frozen: Frozen | null;
  /** Its figures are older than the last decision, or it has not done yet what it was asked. */
  readonly waiting: boolean;
}

/** Sizes within this are the same: libvirt counts in KiB, balloons in pages. */
const SAME_MIB = 1;
/** MemTotal and MemFree are read one after the other. */
const TORN_MIB = 64;

type Remembered = "samples" | "overheadMiB" | "emulatorMiB" | "targetMiB" | "unmoved" | "restReadings";

const FRESH: Pick<GuestTrack, Remembered> = {
  samples: [],
  overheadMiB: 0,
  emulatorMiB: EMULATOR_MIB,
  targetMiB: null,
  unmoved: 0,
  restReadings: 0,
};

export function observe(
  guest: GuestMemory,
  before: GuestTrack | undefined,
  reading: BalloonReading,
  settings: BalloonSettings,
): Observed {
  const known = before?.uuid === guest.uuid && !startedAnew(before, guest) ? before : undefined;
  const problem = absurdity(guest);
  if (problem !== null) {
    const track = known ?? newTrack(guest, reading);
    return { guest, track, figures: null, frozen: { reason: "absurd", why: problem }, waiting: false };
  }
  const silent = guest.lastUpdate === null || guest.unusedMiB === null;
  // libvirt leaves a guest's figures out while its QEMU is busy with somebody else's question.
  if (silent && known !== undefined && known.samples.length > 0)
    return observeSilent(guest, known, reading.at, settings);
  const fresh = !silent && guest.lastUpdate !== known?.lastUpdate;
  const reportedAt = fresh && known !== undefined ? reading.at : (known?.reportedAt ?? firstReport(guest, reading));
  const track = followed(remembered(guest, known, fresh, reportedAt), known, settings);
  const frozen = silent ? NOTHING_REPORTED : frozenBy(guest, track, reading.at, settings);
  const figures = track.samples.length === 0 ? null : figuresOf(guest, track, known, settings);
  const moving = figures !== null && isMoving(track, figures, settings);
  return { guest, track, figures, frozen, waiting: known !== undefined && (!fresh || moving) };
}

const NOTHING_REPORTED: Frozen = {
  reason: "no-driver",
  why: "it has reported nothing: no balloon driver, or none yet",
};

/** What it said before counts for as long as a report does. */
function observeSilent(guest: GuestMemory, known: GuestTrack, at: Milliseconds, settings: BalloonSettings): Observed {
  const track = followed({ ...known, currentMiB: guest.currentMiB }, known, settings);
  const figures = figuresOf(guest, track, known, settings);
  return { guest, track, figures, frozen: frozenBy(guest, track, at, settings), waiting: true };
}

const isMoving = ({ targetMiB }: GuestTrack, { sizeMiB }: Figures, settings: BalloonSettings): boolean =>
  targetMiB !== null && Math.abs(targetMiB - sizeMiB) > bandOf({ currentMiB: sizeMiB }, settings);

/** The smallest change of this guest that is worth making. */
export const bandOf = ({ currentMiB }: { readonly currentMiB: number }, settings: BalloonSettings): number =>
  Math.max(settings.deadBandMiB, settings.deadBandShare * currentMiB);

/** Counters went back: another guest life under the same uuid. */
const startedAnew = (track: GuestTrack, guest: GuestMemory): boolean =>
  (guest.swapInMiB ?? 0) < (track.swapInMiB ?? 0) || (guest.lastUpdate ?? Infinity) < (track.lastUpdate ?? 0);

const newTrack = (guest: GuestMemory, reading: BalloonReading): GuestTrack =>
  remembered(guest, undefined, false, firstReport(guest, reading));

/** When the report came that is seen first, by wall time; a clock that runs ahead of ours means now. */
const firstReport = ({ lastUpdate }: GuestMemory, { at, wallTime }: BalloonReading): Milliseconds =>
  lastUpdate === null ? at : milliseconds(at - Math.max(0, wallTime - lastUpdate * 1000));

/** A sentence where the figures cannot be true; null: they can. */
function absurdity(guest: GuestMemory): string | null {
  const { currentMiB, maximumMiB, unusedMiB, availableMiB, usableMiB, swapInMiB, lastUpdate } = guest;
  const told = [currentMiB, maximumMiB, unusedMiB, availableMiB, usableMiB, swapInMiB, lastUpdate];
  if (told.some((value) => value !== null && !isAmount(value))) return "it reports what is no amount of memory";
  if (currentMiB === 0 || maximumMiB === 0) return `it reports a size of ${currentMiB} of ${maximumMiB} MiB`;
  if (unusedMiB === null) return null;
  if (availableMiB === 0) return "it reports no memory at all";
  const most = Math.max(availableMiB ?? currentMiB, 0) + TORN_MIB;
  if (unusedMiB > most) return `it reports ${shown(unusedMiB)} MiB unused of ${shown(availableMiB ?? currentMiB)} MiB`;
  if ((usableMiB ?? 0) > most) return `it reports ${shown(usableMiB ?? 0)} MiB usable of ${shown(most)} MiB`;
  if ((availableMiB ?? 0) > maximumMiB + TORN_MIB && currentMiB <= maximumMiB)
    return `it reports ${shown(availableMiB ?? 0)} MiB in all, and has at most ${shown(maximumMiB)} MiB`;
  return null;
}

/** More than any machine has: beyond it lies nonsense. */
const MOST_MIB = 2 ** 40;

export const isAmount = (value: number | null | undefined): value is number =>
  typeof value === "number" && value >= 0 && value <= MOST_MIB;

const shown = (value: number): number => Math.round(value);

/** The track with this reading in it. */
function remembered(
  guest: GuestMemory,
  known: GuestTrack | undefined,
  fresh: boolean,
  reportedAt: Milliseconds,
): GuestTrack {
  // Written out, as spreading one literal into another gives each object a hidden class of its own (V8), at ten times the cost.
  const { samples, overheadMiB, emulatorMiB, targetMiB, unmoved, restReadings } = known ?? FRESH;
  const total = guest.availableMiB ?? guest.currentMiB;
  return {
    uuid: guest.uuid,
    samples: fresh ? [...samples.slice(-CALM_READINGS), sampleOf(guest, reportedAt)] : samples,
    overheadMiB: fresh && isStill(guest, known) ? guest.currentMiB - total : overheadMiB,
    emulatorMiB: fresh && known !== undefined && isStill(guest, known) ? learned(emulatorMiB, guest) : emulatorMiB,
    currentMiB: guest.currentMiB,
    availableMiB: guest.availableMiB,
    rssMiB: guest.rssMiB ?? known?.rssMiB ?? null,
    lastUpdate: guest.lastUpdate,
    reportedAt,
    swapInMiB: guest.swapInMiB,
    targetMiB,
    unmoved,
    restReadings,
  };
}

/** The first reading has to do until there is a better one. */
const isStill = (guest: GuestMemory, known: GuestTrack | undefined): boolean =>
  known === undefined ||
  known.samples.length === 0 ||
  (same(known.currentMiB, guest.currentMiB) && same(known.availableMiB ?? 0, guest.availableMiB ?? 0));

/** Whole MiB are told, so that it may be two less than it is. */
const ROUNDED_MIB = 2;

/** What the process holds beyond what the guest uses is QEMU's, or was touched and is free again: never less than QEMU's. */
function learned(emulatorMiB: number, { rssMiB, currentMiB, unusedMiB }: GuestMemory): number {
  if (!isAmount(rssMiB) || unusedMiB === null) return emulatorMiB;
  const most = rssMiB - (currentMiB - unusedMiB) + ROUNDED_MIB;
  return Math.max(LEAST_EMULATOR_MIB, Math.min(emulatorMiB, most));
}

const same = (a: number, b: number): boolean => Math.abs(a - b) <= SAME_MIB;

function sampleOf(guest: GuestMemory, at: Milliseconds): UseSample {
  const total = guest.availableMiB ?? guest.currentMiB;
  const usedMiB = Math.max(0, total - (guest.unusedMiB ?? 0));
  const usable = Math.max(guest.usableMiB ?? 0, guest.unusedMiB ?? 0);
  return { at, usedMiB, heldMiB: Math.max(0, total - usable) };
}

/** Counts how long it has not moved towards what was asked of it, and forgets what it has reached. */
function followed(track: GuestTrack, known: GuestTrack | undefined, settings: BalloonSettings): GuestTrack {
  if (track.restReadings > 0) return { ...track, restReadings: track.restReadings - 1 };
  const { targetMiB } = track;
  if (known === undefined || targetMiB === null) return { ...track, unmoved: 0 };
  const left = Math.abs(targetMiB - track.currentMiB);
  if (left <= SAME_MIB) return { ...track, targetMiB: null, unmoved: 0 };
  const moved = Math.abs(targetMiB - known.currentMiB) - left > SAME_MIB;
  const unmoved = moved ? 0 : track.unmoved + 1;
  if (unmoved < PATIENCE_READINGS) return { ...track, unmoved };
  // Near enough: what is missing was not worth asking for.
  if (left <= bandOf(track, settings)) return { ...track, targetMiB: null, unmoved: 0 };
  return { ...track, unmoved, restReadings: REST_READINGS };
}

function frozenBy(guest: GuestMemory, track: GuestTrack, at: Milliseconds, settings: BalloonSettings): Frozen | null {
  const ageSeconds = (at - track.reportedAt) / 1000;
  if (ageSeconds > STALE_PERIODS * settings.statsPeriod) {
    return { reason: "stale", why: `its last report is ${Math.round(ageSeconds)} s old` };
  }
  if (track.restReadings > 0) {
    const asked = track.targetMiB === null ? "what it was asked" : `${shown(track.targetMiB)} MiB`;
    return { reason: "not-following", why: `it was to go to ${asked} and has ${shown(guest.currentMiB)} MiB` };
  }
  return null;
}

function figuresOf(
  guest: GuestMemory,
  track: GuestTrack,
  known: GuestTrack | undefined,
  settings: BalloonSettings,
): Figures {
  const { samples, overheadMiB } = track;
  const latest = samples[samples.length - 1]!;
  let [peakUsed, peakHeld] = [0, 0];
  for (let i = Math.max(0, samples.length - CALM_READINGS); i < samples.length; i++) {
    peakUsed = Math.max(peakUsed, samples[i]!.usedMiB);
    peakHeld = Math.max(peakHeld, samples[i]!.heldMiB);
  }
  const usedMiB = latest.usedMiB + overheadMiB;
  const heldMiB = latest.heldMiB + overheadMiB;
  const sizeMiB = track.availableMiB === null ? guest.currentMiB : track.availableMiB + overheadMiB;
  return {
    sizeMiB,
    usedMiB,
    peakUsedMiB: peakUsed + overheadMiB,
    heldMiB,
    peakHeldMiB: peakHeld + overheadMiB,
    unusedMiB: Math.max(0, sizeMiB - usedMiB),
    usableMiB: Math.max(0, sizeMiB - heldMiB),
    aheadMiB: aheadOf(guest, samples, settings),
    swapsIn: (guest.swapInMiB ?? 0) - (known?.swapInMiB ?? guest.swapInMiB ?? 0) >= SAME_MIB,
  };
}

/**
 * Growth ahead: the lower of the last rate and the mean rate over the remembered readings, so that one jump or noise around
 * a level is no trend; never more than one step, and nothing below the dead band.
 */
function aheadOf(guest: GuestMemory, samples: readonly UseSample[], settings: BalloonSettings): number {
  const [first, before, latest] = [samples[0], samples[samples.length - 2], samples[samples.length - 1]];
  if (first === undefined || before === undefined || latest === undefined) return 0;
  const rate = Math.min(ratePerMs(before, latest), ratePerMs(first, latest));
  const ahead = Math.min(rate * FORECAST_INTERVALS * settings.interval, stepOf(guest, settings));
  return ahead < bandOf(guest, settings) ? 0 : ahead;
}

const ratePerMs = (from: UseSample, to: UseSample): number =>
  to.at > from.at ? (to.heldMiB - from.heldMiB) / (to.at - from.at) : 0;

/** The most that an ordinary step changes a guest by. */
export const stepOf = ({ maximumMiB }: { readonly maximumMiB: number }, settings: BalloonSettings): number =>
  Math.max(settings.stepMiB, settings.stepShare * maximumMiB);
