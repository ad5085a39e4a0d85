/** `headroom balloon --from-store`: ballooning from the sample store across hosts, and what it shows. */

import { type SqueezeOutcome, StoreBallooning, type StoreReport } from "../../../agent/balloon/store-ballooning.js";
import { runController } from "../../../agent/controller/loop.js";
import { mib, milliseconds } from "../../../core/units.js";
import { realClock } from "../../../drivers/linux/real-clock.js";
import type { Hypervisor } from "../../../ports/hypervisor.js";
import { badSettings, examineFor, loadSettings } from "../../config.js";
import { UsageError } from "../../exit.js";
import { agentLog } from "../../host/agent-log.js";
import { openSamplesToRead } from "../../samples/open-samples.js";
import { nodesOf } from "../../settings/memory-settings.js";
import { SAMPLES_PROGRAM } from "../../settings/program.js";
import { settingsRequest } from "../../settings-options.js";
import { onTermination } from "../../termination.js";
import type { ControllerOptions } from "../command.js";
import { serveMetrics } from "../metrics-server.js";
import { type Output, openPresenter, type View } from "../presenter.js";

export const storeView: View<StoreReport> = {
  json: ({ at, ...rest }) => ({ at: new Date(at).toISOString(), ...rest }),
  lines: ({ outcomes, problems, dryRun }) => [
    ...problems.map((problem) => `failed: ${problem}`),
    ...outcomes.map((outcome) => outcomeLine(outcome, dryRun)),
  ],
  frame: (report, paint) => storeView.lines(report, paint),
};

function outcomeLine({ host, vm, decision, problem }: SqueezeOutcome, dryRun: boolean): string {
  const whole = (value: number): number => Math.round(value);
  const name = `${host} ${vm}`;
  if (problem !== null) return `${name}: ${problem}`;
  switch (decision.kind) {
    case "no-data":
      return `${name}: the store has no memory of it in the scope`;
    case "grace":
      return `${name}: was squeezed not long ago`;
    case "small-gain":
      return `${name}: uses ${whole(decision.usedMiB)} MiB, and the host would get ${whole(decision.gainMiB)} back: too little`;
    case "squeeze":
      return `${name}: ${dryRun ? "would be squeezed" : "squeezed"} to ${whole(decision.targetMiB)} MiB, for ${whole(decision.gainMiB)}`;
  }
}

/** `interval`: seconds as given; null: the setting's. Ends with the signal, or after one round. */
export async function balloonFromStore(
  interval: number | null,
  options: ControllerOptions,
  given: Readonly<Record<string, unknown>>,
  output: Output,
): Promise<void> {
  const request = settingsRequest(given);
  const { settings } = loadSettings(request);
  const nodes = nodesOf(settings.balloonNodes);
  if (nodes.size === 0)
    throw new UsageError("--from-store needs hosts: set HEADROOM_BALLOON_NODES or LIBVIRT_NODES to HOST=URI pairs");
  const log = agentLog("error", "text", output.stderr);
  const { openHypervisor } = await import("../../host/open-host.js");
  const hosts = new Map<string, Hypervisor>();
  for (const [host, hypervisor] of nodes) hosts.set(host, await openHypervisor({ ...settings, hypervisor }, log));
  const samples = examineFor(SAMPLES_PROGRAM, { ...request, flags: {} });
  if (samples.problems.length > 0) throw badSettings(samples.problems);
  const clock = realClock();
  const store = await openSamplesToRead(samples.settings, clock, log);
  const termination = onTermination();
  const ballooning = new StoreBallooning({
    store,
    hosts,
    clock,
    scope: milliseconds(settings.balloonScopeMinutes * 60_000),
    settings: {
      gainMiB: mib(settings.balloonGainMiB),
      leastMiB: mib(settings.balloonSqueezedMiB),
      grace: milliseconds(settings.balloonGraceSeconds * 1000),
    },
    dryRun: options.dryRun === true,
    signal: termination.signal,
  });
  const presenter = openPresenter(storeView, options.json === true ? "json" : "lines", output);
  const served =
    options.metrics === undefined ? null : await serveMetrics(options.metrics, () => metricsOf(ballooning));
  try {
    await runController(ballooning, {
      // Each host's own trouble is in the report; there is no one hypervisor to wait for.
      hypervisor: { subscribe: () => () => undefined },
      clock,
      interval: milliseconds((interval ?? settings.balloonRoundSeconds) * 1000),
      once: options.once === true,
      signal: termination.signal,
      onReport: presenter.report,
      onLost: presenter.lost,
    });
  } finally {
    presenter.close();
    served?.close();
    await store.close();
    await Promise.all([...hosts.values()].map((hypervisor) => hypervisor.close()));
    termination.release();
  }
}

const metricsOf = ({ totals }: StoreBallooning) =>
  (["rounds", "squeezes", "failures"] as const).map((key) => ({
    name: `balloon_store_${key}_total`,
    help: `Ballooning from the store: ${key} since the start`,
    labels: [],
    series: [{ labels: {}, value: totals[key] }],
  }));
