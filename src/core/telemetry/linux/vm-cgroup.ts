/**
 * The cgroup that a VM has to itself, from where its process is (cgroups(7)): libvirt puts QEMU into `.../libvirt/emulator` (or
 * `.../emulator`) below a folder per VM, in version 1 once per controller and in version 2 once. A process elsewhere shares its
 * cgroup with others, and what that says is nobody's in particular.
 */
import type { HostFiles } from "../../topology/host-files.js";

export interface VmCgroup {
  /** Folders below /sys/fs/cgroup, without it; null where the VM has none of its own. */
  readonly cpu: string | null;
  /** Version 1 only: with `cpu` where systemd mounts them, elsewhere by itself. */
  readonly cpuacct: string | null;
  readonly memory: string | null;
  /** As `perf stat --for-each-cgroup` wants it. */
  readonly perf: string | null;
  readonly version: 1 | 2;
}

const ROOT = "/sys/fs/cgroup";
/** In a scope of systemd, or in libvirt's own folder where there is none. */
const OWN = /^(.*\/(?:machine-qemu[^/]*|[^/]+\.libvirt-qemu))(?:\/libvirt)?(?:\/(?:emulator|vcpu\d+|iothread\d+))?$/;
const NS_PER_US = 1000;

/** Null: it has none of its own. `text`: /proc/PID/cgroup. */
export function vmCgroup(text: string, files: HostFiles): VmCgroup | null {
  const paths = new Map<string, string>();
  for (const line of text.split("\n")) {
    const [, controllers, path] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    const own = path === undefined ? undefined : OWN.exec(path)?.[1];
    if (own !== undefined) for (const name of (controllers ?? "").split(",")) paths.set(name, own);
  }
  if (paths.size === 0) return null;
  const unified = paths.get("") ?? null;
  if (files.readText(`${ROOT}/cgroup.controllers`) !== null)
    return { cpu: unified, cpuacct: null, memory: unified, perf: unified, version: 2 };
  const below = (controller: string): string | null => {
    const path = paths.get(controller);
    return path === undefined ? null : `/${controller}${path}`;
  };
  return {
    cpu: below("cpu"),
    cpuacct: below("cpuacct"),
    memory: below("memory"),
    perf: paths.get("perf_event") ?? unified,
    version: 1,
  };
}

/** Values of ../metrics.ts. */
export function cgroupValues({ cpu, cpuacct, memory, version }: VmCgroup, files: HostFiles): Record<string, number> {
  const values: Record<string, number> = {};
  const set = (key: string, value: number | null): void => {
    if (value !== null) values[key] = value;
  };
  const stat = cpu === null ? "" : (files.readText(`${ROOT}${cpu}/cpu.stat`) ?? "");
  if (version === 2) {
    set("cgroup_cputime", scaled(field(stat, "usage_usec"), NS_PER_US));
    set("cgroup_throttled", scaled(field(stat, "throttled_usec"), NS_PER_US));
    if (memory !== null) set("cgroup_memory", whole(files.readText(`${ROOT}${memory}/memory.current`)));
  } else {
    if (cpuacct !== null) set("cgroup_cputime", whole(files.readText(`${ROOT}${cpuacct}/cpuacct.usage`)));
    set("cgroup_throttled", field(stat, "throttled_time"));
    if (memory !== null) set("cgroup_memory", whole(files.readText(`${ROOT}${memory}/memory.usage_in_bytes`)));
  }
  return values;
}

function field(text: string, name: string): number | null {
  const value = new RegExp(`^${name} (\\d+)$`, "m").exec(text)?.[1];
  return value === undefined ? null : Number(value);
}

const whole = (text: string | null): number | null => (/^\d+\s*$/.test(text ?? "") ? Number(text) : null);

const scaled = (value: number | null, by: number): number | null => (value === null ? null : value * by);
