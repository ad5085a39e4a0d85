/**
 * Every metric that probes show: its key (the seed's flat name, spec 6.1, after `<prefix>_global_` or `<prefix>_domain_<name>_`),
 * its name in the idiomatic form, units of both, and where it comes from. What the seed has not is marked as `own`. What
 * collectors store is in sample-metrics.ts. docs/telemetry.md shows both tables; a test holds it to them.
 */

/** A key's unit, the base unit of the idiomatic form, and how many of the first make one of the second. */
export const UNITS = {
  ns: { base: "seconds", perBase: 1e9 },
  us: { base: "seconds", perBase: 1e6 },
  ms: { base: "seconds", perBase: 1e3 },
  s: { base: "seconds", perBase: 1 },
  KiB: { base: "bytes", perBase: 1 / 1024 },
  bytes: { base: "bytes", perBase: 1 },
  kHz: { base: "hertz", perBase: 1 / 1000 },
  pages: { base: "pages", perBase: 1 },
  pCPUs: { base: "pCPUs", perBase: 1 },
  vCPUs: { base: "vCPUs", perBase: 1 },
  count: { base: "count", perBase: 1 },
} as const;
export type MetricUnit = keyof typeof UNITS;

export interface ReadingMetric {
  readonly key: string;
  readonly of: "host" | "domain";
  readonly unit: MetricUnit;
  readonly kind: "counter" | "gauge";
  /** Name and fixed labels of the idiomatic form; domains have the label `domain` besides. */
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly help: string;
  readonly source: string;
  /** The seed has no such metric. */
  readonly own: boolean;
}

type Row = readonly [key: string, unit: MetricUnit, kind: "c" | "g", name: string, help: string, own?: "own"];

const NO_LABELS = {};

function rows(of: ReadingMetric["of"], source: string, list: readonly Row[]): readonly ReadingMetric[] {
  return list.map(([key, unit, kind, name, help, own]) => {
    const [bare = "", ...pairs] = name.split(/[{,}]/).filter((part) => part !== "");
    const labels = pairs.length === 0 ? NO_LABELS : Object.fromEntries(pairs.map((pair) => pair.split("=")));
    const prefix = bare.startsWith("probe_") ? "headroom_" : `headroom_${of}_`;
    return {
      key,
      of,
      unit,
      kind: kind === "c" ? "counter" : "gauge",
      name: prefix + bare,
      labels,
      help,
      source,
      own: own === "own",
    };
  });
}

const CPU_HELP = "Time of all pCPUs since boot, by what they did";
const PRESSURE_HELP = "Time that some or all tasks waited for a resource";

const HOST: readonly ReadingMetric[] = [
  ...rows("host", "the probe itself", [
    ["probe_epoch", "ms", "g", "probe_timestamp_seconds", "When the values were read, since the epoch"],
    ["probe_delay", "ms", "g", "probe_interval_seconds", "Time between two readings that nobody asks for"],
    ["probe_duration", "ms", "g", "probe_duration_seconds", "How long reading took", "own"],
    ["probe_start", "ms", "g", "probe_start_time_seconds", "When the probe began, since the epoch", "own"],
  ]),
  ...rows("host", "/proc/stat", [
    ["cpu_total", "pCPUs", "g", "online_pcpus", "pCPUs that are online"],
    ["cpu_kernel", "ns", "c", "cpu_seconds_total{mode=kernel}", CPU_HELP],
    ["cpu_user", "ns", "c", "cpu_seconds_total{mode=user}", CPU_HELP],
    ["cpu_idle", "ns", "c", "cpu_seconds_total{mode=idle}", CPU_HELP],
    ["cpu_iowait", "ns", "c", "cpu_seconds_total{mode=iowait}", CPU_HELP],
    ["cpu_steal", "ns", "c", "cpu_seconds_total{mode=steal}", CPU_HELP, "own"],
  ]),
  ...rows("host", "cpufreq in sysfs", [
    ["cpu_freq", "kHz", "g", "cpu_frequency_hertz", "Present frequency, mean of the pCPUs"],
    ["cpu_minfreq", "kHz", "g", "cpu_frequency_min_hertz", "Lowest frequency that the pCPUs can have"],
    ["cpu_maxfreq", "kHz", "g", "cpu_frequency_max_hertz", "Highest frequency that the pCPUs can have"],
  ]),
  ...rows("host", "/proc/meminfo", [
    ["memory_total", "KiB", "g", "meminfo_total_bytes", "Memory of the host"],
    ["memory_free", "KiB", "g", "meminfo_free_bytes", "Memory that nothing uses"],
    ["memory_buffers", "KiB", "g", "meminfo_buffers_bytes", "Memory of block buffers"],
    ["memory_cached", "KiB", "g", "meminfo_cached_bytes", "Memory of the page cache"],
    ["memory_available", "KiB", "g", "meminfo_available_bytes", "Memory that could be had without swapping"],
  ]),
  ...rows("host", "/proc/schedstat", [
    ["sched_runtime", "ns", "c", "sched_running_seconds_total", "Time that tasks ran, sum of the pCPUs"],
    ["sched_waittime", "ns", "c", "sched_waiting_seconds_total", "Time that runnable tasks waited, sum of the pCPUs"],
    ["sched_timeslices", "count", "c", "sched_timeslices_total", "Timeslices, sum of the pCPUs"],
  ]),
  ...rows("host", "/proc/pressure", [
    ["pressure_cpu_some", "us", "c", "pressure_seconds_total{resource=cpu,extent=some}", PRESSURE_HELP, "own"],
    ["pressure_memory_some", "us", "c", "pressure_seconds_total{resource=memory,extent=some}", PRESSURE_HELP, "own"],
    ["pressure_memory_full", "us", "c", "pressure_seconds_total{resource=memory,extent=full}", PRESSURE_HELP, "own"],
    ["pressure_io_some", "us", "c", "pressure_seconds_total{resource=io,extent=some}", PRESSURE_HELP, "own"],
    ["pressure_io_full", "us", "c", "pressure_seconds_total{resource=io,extent=full}", PRESSURE_HELP, "own"],
  ]),
];

const DOMAIN: readonly ReadingMetric[] = [
  ...rows("domain", "libvirt", [
    ["cpu_alloc", "vCPUs", "g", "maximum_vcpus", "vCPUs that the VM may have"],
    ["cpu_online", "vCPUs", "g", "online_vcpus", "vCPUs that the VM has", "own"],
    ["cpu_cputime", "ns", "c", "cpu_seconds_total", "CPU time of the VM, its hypervisor process included"],
    ["cpu_usertime", "ns", "c", "cpu_user_seconds_total", "Part of it in user mode"],
    ["cpu_systemtime", "ns", "c", "cpu_system_seconds_total", "Part of it in the kernel"],
    ["cpu_waittime", "ns", "c", "vcpu_waiting_seconds_total", "Time that runnable vCPUs waited for a pCPU", "own"],
    ["memory_alloc", "KiB", "g", "memory_balloon_bytes", "Memory that the VM has, by its balloon"],
    ["memory_maximum", "KiB", "g", "memory_maximum_bytes", "Memory that the VM may have", "own"],
    ["memory_rss", "KiB", "g", "memory_resident_bytes", "Memory of the host that the VM's process holds"],
  ]),
  ...rows("domain", "the guest's balloon driver, by libvirt", [
    ["memory_unused", "KiB", "g", "memory_unused_bytes", "Memory that the guest leaves unused"],
    ["memory_available", "KiB", "g", "memory_available_bytes", "Memory that the guest sees"],
    ["memory_usable", "KiB", "g", "memory_usable_bytes", "Memory that the guest could use without swapping"],
    ["memory_diskcaches", "KiB", "g", "memory_disk_caches_bytes", "Memory of the guest's disk caches"],
    ["memory_swapin", "KiB", "c", "memory_swapped_in_bytes_total", "Read by the guest from its swap"],
    ["memory_swapout", "KiB", "c", "memory_swapped_out_bytes_total", "Written by the guest to its swap"],
    ["memory_majorfault", "count", "c", "memory_major_faults_total", "Page faults of the guest that read a disk"],
    ["memory_minorfault", "count", "c", "memory_minor_faults_total", "Other page faults of the guest"],
    ["memory_hugetlbpgalloc", "count", "c", "memory_hugetlb_allocations_total", "Huge pages that the guest got"],
    ["memory_hugetlb_pgfail", "count", "c", "memory_hugetlb_failures_total", "Huge pages that it did not get"],
    ["memory_last_update", "s", "g", "memory_update_timestamp_seconds", "When the guest said so, since the epoch"],
  ]),
  ...rows("domain", "/proc/PID/stat of the VM's process", [
    ["stat_minflt", "count", "c", "process_minor_faults_total", "Page faults of the process without disk reads"],
    ["stat_cminflt", "count", "c", "process_children_minor_faults_total", "The same of its children"],
    ["stat_majflt", "count", "c", "process_major_faults_total", "Page faults of the process with disk reads"],
    ["stat_cmajflt", "count", "c", "process_children_major_faults_total", "The same of its children"],
    ["stat_vsize", "bytes", "g", "process_virtual_memory_bytes", "Address space of the process"],
    ["stat_rsslim", "bytes", "g", "process_resident_memory_limit_bytes", "Limit of its resident memory"],
    ["stat_rss", "pages", "g", "process_resident_pages", "Resident pages of the process"],
    ["stat_start", "ms", "g", "process_start_time_seconds", "When the process began, since the epoch", "own"],
  ]),
  ...rows("domain", "/proc/PID/task/*/schedstat, all threads", [
    ["sched_runtime", "ns", "c", "sched_running_seconds_total", "Time that the process's threads ran"],
    ["sched_waittime", "ns", "c", "sched_waiting_seconds_total", "Time that its runnable threads waited"],
    ["sched_timeslices", "count", "c", "sched_timeslices_total", "Timeslices of its threads"],
  ]),
  ...rows("domain", "the VM's own cgroup, version 1 or 2", [
    ["cgroup_cputime", "ns", "c", "cgroup_cpu_seconds_total", "CPU time of the VM's cgroup", "own"],
    ["cgroup_throttled", "ns", "c", "cgroup_throttled_seconds_total", "Time that a quota held it back", "own"],
    ["cgroup_memory", "bytes", "g", "cgroup_memory_bytes", "Memory of the VM's cgroup, page cache included", "own"],
  ]),
];

export const READING_METRICS: readonly ReadingMetric[] = [...HOST, ...DOMAIN];
export const HOST_METRICS: readonly ReadingMetric[] = HOST;
export const DOMAIN_METRICS: readonly ReadingMetric[] = DOMAIN;

/** Performance counters: as many as the machine gives, each with its event. */
export const PERF_PREFIX = "perf_";
export const PERF_NAMES = {
  host: { name: "headroom_host_perf_events_total", help: "Performance events of all pCPUs" },
  domain: { name: "headroom_domain_perf_events_total", help: "Performance events of the VM's cgroup" },
} as const;
export const DOMAIN_INFO = { name: "headroom_domain_info", help: "Always 1; the VM's uuid as a label" } as const;

export const toBase = (value: number, unit: MetricUnit): number => value / UNITS[unit].perBase;

/** Whole units come back whole: seconds carry nanoseconds to within a double's precision. */
export function fromBase(value: number, unit: MetricUnit): number {
  const exact = value * UNITS[unit].perBase;
  return unit === "count" || UNITS[unit].perBase === 1 ? exact : Math.round(exact);
}
