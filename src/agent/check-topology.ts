/** Whether the topology that the pools are made of is the host's. */
import { cpuSetOf, formatCpuSet } from "../core/cpuset.js";
import type { PoolPolicy } from "../core/pool/policy.js";
import { OperationalError } from "../ports/errors.js";
import type { HypervisorHost } from "../ports/hypervisor.js";

/** Throws `bad-settings` when the topology has pCPUs that the host lacks. */
export function checkTopology(policy: PoolPolicy, { hostname, pcpus }: HypervisorHost): void {
  const present = new Set(pcpus);
  const absent = policy.settings.topology.ids.filter((id) => !present.has(id));
  if (absent.length === 0) return;
  const listed = formatCpuSet(cpuSetOf(absent));
  throw new OperationalError(
    "bad-settings",
    `the topology has pCPUs ${listed} that the host ${hostname} does not have online: read it anew, or exclude them`,
    false,
  );
}
