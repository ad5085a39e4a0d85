/**
 * The seeds' state file (`STATE_ENDPOINT`, spec 5.5): host -> `{cpu: {tier0, tier1, tier2}, mem: {...}}`. tier0 is what is needed,
 * tier2 what is free, tier1 the little that rounding loses; CPU in tenths of a core, memory in whole MB of 1000 KiB. Where an
 * estimate is withheld or stale, what is booked stands in its place. What the seeds' file does not know stands beside it.
 */
import type { ResourceEstimate } from "../core/estimator/online/host-estimator.js";
import type { Resource } from "../core/estimator/resource.js";
import { seedTiers, type Tiers } from "../core/estimator/seed-rounding.js";
import type { Milliseconds } from "../core/units.js";
import type { EstimateSink, HostEstimate } from "../ports/estimates.js";

const MB_PER_MIB = 1024 / 1000;

export interface HostEntry {
  readonly cpu: Tiers;
  readonly mem: Tiers;
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly validUntil: number;
  readonly strategy: string;
  /** Why what is booked stands in place of an estimate; null: it does not. */
  readonly withheld: { readonly cpu: string | null; readonly mem: string | null };
}

export type StateFile = Readonly<Record<string, HostEntry>>;

/** Why nobody should go by it; null: it counts. */
export function withheldReason(estimate: HostEstimate, resource: Resource, now: Milliseconds): string | null {
  if (now >= estimate.validUntil) return "stale";
  const { need, instead } = estimate[resource];
  return need === null ? (instead ?? "withheld") : null;
}

function tiersOf(resource: Resource, { capacity, booked, need }: ResourceEstimate, isWithheld: boolean): Tiers {
  const factor = resource === "cpu" ? 1 : MB_PER_MIB;
  const needed = isWithheld || need === null ? booked : need;
  return seedTiers(resource, needed * factor, capacity * factor, "decimal");
}

export function stateFileOf(estimates: readonly HostEstimate[], now: Milliseconds): StateFile {
  const entries = estimates.map((estimate): readonly [string, HostEntry] => {
    const withheld = {
      cpu: withheldReason(estimate, "cpu", now),
      mem: withheldReason(estimate, "memory", now),
    };
    const { at, validUntil, strategy } = estimate;
    const cpu = tiersOf("cpu", estimate.cpu, withheld.cpu !== null);
    const mem = tiersOf("memory", estimate.memory, withheld.mem !== null);
    return [estimate.host, { cpu, mem, at, validUntil, strategy, withheld }];
  });
  return Object.fromEntries(entries);
}

/** Keeps the file: all hosts, whatever was offered. `write` replaces it as a whole. */
export const stateFileSink = (
  write: (text: string) => Promise<void>,
  estimates: () => readonly HostEstimate[],
  now: () => Milliseconds,
): EstimateSink => ({
  name: "state file",
  deliver: () => write(`${JSON.stringify(stateFileOf(estimates(), now()), null, 2)}\n`),
});
