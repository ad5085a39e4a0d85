/**
 * From readings of the hypervisor's counters to what every vCPU wants. Demand is time that it ran and time that it waited to
 * run, over wall time: a vCPU that shares a full pCPU with seven others runs for an eighth of the time, and wants all of it
 * (spec 4.1). Pure: whoever reads keeps the result and hands it back with the next reading.
 *
 * A counter that went back, or a new uuid, is a guest that started anew: it is known again after two readings. Readings that
 * make no sense (no time has passed, every counter of the host stands still, more time than there was) change nothing.
 */
import { type DemandEstimate, firstEstimate, nextEstimate } from "./demand.js";

export interface VcpuCounters {
  readonly index: number;
  readonly online: boolean;
  readonly timeNs: bigint;
  /** Null where the hypervisor does not say. */
  readonly delayNs: bigint | null;
}

/** A running domain's counters. */
export interface DomainCounters {
  readonly uuid: string;
  readonly vcpus: readonly VcpuCounters[];
}

/** How far readings are off the levels that they belong to, over all vCPUs of the host: standard deviations. */
export interface HostNoise {
  /** In the last reading. */
  readonly lastPcpus: number;
  /** In several readings in a row: what is high only once is loads that changed. Fades. */
  readonly lastingPcpus: number;
  /** What a vCPU without a history of its own is taken to have. */
  readonly typicalPcpus: number;
}

export interface Observation {
  /** Monotonic, of the reading that the next one is compared with. */
  readonly atMs: number;
  readonly counters: ReadonlyMap<string, VcpuCounters>;
  /** By `keyOf`. */
  readonly demands: ReadonlyMap<string, DemandEstimate>;
  readonly noise: HostNoise;
  /** Readings in a row in which every counter stood still. */
  readonly standstills: number;
  /** False: the reading taught nothing. */
  readonly fresh: boolean;
}

/** Below this the hypervisor's steps of 10 ms are a large part of what is measured. */
const SHORTEST_WINDOW_MS = 200;
const NS_PER_MS = 1e6;
/** Clocks and calls are not that exact; beyond it a counter is wrong. */
const MOST_PER_WINDOW = 2;
/** After as many the host is believed: it really is idle. */
const MOST_STANDSTILLS = 3;
/** vCPUs that together wanted less may well stand still. */
const IDLE_PCPUS = 0.05;
/** What is left of the lasting noise after a reading that had less. */
const FADING = 0.6;
/**
 * What is assumed before a second reading tells: loads that look uneven by what such noise may show are looked at once more,
 * and those that are far from even (all on one pCPU) are not kept waiting.
 */
const UNKNOWN_NOISE_PCPUS = 0.05;
/** Most that one reading alone counts for: it is high too when all loads changed at once. */
const MOST_OF_ONE_READING_PCPUS = 0.07;
const UNKNOWN: HostNoise = { lastPcpus: 0, lastingPcpus: 0, typicalPcpus: UNKNOWN_NOISE_PCPUS };
/** Standard deviation of one reading, from the median distance of two. */
const PER_MEDIAN_DISTANCE = 1.48 / Math.SQRT2;

export const keyOf = (uuid: string, vcpu: number): string => `${uuid}/${vcpu}`;

/** `before`: null at first. `atMs` is monotonic. */
export function observe(before: Observation | null, domains: readonly DomainCounters[], atMs: number): Observation {
  const counters = new Map<string, VcpuCounters>();
  for (const { uuid, vcpus } of domains)
    for (const vcpu of vcpus) if (vcpu.online) counters.set(keyOf(uuid, vcpu.index), vcpu);
  if (before === null) {
    return { atMs, counters, demands: new Map(), noise: UNKNOWN, standstills: 0, fresh: false };
  }
  const windowMs = atMs - before.atMs;
  if (windowMs < SHORTEST_WINDOW_MS) return { ...before, fresh: false };
  if (standsStill(before, counters) && before.standstills < MOST_STANDSTILLS)
    return { ...before, standstills: before.standstills + 1, fresh: false };
  const readings = new Map<string, number | "absurd">();
  for (const [key, now] of counters) {
    const was = before.counters.get(key);
    const reading = was === undefined ? "anew" : demandOf(was, now, windowMs);
    if (reading !== "anew") readings.set(key, reading);
  }
  const noise = nextNoise(before, readings);
  return { atMs, counters, demands: nextDemands(before, readings, noise), noise, standstills: 0, fresh: true };
}

function nextNoise(before: Observation, readings: ReadonlyMap<string, number | "absurd">): HostNoise {
  const distances: number[] = [];
  for (const [key, reading] of readings) {
    const estimate = before.demands.get(key);
    if (reading !== "absurd" && estimate !== undefined) distances.push(Math.abs(reading - estimate.meanPcpus));
  }
  if (distances.length === 0) return UNKNOWN;
  const lastPcpus = PER_MEDIAN_DISTANCE * median(distances);
  const { noise } = before;
  const lastingPcpus = Math.max(Math.min(lastPcpus, noise.lastPcpus), FADING * noise.lastingPcpus);
  return {
    lastPcpus,
    lastingPcpus,
    typicalPcpus: Math.max(lastingPcpus, Math.min(lastPcpus, MOST_OF_ONE_READING_PCPUS)),
  };
}

function nextDemands(
  before: Observation,
  readings: ReadonlyMap<string, number | "absurd">,
  { lastingPcpus }: HostNoise,
): ReadonlyMap<string, DemandEstimate> {
  const demands = new Map<string, DemandEstimate>();
  for (const [key, reading] of readings) {
    const estimate = before.demands.get(key);
    if (reading === "absurd") {
      if (estimate !== undefined) demands.set(key, estimate);
    } else demands.set(key, estimate ? nextEstimate(estimate, reading, lastingPcpus) : firstEstimate(reading));
  }
  return demands;
}

/** Between 0 and 1; "anew": the two readings are not of one run of one guest. */
function demandOf(was: VcpuCounters, now: VcpuCounters, windowMs: number): number | "anew" | "absurd" {
  const ranMs = Number(now.timeNs - was.timeNs) / NS_PER_MS;
  const waitedMs = was.delayNs === null || now.delayNs === null ? 0 : Number(now.delayNs - was.delayNs) / NS_PER_MS;
  if (ranMs < 0 || waitedMs < 0) return "anew";
  if (ranMs > MOST_PER_WINDOW * windowMs) return "absurd";
  return Math.min(1, (ranMs + waitedMs) / windowMs);
}

/** No counter of a host whose guests wanted something moved at all: these are the numbers of the time before. */
function standsStill(before: Observation, counters: ReadonlyMap<string, VcpuCounters>): boolean {
  let wanted = 0;
  for (const [key, now] of counters) {
    const was = before.counters.get(key);
    if (was === undefined || was.timeNs !== now.timeNs || was.delayNs !== now.delayNs) return false;
    wanted += before.demands.get(key)?.meanPcpus ?? 0;
  }
  return wanted > IDLE_PCPUS;
}

function median(values: readonly number[]): number {
  if (values.length === 0) return 0;
  const ascending = [...values].sort((a, b) => a - b);
  return ascending[ascending.length >> 1]!;
}
