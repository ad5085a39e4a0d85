/**
 * Performance counters by `perf stat` as a child process: one for the machine, one for all followed VMs by their cgroups. perf needs
 * root or `kernel.perf_event_paranoid` <= 0; where it is not there, may not, or ends, its counters are absent and the reason is
 * logged once. An event that the machine does not have is no failure: perf says so, and the rest counts.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { PERF_EVENTS, PERF_SEPARATOR, readPerfLine } from "../../core/telemetry/linux/perf-lines.js";
import type { Milliseconds } from "../../core/units.js";
import type { Log } from "../../ports/log.js";
import type { PerfCounters, PerfCounts } from "../../ports/perf-counters.js";

export interface PerfStatOptions {
  readonly interval: Milliseconds;
  readonly log: Log;
  /** Program; for tests. */
  readonly program?: string;
}

/** perf refuses shorter ones, or warns. */
const SHORTEST_INTERVAL_MS = 100;
/** As much of perf's complaint as helps. */
const SHOWN_CHARACTERS = 300;
const NOTHING: PerfCounts = { totals: {}, recent: {} };
const HOST = "";

/** Counts of one subject: what the running interval has so far, the last whole one, and all. */
class Tally implements PerfCounts {
  totals: Record<string, number> = {};
  recent: Record<string, number> = {};
  #time = "";
  #current: Record<string, number> = {};

  add(time: string, event: string, count: number): void {
    if (time !== this.#time) {
      if (this.#time !== "") this.recent = this.#current;
      this.#current = {};
      this.#time = time;
    }
    this.#current[event] = (this.#current[event] ?? 0) + count;
    this.totals[event] = (this.totals[event] ?? 0) + count;
  }
}

export function perfStat(options: PerfStatOptions): PerfCounters {
  return new PerfStat(options);
}

class PerfStat implements PerfCounters {
  readonly #options: PerfStatOptions;
  readonly #host = new Tally();
  /** By cgroup. */
  #vms = new Map<string, Tally>();
  #cgroups: ReadonlyMap<string, string> = new Map();
  #followed = "";
  readonly #children = new Set<ChildProcess>();
  #ofVms: ChildProcess | null = null;
  #begun = false;
  #closed = false;

  constructor(options: PerfStatOptions) {
    this.#options = options;
  }

  follow(cgroups: ReadonlyMap<string, string>): void {
    // A comma would part the name in two.
    const paths = [...new Set(cgroups.values())].filter((path) => !path.includes(",")).sort();
    this.#cgroups = cgroups;
    const followed = paths.join(",");
    if (followed === this.#followed || this.#closed) return;
    this.#followed = followed;
    this.#vms = new Map(paths.map((path) => [path, this.#vms.get(path) ?? new Tally()]));
    this.#ofVms?.kill("SIGTERM");
    this.#ofVms = followed === "" ? null : this.#start(["--for-each-cgroup", followed], (line) => this.#addOfVm(line));
  }

  /** Counting begins with the first question: who only opens the counters starts no process. */
  host(): PerfCounts {
    if (!this.#begun && !this.#closed) {
      this.#begun = true;
      this.#start([], (line) => this.#addOfHost(line));
    }
    return this.#host;
  }

  vm(name: string): PerfCounts {
    return this.#vms.get(this.#cgroups.get(name) ?? HOST) ?? NOTHING;
  }

  async close(): Promise<void> {
    this.#closed = true;
    const ended = [...this.#children].map((child) => new Promise((resolve) => child.once("close", resolve)));
    for (const child of this.#children) child.kill("SIGTERM");
    await Promise.all(ended);
  }

  #addOfHost(line: string): boolean {
    const read = readPerfLine(line, false);
    if (read !== null) this.#host.add(read.time, read.event, read.count);
    return read !== null;
  }

  #addOfVm(line: string): boolean {
    const read = readPerfLine(line, true);
    const tally = read === null ? undefined : this.#vms.get(read.cgroup ?? HOST);
    if (read !== null) tally?.add(read.time, read.event, read.count);
    return read !== null;
  }

  #start(more: readonly string[], take: (line: string) => boolean): ChildProcess {
    const { program = "perf", interval, log } = this.#options;
    const every = String(Math.max(SHORTEST_INTERVAL_MS, Math.round(interval)));
    const events = [...PERF_EVENTS.keys()].join(",");
    const args = ["stat", "-a", "-x", PERF_SEPARATOR, "-I", every, "-e", events, ...more];
    // A number is written with the locale's point otherwise.
    const child = spawn(program, args, { stdio: ["ignore", "ignore", "pipe"], env: { PATH: SEARCHED, LC_ALL: "C" } });
    this.#children.add(child);
    let complaint = "";
    createInterface({ input: child.stderr }).on("line", (line) => {
      if (!take(line) && !line.includes(PERF_SEPARATOR))
        complaint = `${complaint} ${line.trim()}`.slice(0, SHOWN_CHARACTERS);
    });
    child.once("error", (error) => {
      complaint = error.message;
      this.#children.delete(child);
    });
    child.once("close", (code) => {
      this.#children.delete(child);
      const replaced = more.length > 0 && child !== this.#ofVms;
      if (!this.#closed && !replaced)
        log.warn({ code, reason: complaint.trim() }, "no performance counters: perf ended");
    });
    return child;
  }
}

const SEARCHED = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
