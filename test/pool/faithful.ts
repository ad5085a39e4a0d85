/** Hosts and policies for the tests of the faithful policies. */
import type { HostState, VmSpec } from "../../src/core/pool/model.js";
import type { PolicyName, PoolPolicy } from "../../src/core/pool/policy.js";
import { createPolicy } from "../../src/core/pool/registry.js";
import { type ReplayablePolicy, replayable } from "../../src/core/pool/replayable.js";
import { indexTopology } from "../../src/core/topology/index-topology.js";
import type { TopologyIndex } from "../../src/core/topology/model.js";
import { buildTopology, presetTopology } from "../../src/core/topology/presets.js";
import { type MiB, mib, ratio } from "../../src/core/units.js";

/** 4 cores of 2 threads below one L3: ids 0-7, siblings n and n + 4. */
export const laptop: TopologyIndex = indexTopology(presetTopology("i7-1185g7")!);

/** 2 packages of 6 cores of 2 threads, L3 groups of 3 cores: 24 pCPUs. */
export const server: TopologyIndex = indexTopology(
  buildTopology({
    packages: 2,
    cellsPerPackage: 1,
    coresPerCell: 6,
    threadsPerCore: 2,
    coresPerL3: 3,
    memoryMiB: mib(65_536),
  }),
);

export function policyOn(
  name: PolicyName,
  topology: TopologyIndex,
  criticalSize = 0,
  template: readonly number[] | null = null,
): ReplayablePolicy {
  const settings = { topology, criticalSize, template: template?.map((value) => ratio(value)) ?? null, hostPcpus: [] };
  return replayable(createPolicy(name, settings));
}

/** A VM; ratio null for per-vCPU policies. */
export const vm = (name: string, vcpus: number, memoryMiB: number, allocationRatio: number | null): VmSpec => ({
  name,
  vcpus,
  memoryMiB: mib(memoryMiB),
  ratio: allocationRatio === null ? null : ratio(allocationRatio),
});

/** The host after all `vms` were deployed; throws where one is refused. */
export function hostWith(policy: PoolPolicy, vms: readonly VmSpec[], memoryMiB?: MiB): HostState {
  let host = policy.initial(memoryMiB);
  for (const one of vms) {
    const result = policy.deploy(host, one);
    if (!result.ok) throw new Error(`"${one.name}" was refused: ${result.refusal.reason}`);
    host = result.value;
  }
  return host;
}
