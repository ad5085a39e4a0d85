/**
 * The effective ratio of one pool: down at once, up by one bounded step in a window, as congestion control is
 * (Chiu and Jain, 1989), since a ratio that is too low costs room and one that is too high costs guests their quality. It comes
 * down when guests suffer (they wait for more than a bearable part of the time), when demand passes what the pool holds, and
 * when the expected peak does; it rises when nothing of that was so for a whole window, and never beyond what the expected
 * peak allows. Nothing known: the ratio as it was sold. Guests that boot count with what they were sold, and where they may be
 * why others wait the ratio stays.
 */
import { ratioAbove, ratioBelow } from "../pool/exact-ratio.js";
import { type Milliseconds, type Ratio, ratio } from "../units.js";
import { expectedPcpus } from "./expected.js";
import {
  bootsMayDelay,
  type DynamicSettings,
  demandOf,
  type Forecast,
  type MoveReason,
  type PoolMemory,
  type PoolReading,
  suffers,
} from "./model.js";

/** A step upwards, as a part of the pool's ratio: from 1 to 3 in seven windows. */
const STEP = 0.1;

/** What a decision is made from, besides the pool. */
export interface Circumstances {
  readonly now: Milliseconds;
  /** Of the host, 0 to 1; null: not known. */
  readonly pressure: number | null;
}

/** The largest ratio that the pool may ever be counted with. */
export const ceilingOf = (sold: Ratio, { maximumFactor }: DynamicSettings): Ratio =>
  sold === 1 ? sold : ratio(Math.max(sold, ratioBelow(sold * Math.max(1, maximumFactor))));

/** The highest ratio that what is measured and expected allows, and what keeps it from a higher one. */
function bearable(
  reading: PoolReading,
  forecast: Forecast | null,
  settings: DynamicSettings,
): { readonly most: number; readonly reason: MoveReason } {
  const { vcpus, pcpus, ratio: sold, bootingVcpus } = reading;
  const known = demandOf(reading) ?? 0;
  const demand = known + bootingVcpus / sold;
  const expected = expectedPcpus(reading, forecast, settings.margin);
  // More than was sold is for pools that are known: newcomers and missing forecasts keep it to the ratio.
  let most: number = expected === null || reading.freshVcpus > 0 ? sold : ceilingOf(sold, settings);
  let reason: MoveReason = "as-sold";
  const fit = (needed: number, because: MoveReason): void => {
    if (vcpus / needed >= most) return;
    most = vcpus / needed;
    reason = because;
  };
  if (expected !== null && expected > 0) fit(expected, "expected");
  if (suffers(reading, settings)) fit(Math.max(pcpus + 1, demand * (1 + settings.margin)), "waiting");
  else if (known > 0) fit(demand, "demand");
  return { most: Math.max(1, most), reason };
}

/** What the pool asks for now. */
export function nextRatio(
  memory: Pick<PoolMemory, "wantedRatio" | "stirredAt" | "moved">,
  reading: PoolReading,
  forecast: Forecast | null,
  settings: DynamicSettings,
  { now, pressure }: Circumstances,
): Pick<PoolMemory, "wantedRatio" | "stirredAt" | "moved"> {
  const sold = reading.ratio;
  if (!settings.ratios || sold === 1 || reading.vcpus === 0) return { wantedRatio: sold, stirredAt: memory.stirredAt };
  const { most, reason } = bearable(reading, forecast, settings);
  const moved = (to: Ratio, because: MoveReason) => ({
    wantedRatio: to,
    stirredAt: now,
    moved: { at: now, from: memory.wantedRatio, to, reason: because },
  });
  // In exact decimals; a limit that is itself on the grid stays reachable.
  const limit = most >= ceilingOf(sold, settings) ? ceilingOf(sold, settings) : ratio(Math.max(1, ratioBelow(most)));
  if (limit < memory.wantedRatio) return moved(limit, reason);
  if (bootsMayDelay(reading)) return memory;
  if (suffers(reading, settings) || (pressure ?? 0) > settings.mostPressure) return { ...memory, stirredAt: now };
  // What was seen to be busy rises once it is known to be quiet; an agent that has just begun knows neither.
  if (forecast === null && demandOf(reading) !== null) return memory;
  if (limit === memory.wantedRatio || now - memory.stirredAt < settings.window) return memory;
  return moved(ratio(Math.min(limit, ratioAbove(memory.wantedRatio + STEP * sold))), "calm");
}
