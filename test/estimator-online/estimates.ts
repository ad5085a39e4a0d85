/** An estimate, for whoever takes estimates. */
import { milliseconds } from "../../src/core/units.js";
import type { HostEstimate } from "../../src/ports/estimates.js";

export const estimateOf = (host: string, change: Partial<HostEstimate> = {}): HostEstimate => ({
  host,
  at: milliseconds(3_600_000),
  horizonSeconds: 3600,
  validUntil: milliseconds(8_100_000),
  strategy: "headroom",
  vms: 2,
  cpu: {
    capacity: 64,
    booked: 40,
    need: 12.34,
    free: 51.66,
    peak: 10,
    stable: true,
    samples: 48,
    missing: 0,
    instead: null,
  },
  memory: {
    capacity: 1000,
    booked: 500,
    need: 250,
    free: 750,
    peak: 200,
    stable: true,
    samples: 48,
    missing: 0.25,
    instead: null,
  },
  ...change,
});
