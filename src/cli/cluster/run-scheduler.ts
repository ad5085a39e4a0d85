/** One running scheduler: the store, the connections to agents and other schedulers, the HTTP interface, opened and closed in order. */
import { join } from "node:path";
import { milliseconds, ratio } from "../../core/units.js";
import { openAppendFile } from "../../drivers/linux/append-file.js";
import { realClock } from "../../drivers/linux/real-clock.js";
import { agentClients, DEFAULT_DEADLINES } from "../../http/agent-client/client.js";
import { agentConnections } from "../../http/agent-client/pool.js";
import { createSchedulerApp } from "../../http/scheduler/app.js";
import { type Listening, listen } from "../../http/server.js";
import type { Log } from "../../ports/log.js";
import { createScheduler, type Scheduler } from "../../scheduler/scheduler.js";
import { type SchedulerSettings as Behaviour, DEFAULT_SCHEDULER_SETTINGS } from "../../scheduler/settings.js";
import { DASHBOARD_FOLDER } from "../dashboard-folder.js";
import { reachableUrl } from "../host/membership.js";
import { authorityOf, tlsOf, tokensOf } from "../secret-files.js";
import { makeNamedFolder, naming, STATE_FOLDER } from "../settings/naming.js";
import type { SchedulerSettings } from "../settings/program.js";
import { openStore } from "./open-store.js";
import { placementOf } from "./placement.js";

export interface RunningScheduler {
  readonly scheduler: Scheduler;
  readonly url: string;
  /** Rejects on what no new election mends. */
  readonly ended: Promise<void>;
  /** Takes nothing new, lets what is under way finish, gives the leadership back. VMs stay as they are. Idempotent. */
  close(): Promise<void>;
}

const EVENT_LOG = "cluster-events.jsonl";
/** A standby passes requests on that wait for agents: many wait at once. */
const PER_SCHEDULER = 512;

function behaviourOf(settings: SchedulerSettings): Partial<Behaviour> {
  const heartbeatInterval = milliseconds(settings.heartbeatSeconds * 1000);
  return {
    listedUrls: settings.list,
    heartbeatInterval,
    suspectAfter: milliseconds(settings.suspectSeconds * 1000),
    downAfter: milliseconds(settings.downSeconds * 1000),
    movesAtOnce: settings.movesAtOnce,
    migrationBudget: settings.migrationBudget,
    migrationsPerHour: settings.migrationsPerHour,
    roomPatience: milliseconds(settings.roomSeconds * 1000),
    estimates: settings.estimates,
    estimateMargin: settings.estimateMargin,
    tickInterval: milliseconds(Math.min(DEFAULT_SCHEDULER_SETTINGS.tickInterval, heartbeatInterval / 4)),
  };
}

/** What is opened, to be closed in the opposite order, also when a later one cannot be opened. */
class Opened {
  private readonly closers: (() => Promise<unknown>)[] = [];
  private closing: Promise<void> | null = null;

  add(close: () => Promise<unknown>): void {
    this.closers.unshift(close);
  }

  close(): Promise<void> {
    this.closing ??= this.closeAll();
    return this.closing;
  }

  private async closeAll(): Promise<void> {
    for (const close of this.closers) await close();
  }
}

/** Throws `bad-settings`, `store-locked` and what else keeps the store from being opened; nothing is left open then. */
export async function runScheduler(settings: SchedulerSettings, log: Log, version: string): Promise<RunningScheduler> {
  const opened = new Opened();
  try {
    return await start(settings, log, version, opened);
  } catch (error) {
    await opened.close();
    throw error;
  }
}

async function start(
  settings: SchedulerSettings,
  log: Log,
  version: string,
  opened: Opened,
): Promise<RunningScheduler> {
  const clock = realClock();
  const tokens = tokensOf(settings);
  const authority = authorityOf(settings);
  const token = settings.agentToken;
  if (tokens !== null && token === null)
    log.warn({}, "no HEADROOM_AGENT_TOKEN: agents and schedulers that want tokens will turn this one away");
  await makeNamedFolder(STATE_FOLDER, settings.stateFolder);
  const toAgents = agentConnections({ authority });
  opened.add(() => toAgents.close());
  const toSchedulers = agentConnections({ authority, perAgent: PER_SCHEDULER });
  opened.add(() => toSchedulers.close());
  const store = await naming(STATE_FOLDER, () => openStore(settings, clock, log));
  opened.add(() => store.close());
  const eventLog = await naming(STATE_FOLDER, () => openAppendFile(join(settings.stateFolder, EVENT_LOG)));
  opened.add(() => eventLog.close());
  let listening: Listening | null = null;
  const scheduler = createScheduler({
    store,
    clients: agentClients({ token, dispatcher: toAgents, ...DEFAULT_DEADLINES }),
    clock,
    log,
    // The port is known once it is listened on, and asked for at the first election, which is later.
    get address() {
      return reachableUrl(listening?.url ?? "", settings.advertisedUrl);
    },
    placement: await placementOf(settings),
    settings: behaviourOf(settings),
    eventLog,
  });
  const app = createSchedulerApp({
    scheduler,
    tokens,
    limits: {
      bodyBytes: settings.bodyLimitBytes,
      requestMs: settings.requestTimeoutSeconds * 1000,
      inFlight: settings.maximumInFlight,
    },
    log,
    clock,
    seedCalls: settings.seedCalls,
    maximumRatio: ratio(settings.maximumRatio),
    imageFolders: settings.imageFolders,
    clusterToken: token,
    dispatcher: toSchedulers,
    version,
    dashboard: DASHBOARD_FOLDER,
    tls: tlsOf(settings),
  });
  listening = await listen(app, { host: settings.address, port: settings.port });
  const { url } = listening;
  const stopping = new AbortController();
  const ended = scheduler.run(stopping.signal);
  opened.add(() => scheduler.stop());
  opened.add(() => app.close());
  return { scheduler, url, ended, close: () => opened.close() };
}
