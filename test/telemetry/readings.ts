/** Readings for tests: of nothing but what a test names, and arbitrary ones. */
import { DOMAIN_METRICS, HOST_METRICS, type ReadingMetric } from "../../src/core/telemetry/metrics.js";
import type { DomainReading, Reading, Values } from "../../src/core/telemetry/reading.js";
import { milliseconds } from "../../src/core/units.js";
import fc from "../support/property.js";

export const domainReading = (values: Values, more: Partial<DomainReading> = {}): DomainReading => ({
  uuid: null,
  values,
  perfTotals: {},
  perfRecent: {},
  ...more,
});

export const reading = (
  at: number,
  host: Values,
  domains: Readonly<Record<string, DomainReading>> = {},
  perf: Partial<Pick<Reading["host"], "perfTotals" | "perfRecent">> = {},
): Reading => ({
  at: milliseconds(at),
  host: { values: { probe_epoch: at, ...host }, perfTotals: {}, perfRecent: {}, ...perf },
  domains: new Map(Object.entries(domains)),
});

/** Whole, as kernels and libvirt say them; nanoseconds of a year of 64 pCPUs pass what a double holds exactly, by design. */
const amount = fc.integer({ min: 0, max: 2 ** 50 });

function valuesOf(metrics: readonly ReadingMetric[]): fc.Arbitrary<Values> {
  const keys = metrics.map(({ key }) => key).filter((key) => key !== "probe_epoch");
  return fc.dictionary(fc.constantFrom(...keys), amount, { maxKeys: keys.length, noNullPrototype: true });
}

const perf = fc.dictionary(fc.constantFrom("hwcpucycles", "hwinstructions", "swpagefaults", "swcs"), amount, {
  noNullPrototype: true,
});

export const anyName = fc.oneof(
  fc.string({ minLength: 1, maxLength: 20, unit: "grapheme" }),
  fc.stringMatching(/^[a-z0-9_-]{1,12}$/),
  fc.constantFrom(
    "vm-1",
    "vm1",
    "v-m1",
    "my_vm",
    "_vm",
    "_5f",
    "a_domain_b",
    "a_global_b",
    "memory_rss",
    "-",
    "_",
    "__proto__",
  ),
);

export const anyReading: fc.Arbitrary<Reading> = fc
  .tuple(
    fc.integer({ min: 1, max: 2 ** 42 }),
    valuesOf(HOST_METRICS),
    perf,
    fc.uniqueArray(fc.tuple(anyName, fc.uuid(), valuesOf(DOMAIN_METRICS), perf), {
      selector: ([name]) => name,
      maxLength: 5,
    }),
  )
  .map(([at, host, counts, vms]) => ({
    at: milliseconds(at),
    host: { values: { probe_epoch: at, ...host }, perfTotals: counts, perfRecent: counts },
    domains: new Map(
      vms.map(([name, uuid, values, own]) => [name, { uuid, values, perfTotals: own, perfRecent: own }]),
    ),
  }));
