/**
 * How far placement follows estimates. off: not at all. advise: explanations show what the filters would say and how the usage weigher
 * would score, and nothing follows. enforce: the filters veto, and usage counts.
 */
import { estimatedCpuFilter, estimatedMemoryFilter } from "./filters/estimate/filter.js";
import { BUILT_IN, type Registry, type Weights } from "./rules.js";
import { bookedUsageWeigher, usageWeigher } from "./weighers/usage/weigher.js";
import { WEIGHTS } from "./weights.js";

export const ESTIMATE_MODES = ["off", "advise", "enforce"] as const;
export type EstimateMode = (typeof ESTIMATE_MODES)[number];

const FILTERS = [estimatedCpuFilter, estimatedMemoryFilter];

/** As long as nothing is enforced, usage is what is booked. */
const ADVISED: Registry = {
  ...BUILT_IN,
  weighers: [
    ...BUILT_IN.weighers.map((weigher) => (weigher === usageWeigher ? bookedUsageWeigher : weigher)),
    { ...usageWeigher, name: "usage-by-estimate" },
  ],
  advisers: FILTERS,
};

const ENFORCED: Registry = { ...BUILT_IN, shapeFilters: [...BUILT_IN.shapeFilters, ...FILTERS] };

/**
 * Of Headroom's own placement, where estimates count and nobody says otherwise: a tenth of a host's balance, so that among hosts that a VM
 * leaves about equally balanced the one with the most room by its estimate is taken.
 */
const USAGE_WEIGHT = 0.1;

export const registryFor = (mode: EstimateMode): Registry =>
  mode === "off" ? BUILT_IN : mode === "advise" ? ADVISED : ENFORCED;

/** Of a placement that is named, not spelled out by weights. */
export const weightsFor = (mode: EstimateMode, placement: keyof typeof WEIGHTS): Weights =>
  mode === "enforce" && placement === "headroom" ? { ...WEIGHTS.headroom, usage: USAGE_WEIGHT } : WEIGHTS[placement];
