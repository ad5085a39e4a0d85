/** One line of `decisions.jsonl` (spec 3) from a step of the replay. */
import type { VmPins, VmSpec } from "../../core/pool/model.js";
import { progress } from "../../core/pool/progress.js";
import type { ReplayablePolicy } from "../../core/pool/replayable.js";
import { seedStatus } from "../../core/pool/status.js";
import type { ReplayAction, ReplayStep } from "./loop.js";
import { pinText } from "./pins.js";
import type { RecordedVms } from "./recorded-vms.js";

/** The seeds' own words for a refusal, by resource; other policies say more. */
function reasonOf(policy: ReplayablePolicy, action: ReplayAction): string | null {
  const { refusal } = action;
  if (refusal === null) return null;
  if (policy.name === "headroom") return refusal.reason;
  if (action.op === "remove") return "unable to remove it from all subsets";
  const resource = refusal.details?.resource;
  return resource === "cpu" || resource === "mem" ? `Not enough space on res ${resource}` : refusal.reason;
}

const displayName = (vms: RecordedVms, key: string): string => vms.byKey.get(key)?.name ?? key;

export function warningsOf(policy: ReplayablePolicy, vms: RecordedVms, step: ReplayStep): string[] {
  const warnings: string[] = [];
  for (const action of step.actions)
    for (const _ of action.absentFrom)
      warnings.push(`Warning: trying to remove a non present consumer ${action.vm.name}`);
  for (const { vm, resource } of step.dropped) {
    const name = displayName(vms, vm);
    if (policy.name === "headroom") warnings.push(`VM "${name}" has no ${resource} record any more; it is removed`);
    else warnings.push(`Warning: a VM left without passing by scheduler ${name}`);
  }
  return warnings;
}

function pinsOf(policy: ReplayablePolicy, vms: RecordedVms, pins: VmPins): object {
  const out: Record<string, string | string[]> = {};
  for (const [key, sets] of pins) {
    const name = displayName(vms, key);
    const text = policy.settings.template === null ? pinText(sets[0]!) : sets.map(pinText);
    out[name in out ? `${name} ${key}` : name] = text;
  }
  return out;
}

/** The line without its end. `candidates`: VMs whose progress is asked for, or null. */
export function decisionLine(
  policy: ReplayablePolicy,
  vms: RecordedVms,
  step: ReplayStep,
  warnings: readonly string[],
  pins: VmPins,
  candidates: readonly VmSpec[] | null,
): string {
  const { host } = step;
  const perVm = policy.settings.template === null;
  return JSON.stringify({
    t: step.timestamp,
    actions: step.actions.map((action) => ({
      op: action.op,
      vm: action.vm.name,
      uuid: action.vm.uuid,
      vcpus: action.vm.spec.vcpus,
      memoryMiB: action.vm.spec.memoryMiB,
      ...(perVm ? { ratio: action.vm.spec.ratio } : {}),
      accepted: action.refusal === null,
      reason: reasonOf(policy, action),
    })),
    warnings,
    pools: host.pools.map((pool) => ({
      ratio: pool.ratio,
      pcpus: pool.pcpus,
      allocated: pool.allocatedVcpus,
      vms: pool.members.map((member) => displayName(vms, member.vm)),
    })),
    memory: { allocatedMiB: host.memory.allocatedMiB, freeMiB: host.memory.capacityMiB - host.memory.allocatedMiB },
    freePcpus: policy.freePcpus(host).length,
    pins: pinsOf(policy, vms, pins),
    status: seedStatus(host, policy),
    ...(candidates === null ? {} : { progress: candidates.map((vm) => progress(host, policy, vm)) }),
  });
}
