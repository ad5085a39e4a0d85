/** The collector's own metrics: how its endpoints and its store do, in sum and each. */
import { quoteLabel } from "../../core/telemetry/exposition.js";
import { type Family, familiesText, type Lines, single } from "../../core/telemetry/families.js";
import type { Milliseconds } from "../../core/units.js";
import type { CollectorStatus } from "./collector.js";
import type { EndpointStatus } from "./endpoint-watch.js";
import { SCRAPE_FAULTS } from "./fetch-text.js";

const MS_PER_SECOND = 1000;

const sum = (endpoints: readonly EndpointStatus[], of: (status: EndpointStatus) => number): number =>
  endpoints.reduce((total, status) => total + of(status), 0);

function totals({ endpoints, writer, past }: CollectorStatus): readonly Family[] {
  const state = (up: boolean | null) => endpoints.filter((one) => one.up === up).length;
  const faults: Lines = SCRAPE_FAULTS.map((fault) => [
    `{fault=${quoteLabel(fault)}}`,
    sum(endpoints, ({ failures }) => failures[fault] ?? 0),
  ]);
  return [
    [
      "endpoints",
      "gauge",
      "Endpoints by state",
      [
        ['{state="up"}', state(true)],
        ['{state="down"}', state(false)],
        ['{state="new"}', state(null)],
      ],
    ],
    ["scrapes_total", "counter", "Scrapes", single(past.scrapes + sum(endpoints, ({ scrapes }) => scrapes))],
    [
      "endpoint_failures_total",
      "counter",
      "Scrapes without a reading, of present endpoints, by what was wrong",
      faults,
    ],
    ["past_failures_total", "counter", "The same, of endpoints that are no more", single(past.failures)],
    [
      "repeated_readings_total",
      "counter",
      "Readings that had been seen before",
      single(sum(endpoints, ({ repeated }) => repeated)),
    ],
    [
      "samples_total",
      "counter",
      "Samples made of readings",
      single(past.samples + sum(endpoints, ({ samples }) => samples)),
    ],
    ["written_samples_total", "counter", "Samples that the store took", single(writer.written)],
    [
      "dropped_samples_total",
      "counter",
      "Samples that the store did not take, and that are lost",
      single(writer.dropped),
    ],
    ["failed_writes_total", "counter", "Writes that failed", single(writer.failedWrites)],
    ["waiting_samples", "gauge", "Samples that wait for the store", single(writer.waiting)],
  ];
}

function perEndpoint(endpoints: readonly EndpointStatus[], now: Milliseconds): readonly Family[] {
  const labelled = endpoints.map((status) => [`{host=${quoteLabel(status.endpoint.host)}}`, status] as const);
  const lines = (of: (status: EndpointStatus) => number | null): Lines =>
    labelled.flatMap(([labels, status]) => {
      const value = of(status);
      return value === null ? [] : [[labels, value] as const];
    });
  return [
    [
      "endpoint_up",
      "gauge",
      "1 while the endpoint gives readings",
      lines(({ up }) => (up === null ? null : Number(up))),
    ],
    [
      "endpoint_scrape_seconds",
      "gauge",
      "How long its last scrape took",
      lines(({ up, duration }) => (up === null ? null : duration / MS_PER_SECOND)),
    ],
    [
      "endpoint_reading_age_seconds",
      "gauge",
      "How old its last reading is, by its probe's clock",
      lines(({ readAt }) => (readAt === null ? null : (now - readAt) / MS_PER_SECOND)),
    ],
  ];
}

/** `now`: wall time. */
export function collectorMetrics(status: CollectorStatus, now: Milliseconds): string {
  return familiesText("headroom_collector_", [...totals(status), ...perEndpoint(status.endpoints, now)]);
}
