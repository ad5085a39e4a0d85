/**
 * Thrift: 1 less the pCPUs that the pools take for each vCPU of the VM. A pool with room takes the VM for nothing (1); a new pool
 * takes a pCPU for each vCPU (0), whatever its ratio: slack that only later VMs of the same ratio can use.
 */
import type { Weigher } from "../../model.js";

export const thriftWeigher: Weigher = {
  name: "thrift",
  score: ({ growthPcpus, shape }) => 1 - growthPcpus / shape.vcpus,
};
