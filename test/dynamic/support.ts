/** Settings, readings and wishes for the tests of pools that follow their usage. */
import type { DynamicSettings, PoolReading } from "../../src/core/dynamic/model.js";
import { milliseconds, ratio } from "../../src/core/units.js";
import fc from "../support/property.js";

export const WINDOW = milliseconds(60_000);

export const SETTINGS: DynamicSettings = {
  ratios: true,
  maximumFactor: 1,
  margin: 0.15,
  mostWaiting: 0.1,
  mostPressure: 0.5,
  elastic: "off",
  leeway: 1,
  window: WINDOW,
  history: 6,
  bootTime: milliseconds(0),
};

/** A pool that holds its VMs at some ratio, with any usage that it can have. */
export const readings = fc
  .record({
    ratio: fc.constantFrom(1, 1.5, 2, 2.6, 3, 16).map(ratio),
    vcpus: fc.integer({ min: 1, max: 200 }),
    spread: fc.double({ min: 0, max: 1, noNaN: true }),
    largest: fc.double({ min: 0, max: 1, noNaN: true }),
    fresh: fc.double({ min: 0, max: 1, noNaN: true }),
    used: fc.double({ min: 0, max: 1, noNaN: true }),
    boots: fc.boolean(),
    waited: fc.double({ min: 0, max: 1, noNaN: true }),
    isMeasured: fc.boolean(),
  })
  .map((one): PoolReading => {
    const largestVm = Math.max(1, Math.round(one.largest * one.vcpus));
    const pcpus = Math.max(largestVm, Math.ceil(one.vcpus / (1 + one.spread * (one.ratio - 1))));
    const usagePcpus = one.used * pcpus;
    const bootingVcpus = one.boots ? one.vcpus - Math.ceil(usagePcpus) : 0;
    return {
      ratio: one.ratio,
      pcpus,
      runsOn: pcpus,
      vcpus: one.vcpus,
      largestVm,
      freshVcpus: Math.max(bootingVcpus, Math.round(one.fresh * one.vcpus)),
      bootingVcpus,
      usagePcpus: one.isMeasured ? usagePcpus : null,
      waitPcpus: one.isMeasured ? one.waited * (one.vcpus - bootingVcpus - usagePcpus) : null,
    };
  });

export const forecasts = fc.option(
  fc.record({
    peak: fc.double({ min: 0, max: 1.5, noNaN: true }),
    deviation: fc.double({ min: 0, max: 0.5, noNaN: true }),
  }),
);
