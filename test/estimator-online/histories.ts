/** Made histories of hosts in a store in memory, and an online estimator over it whose clock and memory the test holds. */
import type { StrategyName } from "../../src/core/estimator/names.js";
import { compareSamples } from "../../src/core/telemetry/sample-order.js";
import { milliseconds } from "../../src/core/units.js";
import { type VirtualClock, virtualClock } from "../../src/drivers/fake/virtual-clock.js";
import type { WatchSettings } from "../../src/estimator/settings.js";
import { EstimatorWatch } from "../../src/estimator/watch.js";
import { OperationalError } from "../../src/ports/errors.js";
import type { EstimatorStates, HostEstimate } from "../../src/ports/estimates.js";
import type { Sample, SampleStore, SourceSpan } from "../../src/ports/sample-store.js";
import { quietLog } from "../support/quiet-log.js";

export const HOUR_MS = 3_600_000;
/** A week's beginning, by the count of windows, so that every season begins with the history. */
export const START = 2_800 * 168;
/** Between two readings. */
const STEP_MS = 300_000;

/** Deterministic, from 0 to below 1 (Park and Miller). */
export function dice(seed: number): () => number {
  let state = (seed % 2_147_483_646) + 1;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}

/** `hours` of a host of 64 pCPUs with a daily shape, and VMs that come and go. */
export function hostHistory(host: string, hours: number, seed: number, step = STEP_MS): readonly Sample[] {
  const random = dice(seed);
  const samples: Sample[] = [];
  const vms = Array.from({ length: 6 }, (_, i) => {
    const from = i < 3 ? 0 : Math.floor(random() * hours);
    return { name: `vm${i}`, from, to: from + 1 + Math.floor(random() * hours), vcpus: 2 + 2 * i, level: random() };
  });
  for (let at = START * HOUR_MS; at < (START + hours) * HOUR_MS; at += step) {
    const hour = at / HOUR_MS - START;
    const shape = 1 + Math.sin((hour / 24) * 2 * Math.PI) / 2;
    let sum = 1;
    for (const { name, from, to, vcpus, level } of vms) {
      if (hour < from || hour >= to) continue;
      const used = vcpus * level * shape * (0.7 + 0.3 * random());
      sum += used;
      const values = { cpu: vcpus, mem: 4096, cpu_usage: used, mem_usage: 1000 + 500 * level + 10 * random() };
      samples.push({ host, vm: name, at: milliseconds(at), values });
    }
    const values = { cpu: 64, mem: 262_144, cpu_usage: sum, mem_usage: 9000 + 100 * sum };
    samples.push({ host, vm: null, at: milliseconds(at), values });
  }
  return samples.sort(compareSamples);
}

export class MemoryStore implements SampleStore {
  samples: readonly Sample[] = [];
  /** Thrown while it is set. */
  failure: OperationalError | null = null;
  readings = 0;
  /** Questions about several hosts. */
  together = 0;

  constructor(samples: readonly Sample[]) {
    this.samples = [...samples].sort(compareSamples);
  }

  async write(samples: readonly Sample[]): Promise<void> {
    this.samples = [...this.samples, ...samples].sort(compareSamples);
  }

  async flush(): Promise<void> {
    // All is in memory.
  }

  async sources({ from, to, host }: Parameters<SampleStore["sources"]>[0]): Promise<readonly SourceSpan[]> {
    if (this.failure !== null) throw this.failure;
    const spans = new Map<string, SourceSpan>();
    for (const one of this.samples) {
      if (one.at < from || one.at >= to || (host !== undefined && one.host !== host)) continue;
      const key = JSON.stringify([one.host, one.vm]);
      const known = spans.get(key) ?? { host: one.host, vm: one.vm, first: one.at, last: one.at };
      spans.set(key, { ...known, last: one.at });
    }
    return [...spans.values()];
  }

  async *read({ host, of, from, to, metrics }: Parameters<SampleStore["read"]>[0]): AsyncIterable<Sample> {
    if (this.failure !== null) throw this.failure;
    for (const one of this.samples) {
      if (one.host !== host || one.at < from || one.at >= to) continue;
      if (of === "host" ? one.vm !== null : of === "vms" ? one.vm === null : !of.includes(one.vm ?? "")) continue;
      this.readings += 1;
      const values = Object.entries(one.values).filter(([name]) => metrics.length === 0 || metrics.includes(name));
      yield { ...one, values: Object.fromEntries(values) };
    }
  }

  async *readHosts({ hosts, from, to, metrics }: Parameters<NonNullable<SampleStore["readHosts"]>>[0]) {
    this.together += 1;
    if (this.failure !== null) throw this.failure;
    for (const one of this.samples) {
      if (!hosts.includes(one.host) || one.at < from || one.at >= to) continue;
      this.readings += 1;
      const values = Object.entries(one.values).filter(([name]) => metrics.includes(name));
      yield { ...one, values: Object.fromEntries(values) };
    }
  }

  status(): ReturnType<SampleStore["status"]> {
    return { kind: "embedded", where: "memory", reachable: true, problem: null, unflushed: 0 };
  }

  async close(): Promise<void> {
    // Nothing is open.
  }
}

/** Holds what would be on disk; `crashAfter` writes from now on the process dies. */
export class MemoryStates implements EstimatorStates {
  readonly texts = new Map<string, string>();
  crashAfter = Number.POSITIVE_INFINITY;
  /** Thrown while it is set. */
  failure: OperationalError | null = null;

  async load() {
    return [...this.texts].map(([host, text]) => ({ host, text }));
  }

  async save(host: string, text: string): Promise<void> {
    if (this.crashAfter <= 0) throw new Error("killed");
    this.crashAfter -= 1;
    if (this.failure !== null) throw this.failure;
    this.texts.set(host, text);
  }

  async forget(host: string): Promise<void> {
    this.texts.delete(host);
  }

  async close(): Promise<void> {
    // Nothing is open.
  }
}

export const settingsFor = (strategy: StrategyName, change: Partial<WatchSettings> = {}): WatchSettings => ({
  history: 2,
  slices: 1,
  sliceScope: 3600,
  choice: {
    strategy,
    assessor: "percentile",
    cpuPercentile: null,
    memoryPercentile: null,
    sigmas: 3,
    aggregation: 1,
    caution: true,
    faithful: false,
  },
  mostMissing: 0.5,
  hosts: [],
  delay: milliseconds(60_000),
  pastWindows: 200,
  retry: milliseconds(15_000),
  atOnce: 2,
  ...change,
});

export interface Rig {
  readonly watch: EstimatorWatch;
  readonly clock: VirtualClock;
  /** What sinks were told, in order. */
  readonly told: HostEstimate[];
}

/** `hour`: how many hours of the history are over when it starts; the delay and a second more. */
export async function openWatch(
  store: SampleStore,
  states: EstimatorStates,
  settings: WatchSettings,
  hour: number,
  log = quietLog(),
): Promise<Rig> {
  const clock = virtualClock((START + hour) * HOUR_MS + settings.delay + 1000);
  const told: HostEstimate[] = [];
  const publish = (estimates: readonly HostEstimate[]): void => void told.push(...estimates);
  const watch = await EstimatorWatch.open({ store, states, publish, settings, clock, log });
  return { watch, clock, told };
}

export const away = (): OperationalError => new OperationalError("store-unreachable", "the store is away", true);

/** The estimates of one uninterrupted process, window by window. */
export async function liveEstimates(
  store: MemoryStore,
  settings: WatchSettings,
  hours: number,
): Promise<readonly HostEstimate[]> {
  const { watch, clock, told } = await openWatch(store, new MemoryStates(), settings, 1);
  const { signal } = new AbortController();
  for (let hour = 1; hour <= hours; hour++) {
    await watch.pass(signal);
    await clock.advance(HOUR_MS);
  }
  return told;
}
