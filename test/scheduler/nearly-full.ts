/** Clusters in which one live move, or two, make room for a VM that no host takes. */
import assert from "node:assert/strict";
import { ratio } from "../../src/core/units.js";
import type { ClusterDeploy } from "../../src/scheduler/service.js";
import type { SchedulerSettings } from "../../src/scheduler/settings.js";
import { accepted } from "./answers.js";
import { Cluster, deployRequest } from "./cluster.js";

export const only = (...hosts: string[]) => ({ constraints: { hosts } });
export const sized = (host: string, vcpus: number, more: Partial<ClusterDeploy> = {}) => ({
  vcpus,
  ratio: ratio(1),
  ...only(host),
  ...more,
});
export const ASKED = { ...deployRequest("asked", { requestId: "k" }), vcpus: 5, ratio: ratio(1) };
export const BUDGET = { migrationBudget: 1 };

/**
 * Of 8 pCPUs each: h1 has 3 free, and small, of 2 vCPUs, may go to h2, which has 2 free; h3 is closed.
 */
export async function nearlyFull(
  settings: Partial<SchedulerSettings> = {},
  small: Partial<ClusterDeploy> = {},
): Promise<Cluster> {
  const cluster = await new Cluster({ hosts: 3, settings }).start();
  accepted(await cluster.deploy("large", sized("h1", 3)));
  accepted(await cluster.deploy("small", sized("h1", 2, { ...only("h1", "h2"), ...small })));
  for (const host of ["h1", "h3"]) accepted(await cluster.run(cluster.scheduler.cordon(host)));
  accepted(await cluster.deploy("other", sized("h2", 6)));
  accepted(await cluster.run(cluster.scheduler.uncordon("h1")));
  await cluster.settle();
  return cluster;
}

/** a and b, of 2 vCPUs each, are on h1 beside another one of 1; h2 and h3 have room for one of them each. */
export async function twoInTheWay(settings: Partial<SchedulerSettings> = {}): Promise<Cluster> {
  const cluster = await new Cluster({ hosts: 3, settings: { migrationBudget: 2, ...settings } }).start();
  for (const host of ["h2", "h3"]) accepted(await cluster.run(cluster.scheduler.cordon(host)));
  for (const name of ["a", "b"]) accepted(await cluster.deploy(name, { vcpus: 2, ratio: ratio(1) }));
  for (const host of ["h2", "h3"]) accepted(await cluster.run(cluster.scheduler.uncordon(host)));
  for (const host of ["h2", "h3"]) accepted(await cluster.deploy(`full-${host}`, sized(host, 6)));
  accepted(await cluster.deploy("large", sized("h1", 1)));
  await cluster.settle();
  return cluster;
}

export const whereIs = (cluster: Cluster, vm: string): string | undefined => cluster.scheduler.vm(vm)?.host;
export const told = (cluster: Cluster, vm: string): readonly string[] =>
  cluster.scheduler.eventsOf(vm).map(({ kind, message }) => `${kind}: ${message}`);
export const ask = (cluster: Cluster, request: ClusterDeploy = ASKED) => cluster.run(cluster.scheduler.deploy(request));

/** Its first move has begun. */
export async function begun(cluster: Cluster, request: ClusterDeploy = ASKED) {
  const answer = cluster.scheduler.deploy(request);
  await cluster.clock.advance(300);
  assert.equal(cluster.scheduler.vm("small")?.state, "migrating");
  return answer;
}
