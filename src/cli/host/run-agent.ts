/**
 * One running host agent: the agent, its ticks and its HTTP interface, started and ended together. Listens before it
 * touches the hypervisor, so that a second agent on the same port stops before it could interfere with the first.
 */
import type { Agent } from "../../agent/agent.js";
import { createAgent } from "../../agent/agent.js";
import type { Recorder } from "../../agent/recorder.js";
import { createPolicy } from "../../core/pool/registry.js";
import { indexTopology } from "../../core/topology/index-topology.js";
import { mib, milliseconds, ratio } from "../../core/units.js";
import { diskImages } from "../../drivers/linux/disk-images.js";
import { realClock } from "../../drivers/linux/real-clock.js";
import { createApp } from "../../http/app.js";
import { listen } from "../../http/server.js";
import type { Log } from "../../ports/log.js";
import { ExpositionSource } from "../../telemetry/exposition-source.js";
import { memorySettings } from "../controller/balloon/settings.js";
import { DASHBOARD_FOLDER } from "../dashboard-folder.js";
import { authorityOf, tlsOf, tokensOf } from "../secret-files.js";
import type { Settings } from "../settings/agent-settings.js";
import { openProbe } from "../telemetry/open-probe.js";
import { dynamicSettings } from "./dynamic-pools.js";
import { hypervisorKind } from "./hypervisor-kind.js";
import { joinCluster, machineFacts } from "./membership.js";
import type { OpenedHost } from "./open-host.js";

export interface AgentParts {
  readonly settings: Settings;
  readonly host: OpenedHost;
  readonly log: Log;
  readonly version: string;
  readonly recorder?: Recorder | null;
}

export interface RunningAgent {
  readonly agent: Agent;
  readonly url: string;
  /** Rejects when the ticks end on something that no later tick can mend. */
  readonly ended: Promise<void>;
  /** Finishes the step in progress, answers what waits, leaves the guests running. Idempotent. */
  close(): Promise<void>;
}

export function policyOf(settings: Settings, host: OpenedHost): ReturnType<typeof createPolicy> {
  return createPolicy(settings.policy, {
    topology: indexTopology(host.topology),
    criticalSize: settings.criticalSize,
    template: settings.template.length === 0 ? null : settings.template.map(ratio),
    hostPcpus: settings.hostPcpus,
    ...(settings.dynamic
      ? { retrievableShare: settings.dynamicReservePercent / 100, yields: settings.dynamicYield }
      : {}),
  });
}

function agentOf({ settings, host, log, recorder }: AgentParts): Agent {
  const { imageFolders, overlayFolder } = settings;
  // Simulated guests open no disk: any file will do, and an overlay would only be litter.
  const simulated = hypervisorKind(settings.hypervisor) === "fake";
  return createAgent({
    policy: policyOf(settings, host),
    hypervisor: host.hypervisor,
    clock: host.clock,
    log,
    journal: host.journal,
    corruptJournal: host.corruptJournal,
    forecasts: host.forecasts,
    openWindow: host.openWindow,
    images: diskImages({ imageFolders, overlayFolder, anyContent: simulated }),
    hostProbe: host.probe,
    recorder: recorder ?? null,
    machine: machineFacts(settings),
    settings: {
      hostname: settings.hostName,
      reservedMemoryMiB: mib(settings.reservedMemoryMiB),
      tickInterval: milliseconds(settings.tickSeconds * 1000),
      ...memorySettings(settings),
      imageMode: simulated ? "direct" : settings.imageMode,
      liveVcpuFactor: settings.liveVcpuFactor,
      liveMemoryFactor: settings.liveMemoryFactor,
      shutdownPatience: milliseconds(settings.shutdownPatienceSeconds * 1000),
      sharedFolders: settings.sharedFolders,
      migrationPatience: milliseconds(settings.migrationSeconds * 1000),
      repackInterval: milliseconds(settings.repackSeconds * 1000),
      balanceInterval: milliseconds(settings.balanceSeconds * 1000),
      dynamic: dynamicSettings(settings),
    },
  });
}

/** What `/metrics` shows besides the agent's own. */
function probeOf({ settings, host, log }: AgentParts): { source: ExpositionSource; close(): Promise<void> } {
  const { hypervisor, probe: hostProbe } = host;
  const { probe, close } = openProbe({
    hypervisor,
    hostProbe,
    uri: settings.hypervisor,
    clock: host.clock,
    log,
    interval: milliseconds(settings.tickSeconds * 1000),
    perf: settings.probeMetrics === "perf",
  });
  return { source: new ExpositionSource(probe, { kind: "idiomatic" }, log), close };
}

/** Throws `bad-settings` (address, tokens, topology) and `hypervisor-unreachable`; nothing is left running then. */
export async function runAgent(parts: AgentParts): Promise<RunningAgent> {
  const { settings, log, version } = parts;
  const agent = agentOf(parts);
  const probe = settings.probeMetrics === "off" ? null : probeOf(parts);
  const app = createApp({
    agent,
    agentTotals: () => agent.metrics(),
    ...(probe === null ? {} : { moreMetrics: () => probe.source.text() }),
    tokens: tokensOf(settings),
    limits: {
      bodyBytes: settings.bodyLimitBytes,
      requestMs: settings.requestTimeoutSeconds * 1000,
      inFlight: settings.maximumInFlight,
    },
    log,
    clock: realClock(),
    seedCalls: settings.seedCalls,
    maximumRatio: ratio(settings.maximumRatio),
    imageFolders: settings.imageFolders,
    version,
    dashboard: DASHBOARD_FOLDER,
    tls: tlsOf(settings),
  });
  const authority = authorityOf(settings);
  const listening = await listen(app, { host: settings.address, port: settings.port });
  const stopping = new AbortController();
  let member: Promise<void> | null = null;
  let closing: Promise<void> | null = null;
  const close = (): Promise<void> => {
    stopping.abort();
    closing ??= Promise.all([listening.close(), agent.stop(), member, probe?.close()]).then(() => undefined);
    return closing;
  };
  try {
    await agent.start();
  } catch (error) {
    await close();
    throw error;
  }
  member = joinCluster(settings, authority, agent, listening.url, log, stopping.signal);
  return { agent, url: listening.url, ended: agent.run(stopping.signal), close };
}
