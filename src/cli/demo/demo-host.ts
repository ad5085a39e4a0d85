/** The demonstration's host: a fake world in memory, two packages of 64 cores, and an ordinary agent on it. */

import { assert } from "../../core/assert.js";
import { buildTopology, PRESETS } from "../../core/topology/presets.js";
import { mib } from "../../core/units.js";
import { openFake } from "../../drivers/fake/fake-uri.js";
import type { OpenedHost } from "../host/open-host.js";
import { memoryText } from "../host/open-host.js";
import type { Settings } from "../settings/agent-settings.js";
import { resolveSettings } from "../settings/resolve.js";

const PRESET = "epyc-7662-2s";
/** OVHcloud's VMs want 3 GiB for each vCPU; with the preset's 512 GiB memory would be full before a pool could grow. */
const MEMORY_MIB = mib(2 * 1024 * 1024);
/** Of the simulated hour. Ten seconds are a sixth of a second at the usual speed: as often as the screen changes. */
const TICK_SECONDS = 10;

export interface DemoHost {
  readonly settings: Settings;
  readonly host: OpenedHost;
}

/** Settings are the defaults and nobody's `.env`: a demonstration is the same on every machine. */
export function demoHost(policy: Settings["policy"], port: number, speed: number, seed: number): DemoHost {
  const nowhere = { flags: {}, environment: {}, envFile: null, configFile: null };
  const hypervisor = `fake:///${PRESET}?speed=${speed}&seed=${seed}`;
  const defaults = resolveSettings(nowhere).settings;
  const template = policy === "sweetspotvm" ? [1, 2, 3] : [];
  const preset = PRESETS.get(PRESET);
  assert(preset !== undefined, `the preset ${PRESET} is gone`);
  const opened = openFake(hypervisor, { topology: buildTopology({ ...preset.shape, memoryMiB: MEMORY_MIB }) });
  return {
    settings: { ...defaults, hypervisor, policy, port, template, tickSeconds: TICK_SECONDS, imageFolders: [] },
    host: {
      hypervisor: opened.hypervisor,
      topology: opened.topology,
      clock: opened.clock,
      probe: opened.hypervisor.hostProbe(),
      journal: memoryText(),
      corruptJournal: memoryText(),
      forecasts: memoryText(),
      openWindow: memoryText(),
      warnings: [],
    },
  };
}
