/** The estimator's own metrics: what each host is expected to need, how it does itself, and whether its sinks take what it tells. */

import { RESOURCES, type Resource } from "../core/estimator/resource.js";
import { quoteLabel } from "../core/telemetry/exposition.js";
import { type Family, familiesText, type Lines, single } from "../core/telemetry/families.js";
import type { Milliseconds } from "../core/units.js";
import type { HostEstimate } from "../ports/estimates.js";
import type { CourierStatus } from "./courier.js";
import { withheldReason } from "./state-file.js";
import type { WatchStatus } from "./watch.js";

const MS_PER_SECOND = 1000;
const BYTES_PER_MIB = 1_048_576;

const own = (status: WatchStatus, now: Milliseconds): readonly Family[] => [
  ["estimator_hosts", "gauge", "Hosts that are estimated", single(status.hosts)],
  ["estimator_windows_total", "counter", "Windows of hosts that were looked at", single(status.windows)],
  ["estimator_pass_seconds", "gauge", "How long the last pass over all hosts took", single(status.passSeconds)],
  [
    "estimator_failures_total",
    "counter",
    "Readings that did not come, and states not written",
    single(status.failures),
  ],
  ["estimator_unsaved_hosts", "gauge", "Hosts whose state could not be written down", single(status.unsaved)],
  [
    "estimator_window_age_seconds",
    "gauge",
    "Time since the end of the last window that all hosts were looked at",
    status.lastWindowEnd === null ? [] : single((now - status.lastWindowEnd) / MS_PER_SECOND),
  ],
];

function ofSinks(sinks: readonly CourierStatus[]): readonly Family[] {
  const lines = (value: (status: CourierStatus) => number): Lines =>
    sinks.map((status) => [`{sink=${quoteLabel(status.name)}}`, value(status)]);
  return [
    ["estimate_sink_up", "gauge", "1 while the sink takes estimates", lines(({ problem }) => Number(problem === null))],
    ["estimate_sink_waiting", "gauge", "Hosts whose newest estimate waits for the sink", lines((one) => one.waiting)],
    ["estimate_sink_delivered_total", "counter", "Estimates that the sink took", lines((one) => one.delivered)],
    ["estimate_sink_failures_total", "counter", "Attempts that failed", lines((one) => one.failures)],
  ];
}

const FACTOR: Readonly<Record<Resource, number>> = { cpu: 1, memory: BYTES_PER_MIB };
const NAMES: Readonly<Record<Resource, readonly [name: string, unit: string]>> = {
  cpu: ["cpu", "pcpus"],
  memory: ["memory", "bytes"],
};

function ofResource(estimates: readonly HostEstimate[], resource: Resource, now: Milliseconds): readonly Family[] {
  const [name, unit] = NAMES[resource];
  const lines = (value: (estimate: HostEstimate) => number | null): Lines =>
    estimates.flatMap((estimate) => {
      const amount = value(estimate);
      return amount === null ? [] : [[`{host=${quoteLabel(estimate.host)}}`, amount] as const];
    });
  const scaled = (value: number | null): number | null => (value === null ? null : value * FACTOR[resource]);
  const counts = (estimate: HostEstimate): boolean => withheldReason(estimate, resource, now) === null;
  return [
    [
      `estimate_${name}_needed_${unit}`,
      "gauge",
      `Predicted peak of ${name} in the next window; absent where it is withheld or stale`,
      lines((one) => (counts(one) ? scaled(one[resource].need) : null)),
    ],
    [
      `estimate_${name}_booked_${unit}`,
      "gauge",
      `${name === "cpu" ? "vCPUs" : "Memory"} of the VMs that were there`,
      lines((one) => scaled(one[resource].booked)),
    ],
    [
      `estimate_${name}_free_${unit}`,
      "gauge",
      `What is left of the capacity by the estimate, or by what is booked where that is withheld or stale`,
      lines((one) => {
        const { capacity, booked, free } = one[resource];
        return scaled(counts(one) ? free : Math.max(0, capacity - booked));
      }),
    ],
    [
      `estimate_${name}_missing_ratio`,
      "gauge",
      `Share of the last window's readings of ${name} that did not come`,
      lines((one) => one[resource].missing),
    ],
  ];
}

/** `now`: wall time. */
export function estimatorMetrics(
  status: WatchStatus,
  estimates: readonly HostEstimate[],
  sinks: readonly CourierStatus[],
  now: Milliseconds,
): string {
  return familiesText("headroom_", [
    ...own(status, now),
    ...ofSinks(sinks),
    ...RESOURCES.flatMap((one) => ofResource(estimates, one, now)),
  ]);
}
