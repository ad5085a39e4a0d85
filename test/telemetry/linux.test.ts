/** What the kernel's files say of a host and of VMs' processes: read as their manuals describe them, absent where they are not. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { hostValues } from "../../src/core/telemetry/linux/host-values.js";
import { readPerfLine } from "../../src/core/telemetry/linux/perf-lines.js";
import { ProcessTimes, readSchedstat } from "../../src/core/telemetry/linux/thread-times.js";
import { cgroupValues, vmCgroup } from "../../src/core/telemetry/linux/vm-cgroup.js";
import { VmProcesses } from "../../src/core/telemetry/linux/vm-processes.js";
import type { HostFiles } from "../../src/core/topology/host-files.js";
import { milliseconds } from "../../src/core/units.js";

type Texts = Record<string, string>;

/** Files that a test may change while they are read. */
function machine(texts: Texts): HostFiles & { readonly reads: string[] } {
  const reads: string[] = [];
  return {
    reads,
    readText: (path) => {
      reads.push(path);
      return texts[path] ?? null;
    },
    listFolder: (path) => [
      ...new Set(
        Object.keys(texts)
          .filter((one) => one.startsWith(`${path}/`))
          .map((one) => one.slice(path.length + 1).split("/")[0]!),
      ),
    ],
  };
}

const STAT = `cpu  100 20 30 5000 600 7 8 9 50 5
cpu0 50 10 15 2500 300 3 4 4 25 2
cpu1 50 10 15 2500 300 4 4 5 25 3
intr 5 0
btime 1700000000
`;

describe("the host", () => {
  test("time of pCPUs by mode, and how many are online", () => {
    assert.deepEqual(hostValues(machine({ "/proc/stat": STAT })), {
      cpu_total: 2,
      cpu_user: 1.2e9,
      cpu_kernel: 0.45e9,
      cpu_idle: 50e9,
      cpu_iowait: 6e9,
      cpu_steal: 0.09e9,
    });
  });

  test("memory, waiting, pressure and frequencies, as far as the kernel has them", () => {
    const cpufreq = "/sys/devices/system/cpu/cpufreq";
    const values = hostValues(
      machine({
        "/proc/meminfo":
          "MemTotal:  2000 kB\nMemFree:  500 kB\nBuffers: 1 kB\nCached: 2 kB\nSwapCached: 9 kB\nMemAvailable: 1000 kB\n",
        "/proc/schedstat":
          "version 15\ntimestamp 1\ncpu0 0 0 0 0 0 0 10 20 3\ndomain0 3 1\ncpu1 0 0 0 0 0 0 100 200 30\n",
        "/proc/pressure/cpu":
          "some avg10=0.00 avg60=0.00 avg300=0.00 total=77\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n",
        "/proc/pressure/io":
          "some avg10=1.00 avg60=0.00 avg300=0.00 total=5\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=4\n",
        [`${cpufreq}/policy0/scaling_cur_freq`]: "2000000\n",
        [`${cpufreq}/policy1/scaling_cur_freq`]: "3000000\n",
        [`${cpufreq}/policy0/cpuinfo_min_freq`]: "800000\n",
        [`${cpufreq}/policy0/cpuinfo_max_freq`]: "<unknown>\n",
      }),
    );
    assert.deepEqual(values, {
      memory_total: 2000,
      memory_free: 500,
      memory_buffers: 1,
      memory_cached: 2,
      memory_available: 1000,
      sched_runtime: 110,
      sched_waittime: 220,
      sched_timeslices: 33,
      pressure_cpu_some: 77,
      pressure_io_some: 5,
      pressure_io_full: 4,
      cpu_freq: 2_500_000,
      cpu_minfreq: 800_000,
    });
  });

  test("a machine without any of it has no values, rather than zeros", () =>
    assert.deepEqual(hostValues(machine({})), {}));
});

describe("a VM's process", () => {
  const UUID = "4dea22b3-1d52-d8f3-2516-782e98ab3fa0";
  const VM = { name: "web", uuid: UUID };
  /** Fields 3 to 25; the name holds what would mislead a reader that splits at blanks. */
  const stat = (pid: number, start: number): string =>
    `${pid} (CPU 0/KVM) (x) S 1 1 1 0 -1 4194560 11 12 13 14 15 16 17 18 20 0 5 0 ${start} 9000000 700 18446744073709551615 1\n`;
  const qemu = (pid: number, start = 500): Texts => ({
    [`/proc/${pid}/cmdline`]: `/usr/bin/qemu-system-x86_64\0-name\0guest=web\0-uuid\0${UUID}\0`,
    [`/proc/${pid}/stat`]: stat(pid, start),
    [`/proc/${pid}/task/${pid}/schedstat`]: "100 10 1\n",
    [`/proc/${pid}/task/${pid + 1}/schedstat`]: "200 20 2\n",
  });
  const at = (ms: number) => milliseconds(ms);

  test("is found by its uuid, and read with all its threads", () => {
    const files = machine({ "/proc/stat": STAT, "/proc/7/cmdline": "sh\0-c\0-uuid\0", ...qemu(20) });
    assert.deepEqual(Object.fromEntries(new VmProcesses(files).read([VM], at(0))), {
      web: {
        stat_minflt: 11,
        stat_cminflt: 12,
        stat_majflt: 13,
        stat_cmajflt: 14,
        stat_vsize: 9_000_000,
        stat_rss: 700,
        stat_rsslim: 2 ** 64,
        stat_start: 1_700_000_005_000,
        sched_runtime: 300,
        sched_waittime: 30,
        sched_timeslices: 3,
      },
    });
  });

  test("once found, no other process is looked at; killed and started again, the new one is found", () => {
    const texts: Texts = { "/proc/stat": STAT, "/proc/7/cmdline": "sh\0", ...qemu(20) };
    const files = machine(texts);
    const processes = new VmProcesses(files);
    processes.read([VM], at(0));
    files.reads.length = 0;
    processes.read([VM], at(5_000));
    assert.ok(!files.reads.some((path) => path.endsWith("cmdline")));
    // The kernel may even give the number again: the start tells the two apart.
    for (const path of Object.keys(texts)) if (path.startsWith("/proc/20/")) delete texts[path];
    Object.assign(texts, qemu(20, 900));
    assert.equal(processes.read([VM], at(10_000)).get("web")?.stat_start, 1_700_000_009_000);
  });

  test("a VM without a process is looked for ever more rarely, and at once when it comes", () => {
    const texts: Texts = { "/proc/stat": STAT, "/proc/7/cmdline": "sh\0" };
    const files = machine(texts);
    const processes = new VmProcesses(files);
    let looks = 0;
    for (let second = 0; second < 600; second++) {
      files.reads.length = 0;
      assert.equal(processes.read([VM], at(second * 1000)).size, 0);
      if (files.reads.includes("/proc/7/cmdline")) looks++;
    }
    assert.ok(looks >= 5 && looks <= 12, `${looks} looks`);
    Object.assign(texts, qemu(20));
    assert.equal(processes.read([VM], at(1_000_000)).size, 1);
  });

  test("one that ends while it is read is absent", () => {
    const files = machine({ "/proc/stat": STAT, "/proc/20/cmdline": `qemu\0-uuid\0${UUID}\0` });
    assert.equal(new VmProcesses(files).read([VM], at(0)).size, 0);
  });
});

test("a thread that ends, and an id that is given again, take nothing from the sum", () => {
  const times = new ProcessTimes();
  const update = (threads: Record<string, [number, number, number]>) => times.update(new Map(Object.entries(threads)));
  assert.deepEqual(update({ a: [10, 1, 1], b: [20, 2, 1] }), [30, 3, 2]);
  assert.deepEqual(update({ a: [15, 1, 2] }), [35, 3, 3]);
  assert.deepEqual(update({ a: [2, 0, 1], c: [1, 0, 1] }), [38, 3, 5]);
  assert.equal(readSchedstat("1 2\n"), null);
});

describe("a VM's cgroup", () => {
  const scope = "/machine.slice/machine-qemu\\x2d1\\x2dweb.scope";
  test("version 2: the scope, whichever of its folders the process is in", () => {
    const files = machine({
      "/sys/fs/cgroup/cgroup.controllers": "cpu memory\n",
      [`/sys/fs/cgroup${scope}/cpu.stat`]: "usage_usec 500\nuser_usec 1\nnr_throttled 2\nthrottled_usec 7\n",
      [`/sys/fs/cgroup${scope}/memory.current`]: "4096\n",
    });
    for (const tail of ["", "/libvirt/emulator", "/libvirt/vcpu0", "/emulator"]) {
      const found = vmCgroup(`0::${scope}${tail}\n`, files);
      assert.ok(found !== null);
      assert.equal(found.perf, scope);
      assert.deepEqual(cgroupValues(found, files), {
        cgroup_cputime: 500_000,
        cgroup_throttled: 7000,
        cgroup_memory: 4096,
      });
    }
  });

  test("version 1: each controller's own folder, systemd's or libvirt's", () => {
    const own = "/machine/qemu-1-web.libvirt-qemu";
    const files = machine({
      [`/sys/fs/cgroup/cpu${own}/cpu.stat`]: "nr_periods 3\nnr_throttled 2\nthrottled_time 900\n",
      [`/sys/fs/cgroup/cpuacct${own}/cpuacct.usage`]: "123\n",
      [`/sys/fs/cgroup/memory${own}/memory.usage_in_bytes`]: "8192\n",
    });
    const found = vmCgroup(`9:perf_event:${own}\n4:cpu,cpuacct:${own}/emulator\n2:memory:${own}\n0::/\n`, files);
    assert.ok(found !== null);
    assert.equal(found.perf, own);
    assert.deepEqual(cgroupValues(found, files), { cgroup_cputime: 123, cgroup_throttled: 900, cgroup_memory: 8192 });
  });

  test("a cgroup that a VM shares with its daemon is not the VM's", () => {
    for (const path of ["/", "/system.slice/libvirtd.service", "/user.slice/user-0.slice/session-1.scope"])
      assert.equal(vmCgroup(`4:cpu,cpuacct:${path}\n0::${path}\n`, machine({})), null);
  });
});

describe("lines of perf stat", () => {
  const cases: readonly (readonly [string, boolean, object | null])[] = [
    [
      "     1.000619037;16117;;page-faults;1001618165;100.00;;",
      false,
      { time: "1.000619037", event: "swpagefaults", cgroup: null, count: 16117 },
    ],
    ["     1.0;<not supported>;;cycles;0;100.00;;", false, null],
    ["     1.0;<not counted>;;cycles;0;100.00;;", false, null],
    ["     1.0;12;;cpu_core/cycles/;1;100.00;;", false, { time: "1.0", event: "hwcpucycles", cgroup: null, count: 12 }],
    ["     1.0;12;;cycles:u;1;100.00;;", false, { time: "1.0", event: "hwcpucycles", cgroup: null, count: 12 }],
    [
      "     1.0;7;;context-switches;machine/vm;4;100.00;;",
      true,
      { time: "1.0", event: "swcontextswitches", cgroup: "machine/vm", count: 7 },
    ],
    [
      "     1.0;<not counted>;;page-faults;a;0;100.00;;",
      true,
      { time: "1.0", event: "swpagefaults", cgroup: "a", count: 0 },
    ],
    ["# started on Fri", false, null],
    ["", false, null],
  ];
  for (const [line, withCgroup, expected] of cases)
    test(line.trim() || "an empty one", () => assert.deepEqual(readPerfLine(line, withCgroup), expected));
});
