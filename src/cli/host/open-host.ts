/**
 * From settings to what an agent drives: the hypervisor by its URI, the host's topology, the time it lives by, and where its
 * journal lies. Heavy drivers are loaded only when they are wanted.
 */
import { join } from "node:path";
import { excludePcpus } from "../../core/topology/exclude.js";
import type { Topology } from "../../core/topology/model.js";
import { durableText, processText } from "../../drivers/linux/durable-text.js";
import { linuxHostFiles } from "../../drivers/linux/host-files.js";
import { linuxHostProbe } from "../../drivers/linux/host-probe.js";
import { realClock } from "../../drivers/linux/real-clock.js";
import type { Clock } from "../../ports/clock.js";
import { OperationalError } from "../../ports/errors.js";
import type { DurableText, GrowingText, HostProbe } from "../../ports/host.js";
import type { Hypervisor } from "../../ports/hypervisor.js";
import type { Log } from "../../ports/log.js";
import type { Settings } from "../settings/agent-settings.js";
import { loadTopology, THIS_MACHINE } from "../topology-source.js";
import { hypervisorKind } from "./hypervisor-kind.js";
import { openLibvirt } from "./open-libvirt.js";

export interface OpenedHost {
  /** Not yet connected. */
  readonly hypervisor: Hypervisor;
  readonly topology: Topology;
  /** The host's own time; not the machine's where a fake world runs faster. */
  readonly clock: Clock;
  /** Null where the host's own files cannot be read from here. */
  readonly probe: HostProbe | null;
  readonly journal: DurableText;
  readonly corruptJournal: DurableText;
  readonly forecasts: DurableText;
  readonly openWindow: GrowingText;
  /** Sentences for the log. */
  readonly warnings: readonly string[];
}

/** Text that lives as long as the process: for worlds that do not live longer themselves. */
export function memoryText(): GrowingText {
  let held: string | null = null;
  return {
    read: async () => held,
    write: async (text) => {
      held = text;
    },
    append: async (text) => {
      held = (held ?? "") + text;
    },
  };
}

/** The driver alone, not yet connected: for looking at a host without managing it. */
export async function openHypervisor(settings: Settings, log: Log): Promise<Hypervisor> {
  if (hypervisorKind(settings.hypervisor) === "fake") {
    const { openFake } = await import("../../drivers/fake/fake-uri.js");
    return openFake(settings.hypervisor).hypervisor;
  }
  return openLibvirt(settings, log);
}

/** Throws `bad-settings` and `UsageError` for what cannot be right, `host-unreadable` for a machine that cannot be read. */
export async function openHost(settings: Settings, log: Log): Promise<OpenedHost> {
  return hypervisorKind(settings.hypervisor) === "fake" ? openFakeHost(settings) : openLibvirtHost(settings, log);
}

async function openFakeHost(settings: Settings): Promise<OpenedHost> {
  const { openFake, parseFakeUri } = await import("../../drivers/fake/fake-uri.js");
  const named = settings.topology === THIS_MACHINE ? null : loadTopology(settings.topology);
  const opened = openFake(settings.hypervisor, named === null ? {} : { topology: named.topology });
  const { statePath } = parseFakeUri(settings.hypervisor);
  return {
    hypervisor: opened.hypervisor,
    topology: excludePcpus(opened.topology, settings.excludedPcpus),
    clock: opened.clock,
    probe: opened.hypervisor.hostProbe(),
    journal: statePath === null ? memoryText() : durableText(`${statePath}.journal`),
    corruptJournal: statePath === null ? memoryText() : durableText(`${statePath}.journal.corrupt`),
    forecasts: statePath === null ? memoryText() : durableText(`${statePath}.forecasts`),
    openWindow: statePath === null ? memoryText() : processText(`${statePath}.open-window`),
    warnings: named?.warnings ?? [],
  };
}

async function openLibvirtHost(settings: Settings, log: Log): Promise<OpenedHost> {
  const kind = hypervisorKind(settings.hypervisor);
  if (kind !== "local" && settings.topology === THIS_MACHINE) throw needsTopology(settings.hypervisor);
  const { topology, warnings } = loadTopology(settings.topology, settings.excludedPcpus);
  return {
    hypervisor: await openLibvirt(settings, log),
    topology,
    clock: realClock(),
    probe: kind === "local" ? linuxHostProbe(linuxHostFiles()) : null,
    journal: durableText(join(settings.stateFolder, "journal.json")),
    corruptJournal: durableText(join(settings.stateFolder, "journal.corrupt.json")),
    forecasts: durableText(join(settings.stateFolder, "forecasts.json")),
    openWindow: processText(join(settings.stateFolder, "open-window.json")),
    warnings,
  };
}

const needsTopology = (uri: string): OperationalError =>
  new OperationalError(
    "bad-settings",
    `${uri} is not this machine, so its topology must be named: run "headroom topology --record host.txt" there, and set HEADROOM_TOPOLOGY to that file here`,
    false,
  );
