/**
 * What happens on the demonstration's host in one hour: which VMs come, how large, in which pool, and when they leave.
 * Sizes are OVHcloud's of 2023 as CloudFactory publishes them (spec 7.1): both lists in exact counts, sorted and paired,
 * then shuffled. Arrivals and the mix of ratios change over the hour so that pools must grow and shrink: the hour starts with
 * mostly exclusive VMs, fills the host, and ends with mostly oversubscribed ones. Same seed, same hour.
 */
import { seededRandom, shuffle } from "../../core/workload/random.js";
import { SCENARIOS } from "../../core/workload/scenario.js";
import { dealt } from "../../core/workload/shares.js";
import type { Happening } from "../play/happening.js";

export const HOUR_SECONDS = 3600;

/** Arrivals per minute in six slices of ten minutes: a rush, a full host, and an evening. */
const ARRIVALS_PER_MINUTE = [8, 7, 6, 6, 3, 2] as const;
const SLICE_SECONDS = HOUR_SECONDS / ARRIVALS_PER_MINUTE.length;
/** VMs stay this long: long enough that the host fills, short enough that it empties within the hour. */
const STAY_SECONDS = [600, 1900] as const;
/** Share of the ratios 1, 2 and 3 in the first and in the last minute; in between it moves evenly. */
const RATIOS = [1, 2, 3] as const;
const FIRST_MIX = [0.6, 0.25, 0.15] as const;
const LAST_MIX = [0.1, 0.35, 0.55] as const;

function ratioAt(atSeconds: number, draw: number): number {
  const passed = atSeconds / HOUR_SECONDS;
  let left = draw;
  for (const [index, ratio] of RATIOS.entries()) {
    left -= FIRST_MIX[index]! + (LAST_MIX[index]! - FIRST_MIX[index]!) * passed;
    if (left < 0) return ratio;
  }
  return RATIOS[RATIOS.length - 1]!;
}

function arrivalTimes(random: () => number, scale: number): number[] {
  return ARRIVALS_PER_MINUTE.flatMap((perMinute, slice) => {
    const count = Math.round((scale * perMinute * SLICE_SECONDS) / 60);
    return Array.from({ length: count }, () => (slice + random()) * SLICE_SECONDS);
  }).sort((a, b) => a - b);
}

/** Everything that happens, in order of time. Departures after the hour are left out. `scale`: times as many VMs. */
export function demoHour(seed: number, scale = 1): readonly Happening[] {
  const random = seededRandom(seed);
  const times = arrivalTimes(random, scale);
  const { vcpus: vcpuShares, memoryGiB } = SCENARIOS.get("ovhcloud2023")!;
  const memories = dealt(memoryGiB, times.length);
  const sizes = shuffle(
    dealt(vcpuShares, times.length).map((vcpus, index) => ({ vcpus, gib: memories[index]! })),
    random,
  );
  const happenings: Happening[] = [];
  for (const [index, atSeconds] of times.entries()) {
    const { vcpus, gib } = sizes[index]!;
    const ratio = ratioAt(atSeconds, random());
    const name = `vm-${String(index + 1).padStart(3, "0")}`;
    happenings.push({ kind: "arrive", atSeconds, name, vcpus, memoryMiB: gib * 1024, ratio });
    const leavesAt = atSeconds + STAY_SECONDS[0] + random() * (STAY_SECONDS[1] - STAY_SECONDS[0]);
    if (leavesAt < HOUR_SECONDS) happenings.push({ kind: "leave", atSeconds: leavesAt, name });
  }
  return happenings.sort((a, b) => a.atSeconds - b.atSeconds);
}
