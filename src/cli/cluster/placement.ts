/**
 * How a scheduler places, from its settings: weighers, what each counts, and where VMs to be expected are listed, what a host's rest is worth
 * at their prices. Those are worked out once, before it starts: they change nothing while it runs.
 */
import { registryFor, weightsFor } from "../../core/placement/estimate-mode.js";
import type { PlacerSettings } from "../../core/placement/placer.js";
import type { Worth } from "../../core/placement/weighers/bid/prices.js";
import { bidWeigher } from "../../core/placement/weighers/bid/weigher.js";
import { BID_WEIGHTS } from "../../core/placement/weights.js";
import { tooLarge } from "../../core/sizing/size.js";
import { mib } from "../../core/units.js";
import { UsageError } from "../exit.js";
import type { SchedulerSettings } from "../settings/program.js";
import { weightsOf } from "../settings/scheduler-settings.js";

type Settings = Pick<SchedulerSettings, "weights" | "estimates" | "placement" | "expectedVms" | "expectedHost">;

/** Throws `UsageError` naming the setting, and `bad-input-file`. */
export async function placementOf(settings: Settings): Promise<PlacerSettings> {
  const { estimates, placement, weights } = settings;
  const registry = registryFor(estimates);
  const named = weights.length === 0 ? weightsFor(estimates, placement) : weightsOf(weights);
  const worth = await expectedWorth(settings);
  if (worth === null) return { weights: named, registry };
  const usage = "usage" in named ? { usage: named.usage } : {};
  return {
    weights: { ...BID_WEIGHTS, ...usage },
    registry: { ...registry, weighers: [bidWeigher(worth), ...registry.weighers] },
  };
}

async function expectedWorth(settings: Settings): Promise<Worth | null> {
  const { expectedVms: path, expectedHost: host, placement, weights } = settings;
  if (path === null && host === null) return null;
  if (path === null || host === null)
    throw new UsageError("HEADROOM_EXPECTED_VMS and HEADROOM_EXPECTED_HOST go together: a list of VMs, and a host");
  if (placement !== "headroom" || weights.length > 0)
    throw new UsageError(
      "HEADROOM_EXPECTED_VMS is for HEADROOM_PLACEMENT=headroom without HEADROOM_WEIGHTS: leave one of them out",
    );
  const [pcpus = 0, memoryMiB = 0] = host.split("x").map(Number);
  const shape = { pcpus, memoryMiB: mib(memoryMiB) };
  const { readWorkload } = await import("../../trace/workload/workload-file.js");
  const vms = await readWorkload(path);
  const large = tooLarge(vms, shape);
  if (large !== null)
    throw new UsageError(`HEADROOM_EXPECTED_VMS: VM ${large.id} is larger than HEADROOM_EXPECTED_HOST, ${host}`);
  if (vms.length === 0) throw new UsageError(`HEADROOM_EXPECTED_VMS: ${path} lists no VM`);
  const { worthOf } = await import("../../core/placement/weighers/bid/prices.js");
  const { highsSolver } = await import("../../drivers/highs/solver.js");
  const solver = highsSolver();
  try {
    return await worthOf(vms, shape, solver.solve);
  } finally {
    await solver.close();
  }
}
