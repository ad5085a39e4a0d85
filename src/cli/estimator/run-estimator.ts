/** The online estimator as a process: its store, what it remembers, its sinks and its HTTP interface, opened and closed in order. */
import { randomInt } from "node:crypto";
import { dirname } from "node:path";
import { milliseconds } from "../../core/units.js";
import { realClock } from "../../drivers/linux/real-clock.js";
import { replacedText } from "../../drivers/linux/replaced-text.js";
import { openEstimatorStates } from "../../drivers/stores/estimator-states.js";
import { Courier } from "../../estimator/courier.js";
import { estimatorMetrics } from "../../estimator/metrics-text.js";
import { remind } from "../../estimator/reminder.js";
import type { WatchSettings } from "../../estimator/settings.js";
import { stateFileSink } from "../../estimator/state-file.js";
import { EstimatorWatch } from "../../estimator/watch.js";
import { estimateRoutes } from "../../http/estimates/routes.js";
import { listen } from "../../http/server.js";
import { createTelemetryApp } from "../../http/telemetry/app.js";
import type { Clock } from "../../ports/clock.js";
import { OperationalError } from "../../ports/errors.js";
import type { EstimateSink, HostEstimate } from "../../ports/estimates.js";
import type { Log } from "../../ports/log.js";
import { openSamplesToRead } from "../samples/open-samples.js";
import { tlsOf, tokensOf } from "../secret-files.js";
import { ESTIMATE_FILE, ESTIMATOR_FOLDER, makeNamedFolder, naming } from "../settings/naming.js";
import { type EstimatorSettings, sampleStoreOf } from "../settings/program.js";
import { onTermination } from "../termination.js";
import { version } from "../version.js";
import { openSinks } from "./sinks.js";

const DESCRIPTION = `The estimator: predicts at the end of each window what every host will need in the next one.

CPU is in pCPUs, memory in MiB. Errors are RFC 9457 problems with a stable \`code\`. Unknown parameters are refused.`;

const MS_PER_SECOND = 1000;
const RETRY_MS = 15_000;
/** Schedulers are asked whether they still have the estimates, and told in any case. */
const ASK_EVERY = milliseconds(5_000);
const TELL_EVERY = milliseconds(60_000);
/** The store is asked about so many hosts at once: it has other readers. */
const HOSTS_AT_ONCE = 4;
/** After a signal, for sinks to take what was estimated last. */
const FAREWELL_MS = 5_000;

function watchSettings(settings: EstimatorSettings): WatchSettings {
  const { windowSeconds, scopeSeconds, strategy, assessor, cpu, mem, sigmas, promise } = settings;
  return {
    history: settings.history,
    slices: (scopeSeconds ?? windowSeconds) / windowSeconds,
    sliceScope: windowSeconds,
    choice: {
      strategy,
      assessor,
      cpuPercentile: cpu,
      memoryPercentile: mem,
      sigmas,
      // Part of what a remembered state rests on: other strategies' survive another promise.
      ...(strategy === "headroom" ? { promise } : {}),
      aggregation: 1,
      caution: true,
      faithful: false,
    },
    mostMissing: settings.mostMissing,
    hosts: settings.estimateHosts,
    delay: milliseconds(settings.delaySeconds * MS_PER_SECOND),
    pastWindows: settings.learnPast ? settings.pastWindows : 0,
    retry: milliseconds(RETRY_MS),
    atOnce: HOSTS_AT_ONCE,
  };
}

interface Running {
  readonly watch: EstimatorWatch;
  readonly couriers: readonly Courier[];
  /** What schedulers are told by; null: none is told. */
  readonly scheduler: { readonly sink: EstimateSink; readonly courier: Courier } | null;
}

async function stateFile(settings: EstimatorSettings, clock: Clock, estimates: () => readonly HostEstimate[]) {
  const { estimateFile } = settings;
  await makeNamedFolder(ESTIMATE_FILE, dirname(estimateFile));
  return stateFileSink(
    (text) => replacedText(estimateFile).write(text),
    estimates,
    () => clock.now(),
  );
}

/** Opens everything, has `work` done with it, and closes it again. */
async function opened<T>(
  settings: EstimatorSettings,
  log: Log,
  clock: Clock,
  work: (running: Running) => Promise<T>,
): Promise<T> {
  const store = await openSamplesToRead(settings, clock, log);
  try {
    const states = await naming(ESTIMATOR_FOLDER, () => openEstimatorStates(settings.estimatorFolder, clock));
    const sinks: EstimateSink[] = [];
    try {
      const estimates = (): readonly HostEstimate[] => watch.estimates();
      const file = await stateFile(settings, clock, estimates);
      sinks.push(...(await openSinks(settings, log, clock)));
      const random = (): number => randomInt(2 ** 32) / 2 ** 32;
      const fileCourier = new Courier({ sink: file, clock, log, random });
      const others = sinks.map((sink) => new Courier({ sink, clock, log, random }));
      const publish = (fresh: readonly HostEstimate[]): void => {
        // The file tells of all hosts, and of those whose estimates have become stale.
        fileCourier.offer(estimates());
        for (const courier of others) courier.offer(fresh);
      };
      const watch = await EstimatorWatch.open({
        store,
        states,
        publish,
        settings: watchSettings(settings),
        clock,
        log,
      });
      // What is remembered, as of now; a file that cannot be written is told at once.
      await naming(ESTIMATE_FILE, () => file.deliver([], new AbortController().signal));
      const told = sinks.findIndex((sink) => sink.isLacking !== undefined);
      const scheduler = told === -1 ? null : { sink: sinks[told]!, courier: others[told]! };
      return await work({ watch, couriers: [fileCourier, ...others], scheduler });
    } finally {
      for (const sink of sinks) await sink.close?.();
      await states.close();
    }
  } finally {
    await store.close();
  }
}

/** One pass over all windows that have ended; sinks are told once. Throws what kept it from being whole. */
export async function estimateOnce(settings: EstimatorSettings, log: Log): Promise<readonly HostEstimate[]> {
  const clock = realClock();
  const { signal } = new AbortController();
  return opened(settings, log, clock, async ({ watch, couriers }) => {
    await watch.pass(signal);
    for (const courier of couriers) await courier.flush(signal);
    const { problem, unsaved } = watch.status();
    if (problem !== null) throw new OperationalError("store-unreachable", problem, true);
    if (unsaved > 0) {
      const message = `what was learnt of ${unsaved} hosts could not be written down: the next run learns it again`;
      throw new OperationalError("state-not-written", message, true);
    }
    const failed = couriers.map((courier) => courier.status()).find((status) => status.problem !== null);
    if (failed?.problem != null) throw new OperationalError("sink-failed", `${failed.name}: ${failed.problem}`, true);
    return watch.estimates();
  });
}

/** Serves until a signal comes. Throws what keeps it from starting. */
export async function serveEstimator(settings: EstimatorSettings, log: Log): Promise<void> {
  const clock = realClock();
  const termination = onTermination();
  try {
    await opened(settings, log, clock, (running) => serve(settings, log, clock, running, termination.signal));
    log.info({}, "stopped");
  } finally {
    termination.release();
  }
}

async function serve(
  settings: EstimatorSettings,
  log: Log,
  clock: Clock,
  { watch, couriers, scheduler }: Running,
  signal: AbortSignal,
): Promise<void> {
  const app = createTelemetryApp({
    names: {
      program: "estimator",
      addressSetting: "HEADROOM_ESTIMATOR_ADDRESS",
      portSetting: "HEADROOM_ESTIMATOR_PORT",
      risk: "see what every host uses",
    },
    command: "estimate --watch",
    description: DESCRIPTION,
    problem: () => watch.status().problem,
    metrics: {
      text: async () =>
        estimatorMetrics(
          watch.status(),
          watch.estimates(),
          couriers.map((courier) => courier.status()),
          clock.now(),
        ),
      alone: false,
    },
    routes: [estimateRoutes(watch)],
    links: [{ path: "/v1/estimates", about: "what every host is expected to need" }],
    tokens: tokensOf(settings),
    limits: { requestMs: settings.requestTimeoutSeconds * MS_PER_SECOND, inFlight: settings.maximumInFlight },
    log,
    clock,
    version: version(),
    tls: tlsOf(settings),
  });
  const { url } = await listen(app, { host: settings.address, port: settings.port });
  const { windowSeconds, strategy } = settings;
  log.info({ url, store: sampleStoreOf(settings), windowSeconds, strategy }, "the estimator is ready");
  try {
    const jobs = [watch.run(signal), ...couriers.map((courier) => courier.run(signal))];
    const often = { estimates: () => watch.estimates(), clock, askEvery: ASK_EVERY, tellEvery: TELL_EVERY };
    if (scheduler !== null) jobs.push(remind({ ...scheduler, ...often }, signal));
    await Promise.all(jobs);
    log.info({}, "stopping: what was estimated last is told");
    for (const courier of couriers) await courier.flush(AbortSignal.timeout(FAREWELL_MS));
  } finally {
    await app.close();
  }
}
