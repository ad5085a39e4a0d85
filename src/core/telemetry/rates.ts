/**
 * From two readings of a host to the values that are stored (sample-metrics.ts; spec 6.2, in its order of arithmetic): differences,
 * rates and ratios. A repeated reading gives nothing. One that is older than what was seen, or follows after a long silence,
 * begins anew; so does a VM whose process is another one, and every VM of a host that was booted. A counter that went back by
 * itself has no difference; nothing is divided by zero. What the seed makes zero for want of knowledge is absent here.
 */
import type { Milliseconds } from "../units.js";
import type { DomainReading, Reading, SubjectReading, Values } from "./reading.js";
import { PERF_EVENT } from "./sample-metrics.js";

/** What must be remembered of a reading for the next one. */
export interface CounterState {
  readonly at: Milliseconds;
  readonly host: Counters;
  readonly domains: ReadonlyMap<string, Counters>;
}

interface Counters {
  readonly uuid: string | null;
  readonly values: Values;
  readonly perf: Values;
}

export interface SubjectValues {
  /** Null: the host. */
  readonly vm: string | null;
  readonly values: Values;
}

export type Anew = "first" | "silence" | "older" | "reboot";

export type Advance =
  | { readonly repeated: true }
  | {
      readonly repeated: false;
      /** Why there are no differences; null where there are. */
      readonly anew: Anew | null;
      /** VMs that were there before under the same name, and are others now. */
      readonly restarted: readonly string[];
      /** The VMs', and the host's last: it sums them up. */
      readonly samples: readonly SubjectValues[];
      readonly state: CounterState;
    };

const HOST_COUNTERS = [
  "cpu_kernel",
  "cpu_user",
  "sched_runtime",
  "sched_waittime",
  "sched_timeslices",
  "pressure_cpu_some",
  "pressure_memory_some",
  "pressure_io_some",
  "probe_start",
] as const;
const FAULTS = ["stat_minflt", "stat_cminflt", "stat_majflt", "stat_cmajflt"] as const;
const SCHED = ["sched_runtime", "sched_waittime", "sched_timeslices"] as const;
const DOMAIN_COUNTERS = ["cpu_cputime", "cpu_waittime", "cgroup_throttled", "stat_start", ...SCHED, ...FAULTS] as const;
/** A process's start is worked out from the time since boot, which kernels round anew now and then. */
const START_TOLERANCE_MS = 2_000;
const NS_PER_MS = 1e6;
const US_PER_MS = 1e3;
const KIB_PER_MB = 1e3;
const BYTES_PER_MB = 1e6;

/** `longestGap`: after a longer silence an average says nothing of any moment. */
export function advance(before: CounterState | null, now: Reading, longestGap: Milliseconds): Advance {
  if (before !== null && now.at === before.at) return { repeated: true };
  const state = stateOf(now);
  const anew = reasonAnew(before, state, longestGap);
  const known = anew === null ? before : null;
  const elapsedMs = known === null ? 0 : now.at - known.at;
  const sameProbe = known === null || !probeRestarted(known.host, state.host);
  const restarted: string[] = [];
  const samples: SubjectValues[] = [];
  for (const [name, domain] of now.domains) {
    const was = known?.domains.get(name) ?? null;
    const other = was !== null && isOther(was, state.domains.get(name)!);
    if (other) restarted.push(name);
    const values = domainValues(other ? null : was, domain, elapsedMs, sameProbe);
    samples.push({ vm: name, values });
  }
  const host = hostValues(known, now.host, elapsedMs, sameProbe);
  sumUp(host, samples);
  samples.push({ vm: null, values: host });
  return { repeated: false, anew, restarted, samples, state };
}

function stateOf(now: Reading): CounterState {
  const domains = new Map<string, Counters>();
  for (const [name, domain] of now.domains) domains.set(name, countersOf(domain, DOMAIN_COUNTERS, domain.uuid));
  return { at: now.at, host: countersOf(now.host, HOST_COUNTERS, null), domains };
}

function countersOf({ values, perfTotals }: SubjectReading, keys: readonly string[], uuid: string | null): Counters {
  const kept: Record<string, number> = {};
  for (const key of keys) if (values[key] !== undefined) kept[key] = values[key];
  return { uuid, values: kept, perf: perfTotals };
}

function reasonAnew(before: CounterState | null, now: CounterState, longestGap: Milliseconds): Anew | null {
  if (before === null) return "first";
  if (now.at < before.at) return "older";
  if (now.at - before.at > longestGap) return "silence";
  const [was, is] = [cpuTime(before.host.values), cpuTime(now.host.values)];
  return was !== undefined && is !== undefined && is < was ? "reboot" : null;
}

const cpuTime = (values: Values): number | undefined => add(values.cpu_kernel, values.cpu_user);

/** Sums over a process's threads begin anew with the probe that makes them. */
const probeRestarted = (was: Counters, is: Counters): boolean => differs(was.values.probe_start, is.values.probe_start);

function isOther(was: Counters, is: Counters): boolean {
  if (was.uuid !== null && is.uuid !== null && was.uuid !== is.uuid) return true;
  if (differs(was.values.stat_start, is.values.stat_start)) return true;
  const [before, now] = [was.values.cpu_cputime, is.values.cpu_cputime];
  return before !== undefined && now !== undefined && now < before;
}

const differs = (was: number | undefined, is: number | undefined): boolean =>
  was !== undefined && is !== undefined && Math.abs(is - was) > START_TOLERANCE_MS;

type Known = number | undefined;
type Sums = Record<string, number>;

const add = (a: Known, b: Known): Known => (a === undefined || b === undefined ? undefined : a + b);
const subtract = (a: Known, b: Known): Known => (a === undefined || b === undefined ? undefined : a - b);
const divide = (a: Known, b: Known): Known => (a === undefined || b === undefined || b === 0 ? undefined : a / b);
const scaled = (a: Known, by: number): Known => (a === undefined ? undefined : a / by);

/** Of a counter that did not go back. */
function difference(was: Known, is: Known): Known {
  return was === undefined || is === undefined || is < was ? undefined : is - was;
}

function put(into: Sums, key: string, value: Known): void {
  if (value !== undefined && Number.isFinite(value)) into[key] = value;
}

function putPerf(into: Sums, was: Counters | null, { perfRecent, perfTotals }: SubjectReading): void {
  const counts: Sums = {};
  for (const [event, count] of Object.entries(perfTotals))
    if (PERF_EVENT.test(event)) put(counts, event, difference(was?.perf[event], count));
  for (const [event, count] of Object.entries(perfRecent)) if (PERF_EVENT.test(event)) counts[event] = count;
  put(into, "cpi", divide(counts.hwcpucycles, counts.hwinstructions));
  put(into, "bmr", divide(counts.hwbranchmisses, counts.hwbranchinstructions));
  put(into, "cmr", divide(counts.hwcachemisses, counts.hwcachereferences));
  for (const [event, count] of Object.entries(counts)) into[event] = count;
}

function putSched(into: Sums, was: Values, is: Values): void {
  for (const key of SCHED) put(into, key, difference(was[key], is[key]));
  put(into, "sched_busy", divide(into.sched_waittime, into.sched_runtime));
}

function putCpu(into: Sums, was: Known, is: Known, elapsedMs: number): void {
  put(into, "elapsed_cpu_time", difference(was, is));
  put(into, "cpu_usage", scaled(divide(into.elapsed_cpu_time, elapsedMs), NS_PER_MS));
}

function domainValues(was: Counters | null, domain: DomainReading, elapsedMs: number, sameProbe: boolean): Sums {
  const { values } = domain;
  const out: Sums = {};
  put(out, "mem", scaled(values.memory_alloc, KIB_PER_MB));
  put(out, "mem_rss", scaled(values.memory_rss, KIB_PER_MB));
  put(out, "mem_usage", scaled(subtract(values.memory_alloc, values.memory_unused), KIB_PER_MB));
  put(out, "cpu", values.cpu_online ?? values.cpu_alloc);
  put(out, "cpu_time", values.cpu_cputime);
  putPerf(out, sameProbe ? was : null, domain);
  put(out, "stat_rss_pages", values.stat_rss);
  put(out, "stat_rsslim", scaled(values.stat_rsslim, BYTES_PER_MB));
  put(out, "stat_vsize", scaled(values.stat_vsize, BYTES_PER_MB));
  if (was === null) return out;
  putCpu(out, was.values.cpu_cputime, values.cpu_cputime, elapsedMs);
  if (sameProbe) putSched(out, was.values, values);
  for (const key of FAULTS) put(out, key, difference(was.values[key], values[key]));
  const waited = difference(was.values.cpu_waittime, values.cpu_waittime);
  put(out, "cpu_wait", scaled(divide(waited, elapsedMs), NS_PER_MS));
  const held = difference(was.values.cgroup_throttled, values.cgroup_throttled);
  put(out, "throttled", scaled(divide(held, elapsedMs), NS_PER_MS));
  return out;
}

function hostValues(known: CounterState | null, host: SubjectReading, elapsedMs: number, sameProbe: boolean): Sums {
  const { values } = host;
  const out: Sums = {};
  putPerf(out, sameProbe ? (known?.host ?? null) : null, host);
  put(out, "freq", values.cpu_freq);
  put(out, "minfreq", values.cpu_minfreq);
  put(out, "maxfreq", values.cpu_maxfreq);
  put(out, "cpu", values.cpu_total);
  put(out, "cpu_time", cpuTime(values));
  put(out, "mem", scaled(values.memory_total, KIB_PER_MB));
  put(out, "mem_usage", scaled(subtract(values.memory_total, values.memory_available), KIB_PER_MB));
  if (known === null) return out;
  const was = known.host.values;
  putSched(out, was, values);
  out.elapsed_time = elapsedMs;
  putCpu(out, cpuTime(was), cpuTime(values), elapsedMs);
  for (const resource of ["cpu", "memory", "io"]) {
    const stalled = difference(was[`pressure_${resource}_some`], values[`pressure_${resource}_some`]);
    put(out, `pressure_${resource}`, scaled(divide(stalled, elapsedMs), US_PER_MS));
  }
  return out;
}

/** Of the VMs that have the value; where there are VMs and none has it, nobody knows the sum. */
function sumOf(vms: readonly SubjectValues[], key: string): Known {
  const having = vms.flatMap(({ values }) => values[key] ?? []);
  return having.length === 0 && vms.length > 0 ? undefined : having.reduce((sum, value) => sum + value, 0);
}

function sumUp(host: Sums, vms: readonly SubjectValues[]): void {
  host.vm_number = vms.length;
  put(host, "oc_cpu", divide(sumOf(vms, "cpu"), host.cpu));
  put(host, "oc_mem", divide(sumOf(vms, "mem"), host.mem));
  put(host, "oc_cpu_d", divide(sumOf(vms, "cpu_usage"), host.cpu));
  put(host, "oc_mem_d", divide(sumOf(vms, "mem_usage"), host.mem));
  put(host, "minflt_sum", sumOf(vms, "stat_minflt"));
  put(host, "majflt_sum", sumOf(vms, "stat_majflt"));
}
