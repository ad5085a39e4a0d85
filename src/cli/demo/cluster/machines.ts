/**
 * The hosts of the cluster's demonstration: six machines of five shapes, each a fake hypervisor with an ordinary agent that
 * registers with the scheduler. An agent can be ended and started again; the guests of its host run on meanwhile.
 */

import { buildTopology, type HostShape } from "../../../core/topology/presets.js";
import { mib } from "../../../core/units.js";
import { openFake } from "../../../drivers/fake/fake-uri.js";
import type { Log } from "../../../ports/log.js";
import { memoryText } from "../../host/open-host.js";
import { type RunningAgent, runAgent } from "../../host/run-agent.js";
import type { Settings } from "../../settings/agent-settings.js";
import { resolveSettings } from "../../settings/resolve.js";

export interface Machine {
  readonly name: string;
  readonly about: string;
  readonly shape: HostShape;
}

const GIB = 1024;
const EPYC: HostShape = {
  packages: 1,
  cellsPerPackage: 1,
  coresPerCell: 64,
  threadsPerCore: 2,
  coresPerL3: 4,
  memoryMiB: mib(768 * GIB),
};
const XEON: HostShape = {
  packages: 2,
  cellsPerPackage: 1,
  coresPerCell: 16,
  threadsPerCore: 2,
  coresPerL3: 16,
  memoryMiB: mib(384 * GIB),
  remoteDistance: 21,
};
const ARM: HostShape = {
  packages: 1,
  cellsPerPackage: 4,
  coresPerCell: 20,
  threadsPerCore: 1,
  coresPerL3: 20,
  memoryMiB: mib(256 * GIB),
};
const EDGE: HostShape = {
  packages: 1,
  cellsPerPackage: 1,
  coresPerCell: 16,
  threadsPerCore: 2,
  coresPerL3: 8,
  memoryMiB: mib(64 * GIB),
};

/** Memory differs per pCPU, so that placement has something to balance; on the smallest it is soon full. */
export const MACHINES: readonly Machine[] = [
  { name: "epyc-1", about: "64 cores x 2 threads, an L3 per 4 cores, 768 GiB", shape: EPYC },
  { name: "epyc-2", about: "the same", shape: EPYC },
  { name: "xeon-1", about: "2 packages x 16 cores x 2 threads, 384 GiB", shape: XEON },
  { name: "xeon-2", about: "the same", shape: XEON },
  { name: "arm-1", about: "80 cores, one thread each, 4 NUMA cells, 256 GiB", shape: ARM },
  { name: "edge-1", about: "16 cores x 2 threads, 64 GiB", shape: EDGE },
];

/** Of the simulated hour: two a second at the usual speed, on six hosts that share a process. */
const TICK_SECONDS = 30;

export interface LiveMachine {
  readonly name: string;
  /** Of its agent. */
  readonly url: string;
  readonly agentRuns: boolean;
  /** The agent ends, as if it had crashed: schedulers hear nothing of it, guests run on. */
  fail(): Promise<void>;
  /** A new agent finds the guests that run. */
  comeBack(): Promise<void>;
  /** Idempotent. */
  close(): Promise<void>;
}

interface MachineOptions {
  readonly schedulerUrl: string;
  readonly speed: number;
  readonly seed: number;
  readonly log: Log;
  readonly version: string;
}

/** The machine with its agent started. */
export async function startMachine(machine: Machine, options: MachineOptions): Promise<LiveMachine> {
  const { schedulerUrl, speed, seed, log, version } = options;
  const defaults = resolveSettings({ flags: {}, environment: {}, envFile: null, configFile: null }).settings;
  const hypervisor = `fake:///?speed=${speed}&seed=${seed}`;
  const world = openFake(hypervisor, { topology: buildTopology(machine.shape), hostname: machine.name });
  const texts = {
    journal: memoryText(),
    corruptJournal: memoryText(),
    forecasts: memoryText(),
    openWindow: memoryText(),
  };
  const settings: Settings = {
    ...defaults,
    hypervisor,
    port: 0,
    tickSeconds: TICK_SECONDS,
    imageFolders: [],
    schedulerUrls: [schedulerUrl],
  };
  const start = (port: number): Promise<RunningAgent> =>
    runAgent({
      settings: { ...settings, port },
      host: {
        hypervisor: world.hypervisor.another(),
        topology: world.topology,
        clock: world.clock,
        probe: world.hypervisor.hostProbe(),
        ...texts,
        warnings: [],
      },
      log,
      version,
    });
  let running: RunningAgent | null = await start(0);
  const { url } = running;
  const end = async (): Promise<void> => {
    const ending = running;
    running = null;
    await ending?.close();
  };
  return {
    name: machine.name,
    url,
    get agentRuns() {
      return running !== null;
    },
    fail: end,
    async comeBack() {
      running ??= await start(Number(new URL(url).port));
    },
    close: end,
  };
}
