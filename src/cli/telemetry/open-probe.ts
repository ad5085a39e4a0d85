/** From settings to a probe of the host that they name: which of its parts can be had, by where the hypervisor is. */
import { hostname } from "node:os";
import { VmProcesses } from "../../core/telemetry/linux/vm-processes.js";
import { type Milliseconds, milliseconds } from "../../core/units.js";
import { linuxHostFiles } from "../../drivers/linux/host-files.js";
import { perfStat } from "../../drivers/linux/perf-stat.js";
import type { Clock } from "../../ports/clock.js";
import type { HostProbe } from "../../ports/host.js";
import type { Hypervisor } from "../../ports/hypervisor.js";
import type { Log } from "../../ports/log.js";
import type { ProbeForm } from "../../telemetry/exposition-source.js";
import { ownHost, remoteHost, simulatedHost } from "../../telemetry/host-source.js";
import { Probe } from "../../telemetry/probe.js";
import { hypervisorKind } from "../host/hypervisor-kind.js";

export interface ProbeOptions {
  readonly hypervisor: Hypervisor;
  /** Of a simulated host. */
  readonly hostProbe: HostProbe | null;
  /** URI. */
  readonly uri: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly interval: Milliseconds;
  readonly perf: boolean;
}

export interface OpenedProbe {
  readonly probe: Probe;
  /** Ends what it started; the hypervisor stays connected. */
  close(): Promise<void>;
}

export function openProbe(options: ProbeOptions): OpenedProbe {
  const { hypervisor, hostProbe, uri, clock, log, interval } = options;
  const kind = hypervisorKind(uri);
  const own = kind === "local" || kind === "test";
  const files = linuxHostFiles();
  const perf = options.perf && own ? perfStat({ interval, log }) : null;
  const host = own
    ? ownHost(files)
    : hostProbe === null
      ? remoteHost(hypervisor)
      : simulatedHost(hypervisor, hostProbe);
  const processes = own ? new VmProcesses(files) : null;
  return {
    probe: new Probe({ hypervisor, host, processes, perf, clock, interval }),
    close: async () => perf?.close(),
  };
}

export const intervalOf = ({ probeSeconds }: { readonly probeSeconds: number }): Milliseconds =>
  milliseconds(probeSeconds * 1000);

/** Of the settings; the prefix is the host's name where none is set. */
export function probeForm(settings: { readonly form: ProbeForm["kind"]; readonly prefix: string | null }): ProbeForm {
  if (settings.form === "idiomatic") return { kind: "idiomatic" };
  return { kind: "flat", prefix: settings.prefix ?? prefixOfHost(hostname()) };
}

/** `node-7.example` as `node7example`; a name has to begin with a letter. */
export function prefixOfHost(name: string): string {
  const kept = name.replace(/[^A-Za-z0-9]/g, "");
  return (/^[A-Za-z]/.test(kept) ? kept : `host${kept}`).slice(0, 64);
}
