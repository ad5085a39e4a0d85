/** Fake hosts for the tests of this folder: small ones on virtual time, with guests that want a constant part of each vCPU. */
import { cpuSetOf } from "../../src/core/cpuset.js";
import { buildTopology } from "../../src/core/topology/presets.js";
import { mib } from "../../src/core/units.js";
import { type FakeHypervisor, fakeHypervisor } from "../../src/drivers/fake/fake-hypervisor.js";
import type { UsageProfile } from "../../src/drivers/fake/usage-profile.js";
import { type VirtualClock, virtualClock } from "../../src/drivers/fake/virtual-clock.js";
import type { FakeWorldOptions } from "../../src/drivers/fake/world-core.js";
import type { DomainSpec, DomainStats } from "../../src/ports/hypervisor.js";

export const START_MS = Date.UTC(2026, 0, 1);

/** Eight cores, one thread each. */
export const EIGHT_CORES = buildTopology({
  packages: 1,
  cellsPerPackage: 1,
  coresPerCell: 8,
  threadsPerCore: 1,
  coresPerL3: 4,
  memoryMiB: mib(16_384),
});

export const wants = (fraction: number, memory = 0.5): UsageProfile => ({
  cpu: { kind: "constant", fraction },
  memory: { kind: "constant", fraction: memory },
});

/** A connected hypervisor on eight cores; guests want all of each vCPU unless `options.demandOf` says otherwise. */
export async function smallHost(
  options: Partial<FakeWorldOptions> = {},
): Promise<{ readonly hypervisor: FakeHypervisor; readonly clock: VirtualClock }> {
  const clock = virtualClock(START_MS);
  const hypervisor = fakeHypervisor({ topology: EIGHT_CORES, clock, demandOf: () => wants(1), ...options });
  await hypervisor.connect();
  return { hypervisor, clock };
}

export function spec(name: string, pcpus: readonly number[], change: Partial<DomainSpec> = {}): DomainSpec {
  const vcpus = change.vcpus ?? 1;
  return {
    name,
    uuid: `uuid-of-${name}`,
    vcpus,
    maximumVcpus: vcpus,
    memoryMiB: mib(1024),
    maximumMemoryMiB: mib(1024),
    disk: null,
    pins: Array.from({ length: vcpus }, () => cpuSetOf(pcpus)),
    metadata: { vcpuRatios: [1], perVcpu: false, requestId: name, image: null, overlay: null },
    ...change,
  };
}

export async function statsOf(hypervisor: FakeHypervisor, name: string): Promise<DomainStats> {
  const found = (await hypervisor.stats()).find((domain) => domain.name === name);
  if (!found) throw new Error(`no domain ${name}`);
  return found;
}

/** CPU seconds got and waited for, per vCPU. */
export async function cpuSeconds(
  hypervisor: FakeHypervisor,
  name: string,
): Promise<{ got: number[]; waited: number[] }> {
  const { vcpus } = await statsOf(hypervisor, name);
  const inSeconds = (ns: bigint) => Math.round(Number(ns) / 1e6) / 1e3;
  return {
    got: vcpus.map((vcpu) => inSeconds(vcpu.timeNs)),
    waited: vcpus.map((vcpu) => inSeconds(vcpu.delayNs ?? -1n)),
  };
}
