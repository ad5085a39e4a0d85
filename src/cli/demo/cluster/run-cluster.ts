/**
 * The cluster's demonstration as a whole: a scheduler with its embedded store in a temporary folder, agents on simulated
 * hosts, an hour of VMs, and one host that fails on the way. All talk to each other, and the screen to them, over HTTP.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Dispatcher } from "undici";
import { milliseconds } from "../../../core/units.js";
import { scaledClock } from "../../../drivers/fake/virtual-clock.js";
import { realClock } from "../../../drivers/linux/real-clock.js";
import { agentConnections } from "../../../http/agent-client/pool.js";
import { schedulerClient } from "../../../http/scheduler/client.js";
import type { Log } from "../../../ports/log.js";
import { joined } from "../../../ports/signals.js";
import { type RunningScheduler, runScheduler } from "../../cluster/run-scheduler.js";
import { agentLog } from "../../host/agent-log.js";
import { ClusterPlayer } from "../../play/player.js";
import { SCHEDULER_PROGRAM } from "../../settings/program.js";
import { resolveFor } from "../../settings/resolve.js";
import { paintFor } from "../../terminal.js";
import type { DemoOptions } from "../options.js";
import { show } from "../show.js";
import { demoHour, HOUR_SECONDS } from "../workload.js";
import { playFailure } from "./failure.js";
import { renderCluster } from "./frame.js";
import { type LiveMachine, MACHINES, startMachine } from "./machines.js";
import { introduction, plainEvent, plainLine, summary } from "./story.js";
import { ClusterWatch } from "./watch.js";

/** So that the hosts together fill about as one host of 256 pCPUs does in the other demonstration. */
const SCALE = 1.75;
/** Of the whole time: a beat, and the silences that make a host suspect and down. At the usual minute: 1, 4 and 9 s. */
const [BEAT, SUSPECT, DOWN] = [1 / 60, 4 / 60, 9 / 60];
const MOST_CONNECTIONS = 256;
/** A VM that is asked about at a silent host is answered after this long at the latest. */
const CLIENT_TIMEOUT_MS = 60_000;
/** Who looks on does not wait for a host that stays silent. */
const LAST_WORDS_MS = milliseconds(2_000);

function schedulerSettings(folder: string, port: number, seconds: number) {
  const nowhere = { flags: {}, environment: {}, envFile: null, configFile: null };
  const defaults = resolveFor(SCHEDULER_PROGRAM, nowhere).settings;
  return {
    ...defaults,
    port,
    stateFolder: folder,
    heartbeatSeconds: seconds * BEAT,
    suspectSeconds: seconds * SUSPECT,
    downSeconds: seconds * DOWN,
  };
}

/** What was started, ended in the opposite order. */
interface Running {
  readonly scheduler: RunningScheduler;
  readonly machines: readonly LiveMachine[];
  close(): Promise<void>;
}

async function start(options: DemoOptions, folder: string, log: Log): Promise<Running> {
  const { seconds, seed, port, version } = options;
  const scheduler = await runScheduler(schedulerSettings(folder, port, seconds), log, version);
  const machines: LiveMachine[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(machines.map((machine) => machine.close()));
    await scheduler.close();
  };
  try {
    for (const [index, machine] of MACHINES.entries()) {
      const speed = HOUR_SECONDS / seconds;
      machines.push(
        await startMachine(machine, { schedulerUrl: scheduler.url, speed, seed: seed + index, log, version }),
      );
    }
  } catch (error) {
    await close();
    throw error;
  }
  return { scheduler, machines, close };
}

async function play(
  options: DemoOptions,
  running: Running,
  dispatcher: Dispatcher,
  scale: number,
  complaints: readonly string[],
): Promise<void> {
  const { terminal, seconds, seed, signal } = options;
  const { scheduler, machines } = running;
  const { url } = scheduler;
  const paint = paintFor(terminal);
  const wallClock = realClock();
  terminal.write(introduction(url, machines, seconds, paint));
  // Who looks at the dashboard shall not lose it after a minute.
  const keep = (await options.open(`${url}/`)) || options.keep;
  const speed = HOUR_SECONDS / seconds;
  const clock = scaledClock(wallClock, speed, 0);
  const done = new AbortController();
  const stop = joined(signal, done.signal).signal;
  const client = schedulerClient({ baseUrl: url, timeoutMs: CLIENT_TIMEOUT_MS, dispatcher });
  const watch = new ClusterWatch({ url, client, dispatcher }, () => clock.monotonic(), speed);
  if (options.plain) watch.onHostLine = (line) => terminal.write(plainEvent(line));
  const player = new ClusterPlayer({
    client,
    happenings: demoHour(seed, scale * SCALE),
    endSeconds: HOUR_SECONDS,
    clock,
    wallClock,
    signal: stop,
    lastWordsMs: LAST_WORDS_MS,
    onEvent: watch.note,
  });
  watch.tallyOf = () => player.tally;
  await watch.awaitHosts(MACHINES.length, wallClock, stop);
  const end = (): void => done.abort();
  // Whichever ends first, by its end or by a failure, ends the others.
  const [, failure] = await Promise.all([
    player.play().finally(end),
    playFailure({ machines, watch, clock, signal: stop }),
    watch.follow(stop),
    show({ look: () => watch.look(), line: plainLine, frame: renderCluster }, options, done.signal).finally(end),
  ]);
  terminal.write(summary(await watch.look(), failure, paint));
  for (const complaint of complaints) terminal.write(`  ${complaint}`);
  if (keep && !signal.aborted) {
    terminal.write(`\nThe scheduler goes on at ${url}, its hosts too; Ctrl-C ends them.\n`);
    await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
  }
}

/** `scale`: times as many VMs as usual. */
export async function runClusterDemo(options: DemoOptions, scale = 1): Promise<void> {
  const complaints: string[] = [];
  // A host that falls silent is worth a warning in life; here it is the story itself.
  const log = agentLog("error", "text", { write: (line: string) => complaints.push(line) });
  const folder = await mkdtemp(join(tmpdir(), "headroom-demo-"));
  try {
    const running = await start(options, folder, log);
    // Removals at the silent host wait long: each on its own connection, so that they hold up nobody.
    const connections = agentConnections({ perAgent: MOST_CONNECTIONS });
    try {
      await play(options, running, connections, scale, complaints);
    } finally {
      // First: the scheduler waits for whoever is still connected.
      await connections.destroy();
      await running.close();
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
