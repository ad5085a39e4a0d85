/**
 * The host that a controller works on: its hypervisor by `--connect`, LIBVIRT_DEFAULT_URI or the settings, in this order, and
 * what is known of the machine from here. A host that is not this machine has no topology unless the settings name one.
 */
import type { Topology } from "../../core/topology/model.js";
import { realClock } from "../../drivers/linux/real-clock.js";
import type { Clock } from "../../ports/clock.js";
import type { HostProbe } from "../../ports/host.js";
import type { Hypervisor } from "../../ports/hypervisor.js";
import type { Log } from "../../ports/log.js";
import { loadSettings, type SettingsRequest } from "../config.js";
import { environment } from "../environment.js";
import { UsageError } from "../exit.js";
import { hypervisorKind } from "../host/hypervisor-kind.js";
import { AGENT_SETTINGS, type Settings } from "../settings/agent-settings.js";
import { THIS_MACHINE } from "../topology-source.js";

export interface ControlledHost {
  /** Not yet connected. */
  readonly hypervisor: Hypervisor;
  /** The host's own time; not the machine's where a fake world runs faster. */
  readonly clock: Clock;
  /** Null where it cannot be read from here. */
  readonly topology: Topology | null;
  readonly probe: HostProbe | null;
  readonly settings: Settings;
  /** Sentences for people. */
  readonly warnings: readonly string[];
}

/** Null: the settings say it, by default `qemu:///system`. Throws `UsageError` naming where a wrong one stands. */
function namedUri(connect: string | undefined): string | null {
  const [name, text] =
    connect === undefined ? ["LIBVIRT_DEFAULT_URI", environment("LIBVIRT_DEFAULT_URI")] : ["--connect", connect];
  if (text === undefined) return null;
  const { schema, allowed } = AGENT_SETTINGS.hypervisor;
  if (!schema.safeParse(text).success)
    throw new UsageError(`${name} is ${JSON.stringify(text)}; it must be ${allowed}`);
  return text;
}

/** Throws `UsageError` and `bad-settings` for what cannot be right, `host-unreadable` for a machine that cannot be read. */
export async function openControlled(
  connect: string | undefined,
  log: Log,
  request: SettingsRequest = { flags: {} },
): Promise<ControlledHost> {
  const uri = namedUri(connect);
  const flags = uri === null ? request.flags : { ...request.flags, hypervisor: uri };
  const { settings, warnings } = loadSettings({ ...request, flags });
  const { openHost, openHypervisor } = await import("../host/open-host.js");
  const kind = hypervisorKind(settings.hypervisor);
  if ((kind === "remote" || kind === "test") && settings.topology === THIS_MACHINE) {
    const hypervisor = await openHypervisor(settings, log);
    return { hypervisor, clock: realClock(), topology: null, probe: null, settings, warnings };
  }
  const { hypervisor, clock, topology, probe, warnings: read } = await openHost(settings, log);
  return { hypervisor, clock, topology, probe, settings, warnings: [...warnings, ...read] };
}
