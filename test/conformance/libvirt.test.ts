/** The libvirt driver keeps the contract: over libvirt's test driver, and over real QEMU guests (the lab, TCG). */
import { setTimeout as sleep } from "node:timers/promises";
import { libvirtHypervisor } from "../../src/drivers/libvirt/driver.js";
import { openLab } from "../lab/lab.js";
import type { LabHost } from "../lab/lab-host.js";
import { quietLog } from "../support/quiet-log.js";
import type { Backend, Capabilities } from "./backend.js";
import { hypervisorConformance } from "./suite.js";

const lab = await openLab();

async function backend(uriOf: (host: LabHost) => string, capabilities: Capabilities): Promise<Backend> {
  if (lab.skip !== false) throw new Error(lab.skip);
  const { startLibvirtd } = lab;
  const host = await startLibvirtd();
  const hosts = [host];
  const driverOf = ({ templatePath, tcpUri }: LabHost, uri: string) =>
    libvirtHypervisor({
      uri,
      log: quietLog(),
      accelerator: "tcg",
      templatePath,
      migrationUri: capabilities.migration ? tcpUri : null,
    });
  const another = () => driverOf(host, uriOf(host));
  return {
    hypervisor: another(),
    capabilities,
    another,
    neighbour: async () => {
      const neighbour = await startLibvirtd();
      hosts.push(neighbour);
      return driverOf(neighbour, neighbour.uri);
    },
    // A guest's time begins when it has booted, which takes as long as the machine is busy with other things.
    pass: async (milliseconds) => {
      await Promise.all([...host.guestPids().keys()].map((name) => host.guestCommand(name, "stat")));
      await sleep(milliseconds);
    },
    cleanup: async () => {
      await Promise.all(hosts.map((one) => one.stop()));
    },
  };
}

const NOTHING: Capabilities = {
  cpuStatistics: false,
  runDelay: false,
  memoryStatistics: false,
  guestBalloon: false,
  liveVcpus: true,
  migration: false,
};
const EVERYTHING: Capabilities = {
  cpuStatistics: true,
  runDelay: true,
  memoryStatistics: true,
  guestBalloon: true,
  liveVcpus: true,
  migration: true,
};

hypervisorConformance("libvirt's test driver", () => backend((host) => host.testUri, NOTHING), { skip: lab.skip });
hypervisorConformance("QEMU", () => backend((host) => host.uri, EVERYTHING), { skip: lab.skip });
