/** The cluster's own refusals, in words. */
import type { VmRecord } from "./record-model.js";
import type { ClusterRefusal, ClusterResult, HostReason } from "./service.js";

export const accept = <T>(value: T): ClusterResult<T> => ({ ok: true, value });

export const refuseWith = (refusal: ClusterRefusal): ClusterResult<never> => ({ ok: false, refusal });

export const unknownHost = (host: string): ClusterResult<never> =>
  refuseWith({ code: "unknown-host", reason: `there is no host ${host} in the cluster`, details: { host } });

export const unknownVm = (name: string): ClusterResult<never> =>
  refuseWith({ code: "unknown-vm", reason: `there is no VM named ${name} in the cluster`, details: { vm: name } });

export const nameTaken = (name: string, where: string): ClusterResult<never> =>
  refuseWith({ code: "name-taken", reason: `a VM named ${name} exists already, ${where}`, details: { vm: name } });

export const inConflict = (name: string, hosts: readonly string[]): ClusterResult<never> =>
  refuseWith({
    code: "vm-in-conflict",
    reason: `hosts ${hosts.join(" and ")} both have a VM named ${name}; remove the wrong one at its own agent`,
    details: { vm: name },
  });

export const beingMoved = ({ name, host, target }: VmRecord): ClusterResult<never> =>
  refuseWith({
    code: "busy",
    reason: `the VM ${name} is being moved from ${host} to ${target?.host}; ask again when it has arrived`,
    details: { vm: name },
  });

/** Hosts named in one answer: enough to see why, few enough to send. */
const MOST_REASONS = 100;

/** `room`: what came of making room, in words; null: none was tried. */
export function noHostFits(
  reasons: readonly HostReason[],
  hostCount: number,
  room: string | null = null,
): ClusterResult<never> {
  const counts = new Map<string, number>();
  for (const { code } of reasons) counts.set(code, (counts.get(code) ?? 0) + 1);
  const summed = [...counts].map(([code, count]) => `${code} ${count}`).join(", ");
  const why = hostCount === 0 ? "the cluster has no hosts" : `of ${hostCount} hosts none takes it (${summed})`;
  return refuseWith({
    code: "no-host-fits",
    reason: `no appropriate host found: ${why}${room === null ? "" : `; ${room}`}`,
    details: { hosts: hostCount },
    hosts: reasons.slice(0, MOST_REASONS),
  });
}
