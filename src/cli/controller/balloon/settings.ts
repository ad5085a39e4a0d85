/** The memory coordinator's settings as the operator gave them. */
import type { AgentSettings } from "../../../agent/settings.js";
import { type BalloonSettings, DEFAULT_BALLOON_SETTINGS } from "../../../core/balloon/settings.js";
import { type Milliseconds, mib, milliseconds, seconds } from "../../../core/units.js";
import type { Settings } from "../../settings/agent-settings.js";
import { numbersOf } from "../../settings/memory-settings.js";

/** Reports at least three times within an interval, so that the one that decides is young; no more often than each second. */
const REPORTS_PER_INTERVAL = 3;
/** More seldom than this, statistics say nothing to anybody else who reads them. */
const LONGEST_PERIOD_SECONDS = 10;

export function balloonSettings(settings: Settings, interval: Milliseconds): BalloonSettings {
  const period = Math.floor(interval / 1000 / REPORTS_PER_INTERVAL);
  return {
    interval,
    statsPeriod: seconds(Math.min(LONGEST_PERIOD_SECONDS, Math.max(1, period))),
    floorMiB: mib(settings.balloonFloorMiB),
    floorShare: settings.balloonFloorPercent / 100,
    hostReserveMiB: mib(settings.balloonHostReserveMiB),
    limitMiB: settings.balloonLimitMiB === null ? null : mib(settings.balloonLimitMiB),
    minimumMiB: mib(settings.balloonMinimumMiB),
    minimums: new Map([...numbersOf(settings.balloonMinimums)].map(([name, value]) => [name, mib(value)])),
    stepMiB: mib(settings.balloonStepMiB),
    stepShare: settings.balloonStepPercent / 100,
    urgency: DEFAULT_BALLOON_SETTINGS.urgency,
    deadBandMiB: mib(settings.balloonDeadBandMiB),
    deadBandShare: settings.balloonDeadBandPercent / 100,
    shares: numbersOf(settings.balloonShares),
    idleTax: settings.balloonIdleTaxPercent / 100,
  };
}

/** An agent's: its ticks are the interval, and its guests report for its own figures as often as for the coordinator. */
export function memorySettings(settings: Settings): Partial<AgentSettings> {
  const balloon = settings.balloon ? balloonSettings(settings, milliseconds(settings.tickSeconds * 1000)) : null;
  return {
    memoryRatio: settings.memoryRatio,
    memoryMargin: settings.memoryMarginPercent / 100,
    memoryHistory: milliseconds(settings.memoryHistoryMinutes * 60_000),
    balloon,
    ...(balloon === null ? {} : { memoryStatsPeriod: balloon.statsPeriod }),
  };
}
