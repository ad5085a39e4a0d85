/**
 * Whether a VM fits a host: checks of the request, then of the pools' needs against the usable pCPUs, then of memory
 * (spec 1.3: CPU first). Counts decide alone: lent pCPUs can be claimed, so no layout of pools ever causes a refusal.
 */
import { assert } from "../../assert.js";
import { accept, type Refusal, type Result, refuse } from "../../result.js";
import type { Ratio } from "../../units.js";
import { exactRatioProblem } from "../exact-ratio.js";
import type { VmSpec } from "../model.js";
import type { PolicySettings } from "../policy.js";
import { type Demand, type PoolDraft, retrievable, totalNeed } from "./draft.js";

/** The VM's vCPUs by ratio, from its own ratio or the host's template. Refuses `ratio-not-offered`. */
export function demandOf(settings: PolicySettings, vm: VmSpec): Result<Demand> {
  assert(Number.isInteger(vm.vcpus) && vm.vcpus > 0, `a VM has a whole number of vCPUs above 0, not ${vm.vcpus}`);
  assert(Number.isFinite(vm.memoryMiB) && vm.memoryMiB >= 0, `a VM has some MiB of memory, not ${vm.memoryMiB}`);
  const { template } = settings;
  if (template === null) {
    if (vm.ratio === null)
      return refuse("ratio-not-offered", `VM "${vm.name}" asks for no ratio, and this host has no template`);
    return demandFrom(vm.vcpus, () => vm.ratio!);
  }
  if (vm.ratio !== null)
    return refuse(
      "ratio-not-offered",
      `VM "${vm.name}" asks for the ratio ${vm.ratio}; on this host the template ${template.join(",")} decides`,
      {
        ratio: vm.ratio,
      },
    );
  return demandFrom(vm.vcpus, (index) => template[Math.min(index, template.length - 1)]!);
}

/** Null where pools of this ratio can be; else what is wrong with it. */
export function ratioProblem(ratio: Ratio): string | null {
  if (!(ratio >= 1)) return `allocation ratio ${ratio}: expected a number from 1.0 upwards`;
  return exactRatioProblem(ratio);
}

/** Groups the vCPUs 0 ... `vcpus` - 1 by their ratio. Refuses ratios that have no exact fraction. */
export function demandFrom(vcpus: number, ratioOf: (index: number) => Ratio): Result<Demand> {
  const demand = new Map<Ratio, number[]>();
  for (let index = 0; index < vcpus; index++) {
    const ratio = ratioOf(index);
    const indexes = demand.get(ratio);
    if (indexes !== undefined) {
      indexes.push(index);
      continue;
    }
    const problem = ratioProblem(ratio);
    if (problem !== null) return refuse("ratio-not-offered", problem, { ratio });
    demand.set(ratio, [index]);
  }
  return accept(demand);
}

/** Pools that take more pCPUs than their ratio asks for, in words. */
function busyPools(drafts: readonly PoolDraft[]): string {
  const busy = drafts.flatMap(({ dynamics, ratio }) =>
    dynamics !== null && dynamics.effectiveRatio < ratio
      ? [`the pool of ratio ${ratio} is busy and counted with ${dynamics.effectiveRatio}`]
      : [],
  );
  return busy.length === 0 ? "" : `; ${busy.join(", ")}`;
}

/** Null when the pools fit `usable` pCPUs once their needs are those of `drafts`; `share` of what they gave up stays free. */
export function cpuRefusal(
  vm: VmSpec,
  before: readonly PoolDraft[],
  drafts: readonly PoolDraft[],
  usable: number,
  share = 0,
): Refusal | null {
  const needed = totalNeed(drafts) + retrievable(drafts, share);
  if (needed <= usable) return null;
  // Alone on the host, each of its vCPUs would have a pCPU of its own: the self rule.
  if (vm.vcpus > usable) {
    const reason = `VM "${vm.name}" has ${vm.vcpus} vCPUs, the whole host has ${usable} pCPUs for VMs`;
    return { code: "vm-larger-than-host", reason, details: { resource: "cpu", vcpus: vm.vcpus, pcpus: usable } };
  }
  const held = totalNeed(before) + retrievable(before, share);
  const [neededPcpus, freePcpus] = [needed - held, usable - held];
  const reason = `VM "${vm.name}" needs ${neededPcpus} more pCPUs in its pools, ${freePcpus} of ${usable} are free${busyPools(drafts)}`;
  return { code: "no-cpu-capacity", reason, details: { resource: "cpu", neededPcpus, freePcpus } };
}
