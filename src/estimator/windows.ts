/**
 * Reads a host's windows out of the sample store, one after the other: its own readings and those of its VMs are two streams,
 * both by time, cut at the windows' ends; or those of several hosts are one. No more than a window
 * of those hosts is in memory.
 */

import type { OnlineWindow } from "../core/estimator/online/host-estimator.js";
import { HOST_METRICS, hostReadings, type Reading, vmReadings } from "../core/estimator/online/readings.js";
import type { VmWindow } from "../core/estimator/vm-window.js";
import { milliseconds } from "../core/units.js";
import type { Sample, SampleStore } from "../ports/sample-store.js";

export interface WindowRange {
  readonly host: string;
  /** Numbers of the first window and of the last. */
  readonly first: number;
  readonly last: number;
  readonly windowMs: number;
  /** Of VMs. */
  readonly vmMetrics: readonly string[];
}

/** A stream of samples, taken by time. */
class Cut {
  readonly #samples: AsyncIterator<Sample>;
  #held: Sample | null = null;
  #isOver = false;

  constructor(samples: AsyncIterable<Sample>) {
    this.#samples = samples[Symbol.asyncIterator]();
  }

  /** Those before `end` that were not taken yet. */
  async before(end: number): Promise<readonly Sample[]> {
    const taken: Sample[] = [];
    while (!this.#isOver) {
      if (this.#held === null) {
        const next = await this.#samples.next();
        if (next.done === true) {
          this.#isOver = true;
          break;
        }
        this.#held = next.value;
      }
      if (this.#held.at >= end) break;
      taken.push(this.#held);
      this.#held = null;
    }
    return taken;
  }

  async close(): Promise<void> {
    await this.#samples.return?.();
  }
}

function vmsOf(samples: readonly Sample[]): ReadonlyMap<string, VmWindow> {
  const byName = new Map<string, Reading[]>();
  for (const sample of samples) {
    if (sample.vm === null) continue;
    const known = byName.get(sample.vm);
    if (known === undefined) byName.set(sample.vm, [sample]);
    else known.push(sample);
  }
  return new Map([...byName].map(([name, readings]) => [name, vmReadings(readings)]));
}

const tells = ({ values }: Sample, metrics: readonly string[]): boolean =>
  metrics.some((name) => values[name] !== undefined);

/**
 * The windows of several hosts by one question, for stores that have such: by host, one window after the other. Throws the store's
 * `OperationalError`; the windows before are the caller's.
 */
export async function* windowsOfMany(
  read: NonNullable<SampleStore["readHosts"]>,
  hosts: readonly string[],
  { first, last, windowMs, vmMetrics }: Omit<WindowRange, "host">,
): AsyncIterable<ReadonlyMap<string, OnlineWindow>> {
  const metrics = [...new Set([...HOST_METRICS, ...vmMetrics])];
  const range = { from: milliseconds(first * windowMs), to: milliseconds((last + 1) * windowMs) };
  const samples = new Cut(read({ hosts, metrics, ...range }));
  try {
    for (let number = first; number <= last; number++)
      yield byHost(await samples.before((number + 1) * windowMs), hosts, number, vmMetrics);
  } finally {
    await samples.close();
  }
}

function byHost(
  samples: readonly Sample[],
  hosts: readonly string[],
  number: number,
  vmMetrics: readonly string[],
): ReadonlyMap<string, OnlineWindow> {
  const own = new Map(hosts.map((host) => [host, [] as Sample[]]));
  const vms = new Map(hosts.map((host) => [host, [] as Sample[]]));
  for (const sample of samples) {
    if (sample.vm === null && tells(sample, HOST_METRICS)) own.get(sample.host)?.push(sample);
    else if (sample.vm !== null && tells(sample, vmMetrics)) vms.get(sample.host)?.push(sample);
  }
  return new Map(
    hosts.map((host) => [host, { number, host: hostReadings(own.get(host)!), vms: vmsOf(vms.get(host)!) }]),
  );
}

/** Throws the store's `OperationalError`; the windows before are the caller's. */
export async function* windowsOf(store: SampleStore, range: WindowRange): AsyncIterable<OnlineWindow> {
  const { host, first, last, windowMs, vmMetrics } = range;
  const from = milliseconds(first * windowMs);
  const to = milliseconds((last + 1) * windowMs);
  const own = new Cut(store.read({ host, of: "host", metrics: HOST_METRICS, from, to }));
  const vms = new Cut(store.read({ host, of: "vms", metrics: vmMetrics, from, to }));
  try {
    for (let number = first; number <= last; number++) {
      const end = (number + 1) * windowMs;
      yield { number, host: hostReadings(await own.before(end)), vms: vmsOf(await vms.before(end)) };
    }
  } finally {
    await own.close();
    await vms.close();
  }
}
