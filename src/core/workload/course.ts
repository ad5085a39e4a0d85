/**
 * How a VM's usage hangs together in time: the draw that usage.ts turns into CPU, from one of three courses. In each, a draw by itself is an even number,
 * so that a VM keeps its mean and its 95th percentile; and it follows from the seed, the VM and the moment alone, so that it can be computed in any order.
 *
 * - independent: each moment is drawn by itself. Nothing lasts.
 * - bursts: a sum of normal draws of which one stands still for hours (VMs that sleep, and wake for hours), one for minutes (bursts), and one
 *   for the moment; turned back into an even number by the normal distribution (a Gaussian copula).
 * - daily: the same with the hour of the day as a fourth part. Most VMs are busy at about the same hours, as offices are: peaks come together.
 *
 * Parts last as long as a share of the day says, since workloads have short days. Left out: weeks, and levels that move for good.
 */
import { normalBelow, normalQuantile } from "./normal.js";
import { drawFor } from "./random.js";

export const COURSES = ["independent", "bursts", "daily"] as const;
export type Course = (typeof COURSES)[number];

/** Of the variance: that of the hour of the day, of hours, of minutes; the rest is the moment's. */
interface Parts {
  readonly day: number;
  readonly hours: number;
  readonly minutes: number;
}

/** So that half of what a VM does now it still does in an hour, as loads of data centres do; chosen, not fitted to a trace. */
const PARTS = {
  bursts: { day: 0, hours: 0.5, minutes: 0.35 },
  daily: { day: 0.4, hours: 0.3, minutes: 0.2 },
} as const satisfies Record<Exclude<Course, "independent">, Parts>;

/** Mean lengths, in days: four hours, and a quarter of an hour. */
const [HOURS, MINUTES] = [1 / 6, 1 / 96];
/** A VM's busiest hour is at most so far from everybody's, in days; most are nearer. */
const MOST_ASIDE = 1 / 8;

/** Tell the draws of the parts from one another. */
const [HOURS_SEED, MINUTES_SEED, CUT_SEED, ASIDE_SEED, FOLLOWING_SEED] = [
  0x1b873593, 0x38b34ae5, 0x52dce729, 0x64e6b9ad, 0x27d4eb2f,
];
/** Stands for all VMs in draws: no VM has this number. */
const EVERYBODY = -2;

export interface CourseRules {
  readonly seed: number;
  readonly momentsPerDay: number;
  readonly correlation: number;
}

/** Even in [0, 1): the `moment`-th draw of the `index`-th VM. */
export function drawOf(course: Course, index: number, moment: number, rules: CourseRules): number {
  const { seed, correlation } = rules;
  // Who follows does so for a moment where nothing lasts, and else for hours.
  const until = course === "independent" ? moment : spellAt(seed, index, moment, HOURS * rules.momentsPerDay);
  const follows = correlation > 0 && drawFor(seed ^ FOLLOWING_SEED, index, until) < correlation;
  const whose = follows ? EVERYBODY : index;
  return course === "independent" ? drawFor(seed, whose, moment) : mixed(PARTS[course], whose, moment, rules);
}

function mixed(parts: Parts, index: number, moment: number, { seed, momentsPerDay }: CourseRules): number {
  const lasting = (salt: number, days: number): number =>
    normalQuantile(drawFor(seed ^ salt, index, spellAt(seed ^ salt, index, moment, days * momentsPerDay)));
  const { day, hours, minutes } = parts;
  const sum =
    (day === 0 ? 0 : Math.sqrt(day) * normalQuantile(hourOf(index, moment / momentsPerDay, seed))) +
    Math.sqrt(hours) * lasting(HOURS_SEED, HOURS) +
    Math.sqrt(minutes) * lasting(MINUTES_SEED, MINUTES) +
    Math.sqrt(1 - day - hours - minutes) * normalQuantile(drawFor(seed, index, moment));
  return normalBelow(sum);
}

/** Number of the spell that a moment is in: one begins somewhere in every stretch of the mean length, in moments. */
function spellAt(seed: number, index: number, moment: number, length: number): number {
  const moments = Math.max(1, Math.round(length));
  const stretch = Math.floor(moment / moments);
  const cut = Math.floor(moments * drawFor(seed ^ CUT_SEED, index, stretch));
  return moment - stretch * moments < cut ? stretch : stretch + 1;
}

/** Even over a day, rising to the VM's busiest hour at its middle and falling from there. */
function hourOf(index: number, days: number, seed: number): number {
  const aside = MOST_ASIDE * (drawFor(seed ^ ASIDE_SEED, index, 0) + drawFor(seed ^ ASIDE_SEED, index, 1) - 1);
  const since = days - aside - Math.floor(days - aside);
  return 1 - Math.abs(2 * since - 1);
}
