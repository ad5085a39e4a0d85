/** First fit: the first host, in the order of their numbers, that takes the VM. What the published simulator does in fact. */
import { BestHosts, FEW_HOSTS } from "../best-hosts.js";
import type { Policy } from "../run.js";

export const firstFit: Policy = {
  begin(vms, hosts) {
    const { level, vcpus, memoryMiB } = vms.needs;
    // Whoever takes it is as good as another: the first of equals.
    const best = new BestHosts(vms, hosts, () => 0);
    return (vm) => {
      const need = vms.need[vm]!;
      if (hosts.open > FEW_HOSTS) return best.best(need);
      return hosts.firstFit(0, level[need]!, vcpus[need]!, memoryMiB[need]!);
    };
  },
};
