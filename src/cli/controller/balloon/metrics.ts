/** The memory coordinator's metrics, in base units. */
import type { MemoryCoordinator } from "../../../agent/balloon/coordinator.js";
import { FROZEN_REASONS, type GuestPlan } from "../../../core/balloon/model.js";
import type { Metric } from "../metrics-server.js";

const bytes = (memoryMiB: number): number => memoryMiB * 1024 * 1024;

/** Null figures have no series. */
const OF_GUESTS: readonly (readonly [name: string, help: string, of: (guest: GuestPlan) => number | null])[] = [
  ["guest_bytes", "Balloon size of the guest", (guest) => bytes(guest.currentMiB)],
  ["guest_maximum_bytes", "Most that the guest may have", (guest) => bytes(guest.maximumMiB)],
  ["guest_used_bytes", "Memory that the guest uses", ({ usedMiB }) => (usedMiB === null ? null : bytes(usedMiB))],
  ["guest_goal_bytes", "What it should have in the end", ({ goalMiB }) => (goalMiB === null ? null : bytes(goalMiB))],
  ["guest_distressed", "1: it swaps in, or has less unused than its floor", (guest) => Number(guest.distressed)],
  ["guest_frozen", "1: nothing is asked of it", (guest) => Number(FROZEN_REASONS.has(guest.reason))],
];

export function balloonMetrics(coordinator: MemoryCoordinator): readonly Metric[] {
  const { totals, latest } = coordinator;
  const single = (name: string, help: string, value: number | null): Metric => ({
    name: `balloon_${name}`,
    help,
    labels: [],
    series: value === null || !Number.isFinite(value) ? [] : [{ labels: {}, value }],
  });
  const changes = { name: "balloon_changes_total", help: "Balloon targets set", labels: ["direction"] };
  const host = latest?.plan.host;
  return [
    single("rounds_total", "Rounds since the start", totals.rounds),
    {
      ...changes,
      series: [
        { labels: { direction: "inflate" }, value: totals.inflations },
        { labels: { direction: "deflate" }, value: totals.deflations },
      ],
    },
    single("failures_total", "Targets that the hypervisor did not take", totals.failures),
    single(
      "host_available_bytes",
      "Memory of the host that is available",
      host?.availableMiB == null ? null : bytes(host.availableMiB),
    ),
    single(
      "host_budget_bytes",
      "What guests may still be given; below 0: what they have too much",
      host === undefined ? null : bytes(host.budgetMiB),
    ),
    single("host_pressure", "1: the host is below its reserve", host === undefined ? null : Number(host.pressure)),
    single(
      "page_merging",
      "1: the kernel merges equal pages",
      latest?.pageMerging == null ? null : Number(latest.pageMerging),
    ),
    ...OF_GUESTS.map(
      ([name, help, of]): Metric => ({
        name: `balloon_${name}`,
        help,
        labels: ["vm"],
        series: (latest?.plan.guests ?? []).flatMap((guest) => {
          const value = of(guest);
          return value === null ? [] : [{ labels: { vm: guest.name }, value }];
        }),
      }),
    ),
  ];
}
