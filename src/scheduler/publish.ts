/** Published estimates find their hosts, by name or by address; and what is stale stops counting. */
import { allocatedVcpus } from "../core/placement/forecast.js";
import type { HostEstimate } from "../ports/estimates.js";
import type { Published } from "./estimates.js";
import type { Reign } from "./reign.js";

const originOf = (url: string): string | null => (URL.canParse(url) ? new URL(url).origin : null);

/** A sample store knows hosts by their names, or by the addresses that they are scraped at. */
function namesOf(reign: Reign, estimates: readonly HostEstimate[]): (name: string) => string | null {
  const byOrigin = new Map<string, string>();
  if (estimates.some(({ host }) => host.includes("://")))
    for (const { id, record } of reign.entries.values()) byOrigin.set(originOf(record.url) ?? "", id);
  return (name) => (reign.entries.has(name) ? name : (byOrigin.get(originOf(name) ?? name) ?? null));
}

export function publishEstimates(reign: Reign, estimates: readonly HostEstimate[]): Published {
  const idOf = namesOf(reign, estimates);
  const unknown: string[] = [];
  let taken = 0;
  for (const estimate of estimates) {
    const id = idOf(estimate.host);
    if (id === null) {
      unknown.push(estimate.host);
      continue;
    }
    const summary = reign.room.summaryOf(id);
    // Not heard of yet: it is not known what the estimate knows. The estimator tells again.
    if (summary === undefined) continue;
    const allocated = { vcpus: allocatedVcpus(summary.pools), memoryMiB: summary.memoryAllocatedMiB };
    if (reign.estimates.take(id, estimate, allocated)) reign.room.refresh(id);
    taken += 1;
  }
  return { taken, unknown };
}

/** At each tick: hosts whose estimates are stale are placed on by what is booked again. */
export function expireEstimates(reign: Reign): void {
  for (const host of reign.estimates.expired()) reign.room.refresh(host);
}
