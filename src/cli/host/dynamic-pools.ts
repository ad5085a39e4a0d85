/** The settings of pools that follow their usage, as the operator gave them. */
import type { DynamicSettings } from "../../core/dynamic/model.js";
import { milliseconds } from "../../core/units.js";
import type { Settings } from "../settings/agent-settings.js";

/** Raw windows kept for how usage spreads; more would cost memory and say no more. */
const MOST_HISTORY = 288;

/** Null: pools are what their ratios make them. */
export function dynamicSettings(settings: Settings): DynamicSettings | null {
  const { dynamic, elastic, learningSeconds, monitoringSeconds } = settings;
  if (!dynamic && elastic === "off") return null;
  return {
    ratios: dynamic,
    maximumFactor: settings.dynamicFactor,
    margin: settings.dynamicMarginPercent / 100,
    mostWaiting: settings.dynamicWaitPercent / 100,
    mostPressure: settings.dynamicPressurePercent / 100,
    elastic,
    leeway: settings.elasticLeeway,
    window: milliseconds(learningSeconds * 1000),
    bootTime: milliseconds(settings.dynamicBootSeconds * 1000),
    history: Math.min(MOST_HISTORY, Math.max(1, Math.round(monitoringSeconds / learningSeconds))),
  };
}
