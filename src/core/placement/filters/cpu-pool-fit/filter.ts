/** Whether the host's pools can take the VM's vCPUs: they have room, or can grow by free pCPUs as the agent's policy would. */
import { plural } from "../../../plural.js";
import type { ShapeFilter } from "../../model.js";

export const cpuPoolFitFilter: ShapeFilter = {
  name: "cpu-pool-fit",
  veto({ host, shape, growthPcpus }) {
    if (growthPcpus <= host.freePcpus) return null;
    const { freePcpus, usablePcpus } = host;
    if (shape.vcpus > usablePcpus)
      return () => `the VM has ${plural(shape.vcpus, "vCPU")}, the whole host has ${usablePcpus} pCPUs for VMs`;
    if (growthPcpus === Number.POSITIVE_INFINITY)
      return () => `the policy ${host.policy} takes no VM of this ratio here`;
    return () => `its pools would need ${growthPcpus} more pCPUs, ${freePcpus} of ${usablePcpus} are free`;
  },
};
