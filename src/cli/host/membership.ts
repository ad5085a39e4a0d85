/** A host's part in a cluster, from the operator's settings: what schedulers are told of the machine, and the beats. */
import { randomInt } from "node:crypto";
import { hostname } from "node:os";
import type { Agent } from "../../agent/agent.js";
import { DEFAULT_COURSE_RULES } from "../../agent/cluster/course.js";
import { keepInCluster } from "../../agent/cluster/heartbeat.js";
import type { MachineFacts } from "../../agent/report.js";
import { ratio } from "../../core/units.js";
import { linuxHostFiles } from "../../drivers/linux/host-files.js";
import { realClock } from "../../drivers/linux/real-clock.js";
import type { Log } from "../../ports/log.js";
import type { Settings } from "../settings/agent-settings.js";
import { labelsOf } from "../settings/membership-settings.js";
import { hypervisorKind } from "./hypervisor-kind.js";

const WILDCARDS = new Set(["0.0.0.0", "[::]"]);

export function machineFacts(settings: Settings): Partial<MachineFacts> {
  const local = hypervisorKind(settings.hypervisor) === "local";
  return {
    bootId: local ? textOf("/proc/sys/kernel/random/boot_id") : null,
    labels: labelsOf(settings.labels),
    ratiosOffered: { least: ratio(1), most: ratio(settings.maximumRatio) },
    images: settings.imageFolders,
  };
}

const textOf = (path: string): string | null => linuxHostFiles().readText(path)?.trim() || null;

/** Where others reach what listens at `url`: a wildcard address is of no use to them. */
export function reachableUrl(url: string, advertised: string | null): string {
  if (advertised !== null) return advertised;
  const reachable = new URL(url);
  if (WILDCARDS.has(reachable.hostname)) reachable.hostname = hostname();
  return reachable.origin;
}

/** Beats until `signal` aborts; nothing where the operator named no schedulers. Never throws. */
export async function joinCluster(
  settings: Settings,
  /** Certificate authority (PEM) of the schedulers; null: the system's. */
  authority: string | null,
  agent: Agent,
  url: string,
  log: Log,
  signal: AbortSignal,
): Promise<void> {
  const { schedulerUrls: urls, schedulerToken: token, advertisedUrl } = settings;
  if (urls.length === 0) return;
  const { SCHEDULER_DEADLINE_MS, schedulerClients } = await import("../../http/scheduler-client.js");
  const { agentConnections } = await import("../../http/agent-client/pool.js");
  const dispatcher = agentConnections({ authority });
  await keepInCluster(
    {
      agent,
      url: reachableUrl(url, advertisedUrl),
      clients: schedulerClients({ token, deadlineMs: SCHEDULER_DEADLINE_MS, dispatcher }),
      rules: { ...DEFAULT_COURSE_RULES, urls, secret: token !== null },
      // Schedulers live by real time, also where the host's guests are simulated faster.
      clock: realClock(),
      log,
      random: () => randomInt(2 ** 32) / 2 ** 32,
    },
    signal,
  );
  await dispatcher.close();
}
