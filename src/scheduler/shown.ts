/** The leader's views of VMs and hosts. */
import type { VmView } from "../ports/agent-views.js";
import type { HostEntry } from "./host-entry.js";
import type { VmRecord } from "./record-model.js";
import { isUnsettled } from "./record-steps.js";
import type { Reign } from "./reign.js";
import type { ClusterHost, ClusterVm } from "./service.js";
import { clusterHost, clusterVm, unheardHost } from "./views.js";

export const shownVm = (reign: Reign, record: VmRecord, view: VmView | null = null): ClusterVm =>
  clusterVm(record, {
    view,
    reported: reign.entries.get(record.host)?.vms.get(record.name) ?? null,
    conflict: reign.conflicts.get(record.name) ?? null,
  });

const byName = (a: { name: string }, b: { name: string }): number => (a.name < b.name ? -1 : 1);
const byId = (a: { id: string }, b: { id: string }): number => (a.id < b.id ? -1 : 1);

export const shownVms = (reign: Reign): readonly ClusterVm[] =>
  [...reign.vms.values()].map((record) => shownVm(reign, record)).sort(byName);

export function shownHost(reign: Reign, entry: HostEntry): ClusterHost {
  const claims = reign.room.claimsOn(entry.id);
  let reserved = 0;
  for (const name of claims.keys()) {
    const record = reign.vms.get(name);
    if (record === null || (record.phase === "reserved" && isUnsettled(record))) reserved++;
  }
  return clusterHost(entry, { now: reign.now(), vmCount: claims.size, reserved });
}

export function shownHosts(reign: Reign): readonly ClusterHost[] {
  const hosts = [...reign.entries.values()].map((entry) => shownHost(reign, entry));
  for (const [url, host] of reign.listed) {
    if (host !== null) continue;
    const problem = reign.listedProblems.get(url);
    hosts.push(unheardHost({ id: url, url }, "new", 0, problem === undefined ? [] : [problem]));
  }
  return hosts.sort(byId);
}
