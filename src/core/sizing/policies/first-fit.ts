/** First fit: the first host, in the order of their numbers, that takes the VM. What the published simulator does in fact. */
import type { Policy } from "../run.js";

export const firstFit: Policy = {
  begin: (vms, hosts) => (vm) => hosts.firstFit(0, vms.level[vm]!, vms.vcpus[vm]!, vms.memoryMiB[vm]!),
};
