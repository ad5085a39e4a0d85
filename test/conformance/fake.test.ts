/** The fake hypervisor keeps the contract: on a large host on virtual time, on one pCPU, and with plain guests. */

import type { Topology } from "../../src/core/topology/model.js";
import { buildTopology, presetTopology } from "../../src/core/topology/presets.js";
import { mib } from "../../src/core/units.js";
import { type FakeOptions, fakeHypervisor } from "../../src/drivers/fake/fake-hypervisor.js";
import type { GuestTraits } from "../../src/drivers/fake/guest.js";
import { FakeNetwork } from "../../src/drivers/fake/migration.js";
import { virtualClock } from "../../src/drivers/fake/virtual-clock.js";
import type { Backend, Capabilities } from "./backend.js";
import { hypervisorConformance } from "./suite.js";

const EVERYTHING: Capabilities = {
  cpuStatistics: true,
  runDelay: true,
  memoryStatistics: true,
  guestBalloon: true,
  liveVcpus: true,
  migration: true,
};

async function backend(topology: Topology, capabilities: Capabilities, traits: Partial<GuestTraits>): Promise<Backend> {
  const clock = virtualClock(Date.UTC(2026, 0, 1));
  const world = {
    topology,
    clock,
    network: new FakeNetwork(),
    traitsOf: () => traits,
    demandOf: () => ({ cpu: { kind: "constant", fraction: 0.8 }, memory: { kind: "constant", fraction: 0.4 } }),
  } satisfies FakeOptions;
  const hypervisor = fakeHypervisor(world);
  return {
    hypervisor,
    capabilities,
    another: () => hypervisor.another(),
    neighbour: async () => fakeHypervisor({ ...world, hostname: "neighbour" }),
    wait: (work) => clock.runUntil(work),
    pass: (milliseconds) => clock.advance(milliseconds),
    cleanup: async () => undefined,
  };
}

const onePcpu = buildTopology({
  packages: 1,
  cellsPerPackage: 1,
  coresPerCell: 1,
  threadsPerCore: 1,
  coresPerL3: 1,
  memoryMiB: mib(4096),
});

hypervisorConformance("the fake with 256 pCPUs", () => backend(presetTopology("epyc-7662-2s")!, EVERYTHING, {}));
hypervisorConformance("the fake with one pCPU", () => backend(onePcpu, EVERYTHING, {}));
hypervisorConformance("the fake with guests without balloon driver", () =>
  backend(onePcpu, { ...EVERYTHING, guestBalloon: false }, { balloonDriver: false }),
);
