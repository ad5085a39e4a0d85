/** One probe as a process: `/metrics` and the textfile until a signal comes, or one reading on standard output. */

import { existsSync } from "node:fs";
import { dirname } from "node:path";
import { realClock } from "../../drivers/linux/real-clock.js";
import { replacedText } from "../../drivers/linux/replaced-text.js";
import { listen } from "../../http/server.js";
import { createTelemetryApp } from "../../http/telemetry/app.js";
import type { Clock } from "../../ports/clock.js";
import { OperationalError } from "../../ports/errors.js";
import type { HostProbe } from "../../ports/host.js";
import type { Hypervisor } from "../../ports/hypervisor.js";
import type { Log } from "../../ports/log.js";
import { ExpositionSource, printReading } from "../../telemetry/exposition-source.js";
import { keepTextfile } from "../../telemetry/textfile-loop.js";
import { hypervisorKind } from "../host/hypervisor-kind.js";
import { openLibvirt } from "../host/open-libvirt.js";
import { tlsOf, tokensOf } from "../secret-files.js";
import type { ProbeSettings } from "../settings/program.js";
import { onTermination } from "../termination.js";
import { version } from "../version.js";
import { intervalOf, type OpenedProbe, openProbe, probeForm } from "./open-probe.js";

const DESCRIPTION = `The probe of one host: what the host and its VMs use, as metrics.

Errors are RFC 9457 problems with a stable \`code\`. Unknown parameters are refused.`;

interface Watched {
  readonly hypervisor: Hypervisor;
  readonly hostProbe: HostProbe | null;
  readonly clock: Clock;
}

/** A simulated host lives by a time of its own. */
async function openHypervisor(settings: ProbeSettings, log: Log): Promise<Watched> {
  if (hypervisorKind(settings.hypervisor) !== "fake")
    return { hypervisor: await openLibvirt(settings, log), hostProbe: null, clock: realClock() };
  const { openFake } = await import("../../drivers/fake/fake-uri.js");
  const { hypervisor, clock } = openFake(settings.hypervisor);
  return { hypervisor, hostProbe: hypervisor.hostProbe(), clock };
}

/** Connected. Throws `hypervisor-unreachable`. */
async function open(settings: ProbeSettings, log: Log, perf: boolean): Promise<OpenedProbe> {
  const watched = await openHypervisor(settings, log);
  await watched.hypervisor.connect();
  const { probe, close } = openProbe({
    ...watched,
    uri: settings.hypervisor,
    log,
    interval: intervalOf(settings),
    perf,
  });
  return {
    probe,
    close: async () => {
      await close();
      await watched.hypervisor.close();
    },
  };
}

/** One reading; performance counters take an interval, for which nobody waits here. */
export async function probeOnce(
  settings: ProbeSettings,
  log: Log,
  output: { write(text: string): unknown },
): Promise<void> {
  const opened = await open(settings, log, false);
  try {
    output.write(printReading(await opened.probe.reading(), probeForm(settings)));
  } finally {
    await opened.close();
  }
}

/** Serves until a signal comes. Throws what keeps the probe from starting. */
export async function serveProbe(settings: ProbeSettings, log: Log): Promise<void> {
  const { textfile } = settings;
  if (textfile !== null && !existsSync(dirname(textfile)))
    throw new OperationalError(
      "bad-settings",
      `HEADROOM_PROBE_TEXTFILE: the folder ${dirname(textfile)} does not exist`,
      false,
    );
  const termination = onTermination();
  const opened = await open(settings, log, settings.perf);
  try {
    await serveOpened(settings, log, opened, termination.signal);
    log.info({}, "stopped");
  } finally {
    await opened.close();
    termination.release();
  }
}

async function serveOpened(
  settings: ProbeSettings,
  log: Log,
  { probe }: OpenedProbe,
  signal: AbortSignal,
): Promise<void> {
  const form = probeForm(settings);
  const source = new ExpositionSource(probe, form, log);
  const clock = realClock();
  const app = createTelemetryApp({
    names: {
      program: "probe",
      addressSetting: "HEADROOM_PROBE_ADDRESS",
      portSetting: "HEADROOM_PROBE_PORT",
      risk: "see the names of all VMs and what they use",
    },
    description: DESCRIPTION,
    problem: () => source.problem,
    metrics: { text: () => source.text(), alone: form.kind === "flat" },
    tokens: tokensOf(settings),
    limits: { requestMs: settings.requestTimeoutSeconds * 1000, inFlight: settings.maximumInFlight },
    log,
    clock,
    version: version(),
    tls: tlsOf(settings),
  });
  const { url } = await listen(app, { host: settings.address, port: settings.port });
  const { textfile } = settings;
  log.info(
    { url, form: form.kind, ...(form.kind === "flat" ? { prefix: form.prefix } : {}), textfile },
    "the probe is ready",
  );
  const stopped = new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
  if (textfile !== null) {
    const file = replacedText(textfile);
    await keepTextfile({ text: () => source.text(), file, clock, interval: intervalOf(settings), log }, signal);
    // What nobody keeps up to date is better gone.
    await file.remove();
  } else if (!signal.aborted) await stopped;
  await app.close();
}
