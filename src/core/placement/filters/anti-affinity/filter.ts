/** No two VMs of one anti-affinity group on a host. */
import type { HostFilter } from "../../model.js";

export const antiAffinityFilter: HostFilter = {
  name: "anti-affinity",
  veto({ antiAffinityGroups }, { antiAffinityGroup }) {
    if (antiAffinityGroup === null || !antiAffinityGroups.includes(antiAffinityGroup)) return null;
    return () => `the host has a VM of the group "${antiAffinityGroup}" already`;
  },
};
