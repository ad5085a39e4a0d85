/** The sinks that settings ask for, opened. */
import type { RatioBounds } from "../../core/estimator/online/allocation-ratio.js";
import type { Clock } from "../../ports/clock.js";
import type { EstimateSink } from "../../ports/estimates.js";
import type { Log } from "../../ports/log.js";
import { authorityOf } from "../secret-files.js";
import type { EstimatorSettings } from "../settings/program.js";

const DEADLINE_MS = 30_000;

export async function openSinks(settings: EstimatorSettings, log: Log, clock: Clock): Promise<readonly EstimateSink[]> {
  const sinks: EstimateSink[] = [];
  const { webhookUrl: url, webhookSecret: secret } = settings;
  if (url !== null) {
    const { webhookSink } = await import("../../drivers/sinks/webhook.js");
    sinks.push(webhookSink({ url, secret, clock }));
  }
  const { schedulerUrls: urls, estimatorToken: token } = settings;
  if (urls.length > 0) {
    const { schedulerSink } = await import("../../drivers/sinks/scheduler.js");
    sinks.push(schedulerSink({ urls, token, authority: authorityOf(settings), log }));
  }
  if (settings.openstackAuthUrl !== null || settings.openstackPlacementUrl !== null)
    sinks.push(await openstackSink(settings, log, clock));
  return sinks;
}

async function openstackSink(settings: EstimatorSettings, log: Log, clock: Clock): Promise<EstimateSink> {
  const { Agent } = await import("undici");
  const { fixedToken, keystoneTokens } = await import("../../drivers/sinks/openstack/keystone.js");
  const { PlacementApi } = await import("../../drivers/sinks/openstack/placement.js");
  const { placementSink } = await import("../../drivers/sinks/openstack/sink.js");
  const dispatcher = new Agent({ connect: { timeout: DEADLINE_MS } });
  const server = (name: string) => ({ name, deadlineMs: DEADLINE_MS, dispatcher });
  const { openstackAuthUrl, openstackPlacementUrl, openstackRegion, openstackInterface, openstackStep } = settings;
  const tokens =
    openstackAuthUrl === null
      ? fixedToken(settings.openstackToken ?? "")
      : keystoneTokens(
          {
            url: openstackAuthUrl,
            credentials: credentialsOf(settings),
            region: openstackRegion,
            interface: openstackInterface,
          },
          server("Keystone"),
          clock,
        );
  const boundsOf = (resource: "cpu" | "memory", least: number, most: number): RatioBounds | null =>
    settings.openstackResources.includes(resource) ? { least, most, largestStep: openstackStep } : null;
  const dryRun = settings.openstackMode === "dry-run";
  if (dryRun) log.info({}, "OpenStack: a dry run, nothing is changed there (HEADROOM_OPENSTACK_MODE=apply does)");
  return placementSink({
    api: new PlacementApi(server("Placement"), tokens, openstackPlacementUrl?.replace(/\/+$/, "") ?? null),
    dispatcher,
    dryRun,
    bounds: {
      cpu: boundsOf("cpu", settings.openstackCpuLeast, settings.openstackCpuMost),
      memory: boundsOf("memory", settings.openstackMemoryLeast, settings.openstackMemoryMost),
    },
    providers: new Map(
      settings.openstackProviders.map((pair) => [pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1)]),
    ),
    clock,
    log,
  });
}

function credentialsOf(settings: EstimatorSettings) {
  const { openstackCredentialId: id, openstackCredentialSecret: secret } = settings;
  if (id !== null && secret !== null) return { kind: "application", id, secret } as const;
  return {
    kind: "password",
    user: settings.openstackUser ?? "",
    password: settings.openstackPassword ?? "",
    userDomain: settings.openstackUserDomain,
    project: settings.openstackProject,
    projectDomain: settings.openstackProjectDomain,
  } as const;
}
