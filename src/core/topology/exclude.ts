/** A host without the pCPUs that the operator keeps for himself: they stay counted and known as siblings, but are never given to a VM. */
import { TopologyFormatError } from "./format-error.js";
import type { Topology } from "./model.js";

/** Throws `TopologyFormatError` when an id is no usable pCPU of the host, or when none would be left. */
export function excludePcpus(topology: Topology, exclude: readonly number[]): Topology {
  if (exclude.length === 0) return topology;
  const usable = new Set(topology.pcpus.map((pcpu) => pcpu.id));
  for (const id of exclude) {
    if (usable.has(id)) continue;
    throw new TopologyFormatError("exclude", `pCPU ${id}, which the host does not have`, "usable pCPUs of the host");
  }
  const out = new Set(exclude);
  const pcpus = topology.pcpus.filter((pcpu) => !out.has(pcpu.id));
  if (pcpus.length === 0)
    throw new TopologyFormatError("exclude", "every pCPU of the host", "all but one of them at most");
  return { ...topology, pcpus };
}
