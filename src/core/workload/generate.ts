/**
 * Makes a workload from a scenario: the VMs of the beginning, then every day's arrivals, one after the other in order of
 * submission, so that a workload of any length streams. Sizes, ratios and profiles are exact counts of every batch (the beginning,
 * and each day), shuffled; times are drawn. Submission order: submission.ts. A day's arrivals are spread over its slices by weights of a Weibull distribution of
 * shape 1, drawn anew each day; a VM that leaves lives 1 to as many slices as a day has, evenly. After the published experiment (spec 7.1).
 */
import { assert } from "../assert.js";
import { type MiB, mib, type Ratio, type Seconds, seconds } from "../units.js";
import { type Random, shuffle, wholeBetween } from "./random.js";
import type { Scenario, Temporality, UsageProfileShare } from "./scenario.js";
import { countsOf, dealt, type Shares } from "./shares.js";
import { placeInTable } from "./submission.js";

export interface WorkloadVm {
  /** From 0: the beginning's VMs first, then each day's; in a batch, small ones first. */
  readonly index: number;
  /** `vm` and the index. */
  readonly name: string;
  readonly vcpus: number;
  /** As sold. */
  readonly memoryMiB: MiB;
  readonly ratio: Ratio;
  readonly arrival: Seconds;
  /** Of a VM that stays, the end of the workload. */
  readonly departure: Seconds;
  readonly permanent: boolean;
  readonly profile: string;
  /** Usage in percent of its vCPUs. */
  readonly meanPercent: number;
  readonly p95Percent: number;
  /** Repeats by the day. */
  readonly periodic: boolean;
}

/** Products of decimal shares are a whole number when they are that near to one. */
const NEAR = 1e-9;

interface Batch {
  readonly day: number;
  /** Index of its first VM. */
  readonly first: number;
  readonly count: number;
}

/** VMs that a day adds to `initial` of them. */
export const arrivalsPerDay = ({ profiles }: Scenario, initial: number): number =>
  Math.floor(profiles.reduce((sum, { share, arrival }) => sum + share * arrival, 0) * initial + NEAR);

export function* generateWorkload(
  scenario: Scenario,
  temporality: Temporality,
  initial: number,
  random: Random,
): Generator<WorkloadVm> {
  const slicesPerDay = temporality.day / temporality.slice;
  assert(Number.isInteger(slicesPerDay) && slicesPerDay >= 1, "a day has whole slices");
  const daily = arrivalsPerDay(scenario, initial);
  const placeOf = placeInTable(initial + daily * (temporality.days - 1));
  let first = 0;
  for (let day = 0; day < temporality.days; day++) {
    const batch: Batch = { day, first, count: day === 0 ? initial : daily };
    const vms = batchOf(scenario, temporality, batch, random).map((vm) => ({ vm, place: placeOf(vm.name) }));
    vms.sort((a, b) => a.vm.arrival - b.vm.arrival || a.place - b.place || a.vm.index - b.vm.index);
    for (const { vm } of vms) yield vm;
    first += batch.count;
  }
}

/** One batch, in the order of its sizes. */
function batchOf(scenario: Scenario, temporality: Temporality, batch: Batch, random: Random): WorkloadVm[] {
  const { count } = batch;
  const slicesPerDay = temporality.day / temporality.slice;
  const shuffledOf = <T>(shares: Shares<T>): T[] => shuffle(dealt(shares, count), random);
  const courses = shuffle(coursesOf(scenario, count, random), random);
  const ratios = shuffledOf(scenario.ratios);
  const starts = shuffle(startSlices(temporality, batch, random), random);
  return sizesOf(scenario, count).map(({ vcpus, gib }, place) => {
    const index = batch.first + place;
    const { profile, leaves, periodic } = courses[place]!;
    const arrival = starts[place]! * temporality.slice;
    const slices = wholeBetween(random, 1, slicesPerDay);
    const departure = leaves ? arrival + slices * temporality.slice : temporality.days * temporality.day;
    return {
      index,
      name: `vm${index}`,
      vcpus,
      memoryMiB: mib(Math.round(gib * 1024)),
      ratio: ratios[place]!,
      arrival: seconds(arrival),
      departure: seconds(departure),
      permanent: !leaves,
      profile: profile.name,
      ...usageOf(profile, random),
      periodic,
    };
  });
}

function sizesOf({ vcpus, memoryGiB }: Scenario, count: number): { readonly vcpus: number; readonly gib: number }[] {
  const ascending = (shares: Shares<number>): number[] => dealt(shares, count).sort((a, b) => a - b);
  const memories = ascending(memoryGiB);
  return ascending(vcpus).map((each, place) => ({ vcpus: each, gib: memories[place]! }));
}

/** The slices in which the batch arrives. */
function startSlices({ slice, day }: Temporality, batch: Batch, random: Random): number[] {
  if (batch.day === 0) return new Array<number>(batch.count).fill(0);
  const slices = day / slice;
  const weights = Array.from({ length: slices }, (_, at) => [batch.day * slices + at, weibull(random)] as const);
  return dealt(weights, batch.count);
}

/** Of shape 1, which is an exponential distribution. */
const weibull = (random: Random): number => -Math.log(1 - random());

/** What a VM does, whether it leaves, and whether its usage repeats. */
interface Course {
  readonly profile: UsageProfileShare;
  readonly leaves: boolean;
  readonly periodic: boolean;
}

/** So many of each profile as its share says; of those the whole numbers that leave and that repeat, rounded down. */
function coursesOf({ profiles }: Scenario, count: number, random: Random): Course[] {
  const counts = countsOf(
    profiles.map((profile) => [profile, profile.share]),
    count,
  );
  return profiles.flatMap((profile, place) => {
    const times = counts[place]!;
    const some = (share: number): boolean[] => {
      const yes = Math.floor(times * share + NEAR);
      return shuffle(
        Array.from({ length: times }, (_, at) => at < yes),
        random,
      );
    };
    const repeats = some(profile.periodic);
    return some(profile.departure).map((leaves, at) => ({ profile, leaves, periodic: repeats[at]! }));
  });
}

function usageOf({ mean, p95 }: UsageProfileShare, random: Random): Pick<WorkloadVm, "meanPercent" | "p95Percent"> {
  const meanPercent = mean.least + random() * (mean.most - mean.least);
  const least = Math.min(p95.most, Math.max(p95.least, meanPercent));
  const p95Percent = least + random() * (p95.most - least);
  return { meanPercent: Math.min(meanPercent, p95Percent), p95Percent };
}
