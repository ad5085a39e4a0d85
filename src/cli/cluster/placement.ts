/**
 * How a scheduler places, from its settings: weighers, what each counts, and where it has prices from. Those of a list of VMs to be expected
 * are worked out once, before it starts, and stay; otherwise it learns them while it runs.
 */
import { registryFor, weightsFor } from "../../core/placement/estimate-mode.js";
import type { ClusterPlacement, PriceList } from "../../core/placement/learning/pricing.js";
import { tooLarge } from "../../core/sizing/size.js";
import { mib } from "../../core/units.js";
import { UsageError } from "../exit.js";
import type { SchedulerSettings } from "../settings/program.js";
import { weightsOf } from "../settings/scheduler-settings.js";
import { pricesInThread } from "./prices.js";

type Settings = Pick<
  SchedulerSettings,
  "weights" | "estimates" | "placement" | "learnPrices" | "expectedVms" | "expectedHost"
>;

/** Throws `UsageError` naming the setting, and `bad-input-file`. */
export async function placementOf(settings: Settings): Promise<ClusterPlacement> {
  const { estimates, placement, weights, learnPrices } = settings;
  const registry = registryFor(estimates);
  const named = weights.length === 0 ? weightsFor(estimates, placement) : weightsOf(weights);
  const prices = await expectedPrices(settings);
  if (prices !== null) return { weights: named, registry, prices: { kind: "given", prices } };
  const learns = learnPrices && placement === "headroom" && weights.length === 0;
  return { weights: named, registry, prices: learns ? { kind: "learnt", solve: pricesInThread() } : null };
}

async function expectedPrices(settings: Settings): Promise<PriceList | null> {
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
    const worth = await worthOf(vms, shape, solver.solve);
    return { worth, host: shape, source: "given", vms: vms.length, others: 0 };
  } finally {
    await solver.close();
  }
}
