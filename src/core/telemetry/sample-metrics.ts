/**
 * What collectors store of hosts and VMs, by the names of the seed's fields (spec 6.2), so that every store holds the same series
 * and old dashboards and the estimator find them. "Difference" is against the reading before; without one, after a restart of
 * the VM, the host or the probe, there is none. Formulas are in rates.ts; docs/telemetry.md shows the table.
 */

export interface SampleMetric {
  readonly key: string;
  readonly of: "host" | "vm";
  readonly unit: string;
  readonly meaning: string;
  /** The seed has no such field. */
  readonly own: boolean;
}

type Row = readonly [key: string, unit: string, meaning: string, own?: "own"];

const table = (of: SampleMetric["of"], list: readonly Row[]): readonly SampleMetric[] =>
  list.map(([key, unit, meaning, own]) => ({ key, of, unit, meaning, own: own === "own" }));

/** The seeds' megabyte. */
const MB = "1000 KiB";

const BOTH: readonly Row[] = [
  ["sched_runtime", "ns", "difference of the time that tasks ran"],
  ["sched_waittime", "ns", "difference of the time that runnable tasks waited"],
  ["sched_timeslices", "count", "difference of the timeslices"],
  ["sched_busy", "ratio", "sched_waittime / sched_runtime"],
  ["elapsed_cpu_time", "ns", "difference of cpu_time"],
  ["cpu_usage", "pCPUs", "elapsed_cpu_time over the time elapsed"],
  ["cpi", "ratio", "cycles per instruction"],
  ["bmr", "ratio", "branch misses per branch"],
  ["cmr", "ratio", "cache misses per cache reference"],
];

export const SAMPLE_METRICS: readonly SampleMetric[] = [
  ...table("host", [
    ["cpu", "pCPUs", "pCPUs that are online"],
    ["cpu_time", "ns", "kernel and user time since boot"],
    ["freq", "kHz", "present frequency"],
    ["minfreq", "kHz", "lowest frequency"],
    ["maxfreq", "kHz", "highest frequency"],
    ["mem", MB, "memory of the host"],
    ["mem_usage", MB, "total less available"],
    ["elapsed_time", "ms", "time since the reading before"],
    ["vm_number", "count", "running VMs"],
    ["oc_cpu", "ratio", "vCPUs of all VMs per pCPU"],
    ["oc_mem", "ratio", "memory of all VMs per memory of the host"],
    ["oc_cpu_d", "ratio", "cpu_usage of all VMs per pCPU"],
    ["oc_mem_d", "ratio", "mem_usage of all VMs per memory of the host"],
    ["minflt_sum", "count", "stat_minflt of all VMs"],
    ["majflt_sum", "count", "stat_majflt of all VMs"],
    ["pressure_cpu", "ratio", "part of the time in which some task waited for a pCPU", "own"],
    ["pressure_memory", "ratio", "part of the time in which some task waited for memory", "own"],
    ["pressure_io", "ratio", "part of the time in which some task waited for input or output", "own"],
    ...BOTH,
  ]),
  ...table("vm", [
    ["cpu", "vCPUs", "vCPUs of the VM (of a vmprobe: the most that it may have)"],
    ["cpu_time", "ns", "CPU time since the VM's start"],
    ["mem", MB, "balloon size"],
    ["mem_rss", MB, "memory of the host that its process holds"],
    ["mem_usage", MB, "balloon size less what the guest leaves unused"],
    ["stat_rss_pages", "pages", "resident pages of its process"],
    ["stat_rsslim", "MB", "limit of the process's resident memory"],
    ["stat_vsize", "MB", "address space of the process"],
    ["stat_minflt", "count", "difference of its page faults without disk reads"],
    ["stat_cminflt", "count", "the same of its children"],
    ["stat_majflt", "count", "difference of its page faults with disk reads"],
    ["stat_cmajflt", "count", "the same of its children"],
    ["cpu_wait", "pCPUs", "time that runnable vCPUs waited for a pCPU, over the time elapsed", "own"],
    ["throttled", "ratio", "part of the time in which a cgroup's quota held it back", "own"],
    ...BOTH,
  ]),
];

/** Events of performance counters are stored under their own names: hwcpucycles, swpagefaults ... */
export const PERF_EVENT = /^[a-z][a-z0-9]{0,63}$/;
