/**
 * The active part of an elastic pool (spec 1.3; SmartHarvest: Wang et al., EuroSys 2021): as many pCPUs as the pool is expected to
 * need at most in the next window, with a leeway, so that the others can rest or serve others. As soon as usage reaches the
 * active part, or guests suffer, all of the pool is active again, for a whole window at least: too few costs guests their
 * quality, too many only some rest. Newcomers count in full, and no VM gets fewer pCPUs than it has vCPUs.
 */
import type { Milliseconds } from "../units.js";
import { expectedPcpus } from "./expected.js";
import {
  type DynamicSettings,
  demandOf,
  type Forecast,
  type PoolMemory,
  type PoolReading,
  REACHED,
  suffers,
} from "./model.js";

const hasReached = (reading: PoolReading, settings: DynamicSettings): boolean =>
  suffers(reading, settings) || (reading.usagePcpus ?? 0) >= REACHED * reading.runsOn;

/** What the pool needs active; null: nothing is expected, or all of it. */
function needed(reading: PoolReading, forecast: Forecast | null, settings: DynamicSettings): number | null {
  const { pcpus, vcpus, freshVcpus, largestVm } = reading;
  const known = { ...reading, vcpus: vcpus - freshVcpus, freshVcpus: 0 };
  const expected = expectedPcpus(known, forecast, 0);
  if (forecast === null || expected === null) return null;
  const leeway = settings.leeway * forecast.deviation * known.vcpus;
  // With one to spare below what counts as reached, or the next sample would end the rest.
  const spacious = Math.max(expected + leeway, demandOf(reading) ?? 0) / REACHED;
  const most = Math.max(1, largestVm, Math.ceil(spacious) + freshVcpus);
  return most >= pcpus ? null : most;
}

/** What is kept active from now on. Grows at once, shrinks a whole window after it was short. */
export function nextActive(
  memory: Pick<PoolMemory, "active" | "shortAt">,
  reading: PoolReading,
  forecast: Forecast | null,
  settings: DynamicSettings,
  now: Milliseconds,
): Pick<PoolMemory, "active" | "shortAt"> {
  if (settings.elastic === "off" || reading.ratio === 1 || reading.vcpus === 0) return { active: null, shortAt: now };
  if (hasReached(reading, settings)) return { active: null, shortAt: now };
  const wanted = needed(reading, forecast, settings);
  // What is expected but not measured, as at an agent's first look, lets nothing rest anew.
  const isBlind = demandOf(reading) === null;
  if (wanted === null || (isBlind && memory.active === null))
    return { active: null, shortAt: memory.active === null ? memory.shortAt : now };
  const isGrowth = memory.active !== null && wanted > memory.active;
  if (isGrowth) return { active: wanted, shortAt: now };
  if (isBlind || wanted === memory.active || now - memory.shortAt < settings.window) return memory;
  // One step a window, whichever its size: what rests longer saves more than what moves more often.
  return { active: wanted, shortAt: now };
}

/** Whether the pool may use what others let rest: while its own is short. */
export function borrowsNow(
  before: boolean,
  reading: PoolReading,
  settings: DynamicSettings,
  calmFor: Milliseconds,
): boolean {
  if (settings.elastic !== "lend" || reading.ratio === 1 || reading.vcpus === 0) return false;
  return hasReached(reading, settings) || (before && calmFor < settings.window);
}
