/**
 * What the host's kernel knows of each VM: of its QEMU (proc_pid_stat(5)), of all threads of it, and of its cgroup. A VM's process
 * is the one that has `-uuid UUID` in its command line, as every QEMU of libvirt. All processes are looked at only when a VM has
 * none that is known, and for one that has none (a remote host, a test driver) ever more rarely.
 */
import type { HostFiles } from "../../topology/host-files.js";
import type { Milliseconds } from "../../units.js";
import type { Values } from "../reading.js";
import { bootTime, TICKS_PER_SECOND } from "./host-values.js";
import { ProcessTimes, readSchedstat, type ThreadTimes } from "./thread-times.js";
import { cgroupValues, type VmCgroup, vmCgroup } from "./vm-cgroup.js";

export interface VmName {
  readonly name: string;
  readonly uuid: string;
}

interface VmProcess {
  readonly pid: string;
  /** Ticks since boot: with the pid, it names a process for good. */
  readonly startTicks: string;
  readonly times: ProcessTimes;
  readonly cgroup: VmCgroup | null;
}

/** A VM without a process is looked for again after these, doubled each time. */
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 300_000;
const MS_PER_SECOND = 1_000;

/** Fields of /proc/PID/stat behind the name, which may hold blanks and brackets; the first of these is field 3. */
const FIELD_OFFSET = 3;
const field = (number: number): number => number - FIELD_OFFSET;
const STAT_KEYS: readonly (readonly [key: string, field: number])[] = [
  ["stat_minflt", field(10)],
  ["stat_cminflt", field(11)],
  ["stat_majflt", field(12)],
  ["stat_cmajflt", field(13)],
  ["stat_vsize", field(23)],
  ["stat_rss", field(24)],
  ["stat_rsslim", field(25)],
];
const START_TIME = field(22);

export class VmProcesses {
  readonly #files: HostFiles;
  readonly #known = new Map<string, VmProcess>();
  readonly #missing = new Map<string, { readonly pauseMs: number; readonly nextAt: number }>();

  constructor(files: HostFiles) {
    this.#files = files;
  }

  /** Values by the VM's name; `now` is monotonic. VMs without a process have no entry. */
  read(vms: readonly VmName[], now: Milliseconds): ReadonlyMap<string, Values> {
    const found = new Map<string, Values>();
    const booted = vms.length === 0 ? null : bootTime(this.#files);
    const lost = vms.filter((vm) => !this.#readKnown(vm, found, booted));
    if (lost.length > 0 && this.#isTimeToLook(lost, now)) {
      this.#look(lost, now);
      for (const vm of lost) this.#readKnown(vm, found, booted);
    }
    this.#forgetOthers(vms);
    return found;
  }

  /** The cgroup of each VM that has one to itself, for `perf stat`. */
  perfCgroups(vms: readonly VmName[]): ReadonlyMap<string, string> {
    return new Map(
      vms.flatMap(({ name, uuid }) => {
        const path = this.#known.get(uuid)?.cgroup?.perf ?? null;
        return path === null ? [] : [[name, path] as const];
      }),
    );
  }

  /** Resident memory of a VM's process; null where it has none that is known. */
  residentKiB(uuid: string): number | null {
    const known = this.#known.get(uuid);
    const status = known === undefined ? null : this.#files.readText(`/proc/${known.pid}/status`);
    const found = /^VmRSS:\s+(\d+) kB$/m.exec(status ?? "")?.[1];
    return found === undefined ? null : Number(found);
  }

  #readKnown({ name, uuid }: VmName, into: Map<string, Values>, booted: number | null): boolean {
    const known = this.#known.get(uuid);
    if (known === undefined) return false;
    const stat = this.#statOf(known.pid);
    if (stat === null || stat[START_TIME] !== known.startTicks) {
      this.#known.delete(uuid);
      return false;
    }
    into.set(name, { ...statValues(stat, booted), ...this.#threadValues(known), ...this.#cgroupValues(known) });
    return true;
  }

  /** Field 3 and what follows; null where there is no such process. */
  #statOf(pid: string): readonly string[] | null {
    const text = this.#files.readText(`/proc/${pid}/stat`);
    return text === null
      ? null
      : text
          .slice(text.lastIndexOf(")") + 2)
          .trimEnd()
          .split(" ");
  }

  #threadValues({ pid, times }: VmProcess): Values {
    const threads = new Map<string, ThreadTimes>();
    for (const id of this.#files.listFolder(`/proc/${pid}/task`)) {
      const read = readSchedstat(this.#files.readText(`/proc/${pid}/task/${id}/schedstat`));
      if (read !== null) threads.set(id, read);
    }
    if (threads.size === 0) return {};
    const [runtime, waittime, timeslices] = times.update(threads);
    return { sched_runtime: runtime, sched_waittime: waittime, sched_timeslices: timeslices };
  }

  #cgroupValues({ cgroup }: VmProcess): Values {
    return cgroup === null ? {} : cgroupValues(cgroup, this.#files);
  }

  #isTimeToLook(lost: readonly VmName[], now: Milliseconds): boolean {
    return lost.some(({ uuid }) => (this.#missing.get(uuid)?.nextAt ?? Number.NEGATIVE_INFINITY) <= now);
  }

  #look(lost: readonly VmName[], now: Milliseconds): void {
    const wanted = new Set(lost.map(({ uuid }) => uuid));
    for (const pid of this.#files.listFolder("/proc")) {
      if (!/^\d+$/.test(pid)) continue;
      const uuid = uuidOf(this.#files.readText(`/proc/${pid}/cmdline`) ?? "");
      const startTicks = uuid !== null && wanted.has(uuid) ? this.#statOf(pid)?.[START_TIME] : undefined;
      if (uuid === null || startTicks === undefined) continue;
      const cgroup = vmCgroup(this.#files.readText(`/proc/${pid}/cgroup`) ?? "", this.#files);
      this.#known.set(uuid, { pid, startTicks, times: new ProcessTimes(), cgroup });
      wanted.delete(uuid);
    }
    for (const { uuid } of lost) {
      const pauseMs = Math.min((this.#missing.get(uuid)?.pauseMs ?? FIRST_PAUSE_MS / 2) * 2, LONGEST_PAUSE_MS);
      if (wanted.has(uuid)) this.#missing.set(uuid, { pauseMs, nextAt: now + pauseMs });
      else this.#missing.delete(uuid);
    }
  }

  #forgetOthers(vms: readonly VmName[]): void {
    const present = new Set(vms.map(({ uuid }) => uuid));
    for (const uuids of [this.#known, this.#missing])
      for (const uuid of uuids.keys()) if (!present.has(uuid)) uuids.delete(uuid);
  }
}

function uuidOf(cmdline: string): string | null {
  const words = cmdline.split("\0");
  const at = words.indexOf("-uuid");
  return at < 0 ? null : (words[at + 1] ?? null);
}

/** `booted`: seconds since the epoch. */
function statValues(stat: readonly string[], booted: number | null): Values {
  const values: Record<string, number> = {};
  for (const [key, index] of STAT_KEYS) {
    const value = Number(stat[index] ?? Number.NaN);
    if (Number.isFinite(value)) values[key] = value;
  }
  const startSeconds = Number(stat[START_TIME]) / TICKS_PER_SECOND;
  if (booted !== null) values.stat_start = Math.round((booted + startSeconds) * MS_PER_SECOND);
  return values;
}
