/**
 * The lines of `perf stat -x ; -I MS` (perf-stat(1), CSV format): time; count; unit; event; with cgroups the cgroup; run time; part
 * of the time that the counter was on. What the machine does not have is said to be unsupported, and stays away for good.
 */

export interface PerfLine {
  /** Tells intervals apart. */
  readonly time: string;
  /** As Headroom and the seed call it. */
  readonly event: string;
  /** Null: of the whole machine. */
  readonly cgroup: string | null;
  readonly count: number;
}

/** perf's events and the seed's names of them, which are libvirt's ideas with `hw` and `sw` in front. */
export const PERF_EVENTS: ReadonlyMap<string, string> = new Map([
  ["cycles", "hwcpucycles"],
  ["instructions", "hwinstructions"],
  ["cache-references", "hwcachereferences"],
  ["cache-misses", "hwcachemisses"],
  ["branches", "hwbranchinstructions"],
  ["branch-misses", "hwbranchmisses"],
  ["page-faults", "swpagefaults"],
  ["context-switches", "swcontextswitches"],
  ["cpu-migrations", "swcpumigrations"],
]);

export const PERF_SEPARATOR = ";";

/** Null: no count, or nothing that is known here. */
export function readPerfLine(line: string, withCgroup: boolean): PerfLine | null {
  const [time = "", count = "", , perfEvent = "", fifth = ""] = line.trim().split(PERF_SEPARATOR);
  // Machines with two kinds of cores count once per kind: `cpu_core/cycles/`.
  const event = PERF_EVENTS.get(perfEvent.replace(/^cpu_\w+\/([^/]+)\/.*$/, "$1").replace(/:.*$/, ""));
  if (event === undefined || !/^\d+(?:\.\d+)?$/.test(time)) return null;
  const cgroup = withCgroup ? fifth : null;
  // A cgroup whose tasks did not run at all in the interval.
  if (count === "<not counted>" && withCgroup) return { time, event, cgroup, count: 0 };
  return /^\d+$/.test(count) ? { time, event, cgroup, count: Number(count) } : null;
}
