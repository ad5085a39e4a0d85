/** The sample of docs/extending.md, word for word. */
import type { ShapeFilter, Weigher } from "../../src/core/placement/model.js";
import { createPlacer } from "../../src/core/placement/placer.js";
import { BUILT_IN } from "../../src/core/placement/rules.js";
import { WEIGHTS } from "../../src/core/placement/weights.js";

/** Shares of a host that one VM may take: the rest of its VMs should survive its peaks. */
const LARGEST_SHARE = 0.5;

/** Keeps VMs off hosts that they would fill by more than half. */
export const largestShareFilter: ShapeFilter = {
  name: "largest-share",
  veto({ host, shape }) {
    const most = Math.floor(host.usablePcpus * LARGEST_SHARE);
    return shape.vcpus <= most ? null : () => `the VM has ${shape.vcpus} vCPUs, one VM may have ${most} here`;
  },
};

/** Watts that make no difference any more. */
const PLENTY = 2000;

/** Racks with power to spare, 0 to 1; a host that says nothing counts as one without. Labels are part of a host's class. */
export const powerWeigher: Weigher = {
  name: "power",
  score({ host }) {
    const watts = Number(host.labels["watts-free"] ?? 0);
    return Number.isFinite(watts) ? Math.min(Math.max(watts, 0), PLENTY) / PLENTY : 0;
  },
};

export const placer = createPlacer({
  weights: { ...WEIGHTS.headroom, power: 0.1 },
  registry: {
    ...BUILT_IN,
    shapeFilters: [...BUILT_IN.shapeFilters, largestShareFilter],
    weighers: [...BUILT_IN.weighers, powerWeigher],
  },
});
