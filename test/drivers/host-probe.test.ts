/** The host's own usage is read from /proc as proc(5) describes it. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { test } from "node:test";
import { linuxHostFiles } from "../../src/drivers/linux/host-files.js";
import { linuxHostProbe } from "../../src/drivers/linux/host-probe.js";
import { OperationalError } from "../../src/ports/errors.js";

const STAT = `cpu  100 20 30 5000 600 7 8 9 50 5
cpu0 100 20 30 5000 600 7 8 9 50 5
intr 12345 0 0
ctxt 99
`;
const MEMINFO = `MemTotal:       2097664 kB
MemFree:          10000 kB
MemAvailable:   1048576 kB
Buffers:            100 kB
`;

const probe = (files: Record<string, string>) =>
  linuxHostProbe({ readText: (path) => files[path] ?? null, listFolder: () => [] });

test("busy is everything but idle and waiting for disks; guest time is not counted twice", async () => {
  const sample = await probe({ "/proc/stat": STAT, "/proc/meminfo": MEMINFO }).sample();
  assert.deepEqual(sample, {
    cpuBusyNs: BigInt(100 + 20 + 30 + 7 + 8 + 9) * 10_000_000n,
    memoryTotalMiB: 2048,
    memoryAvailableMiB: 1024,
  });
});

test("an old kernel's shorter line is read as far as it goes", async () => {
  const sample = await probe({ "/proc/stat": "cpu  1 2 3 400\n", "/proc/meminfo": MEMINFO }).sample();
  assert.equal(sample?.cpuBusyNs, 60_000_000n);
});

test("tick counts beyond what a double holds stay exact", async () => {
  const stat = "cpu  9007199254740993 0 0 1 0 0 0 0 0 0\n";
  const sample = await probe({ "/proc/stat": stat, "/proc/meminfo": MEMINFO }).sample();
  assert.equal(sample?.cpuBusyNs, 90_071_992_547_409_930_000_000n);
});

test("a host without /proc gives no sample", async () => {
  assert.equal(await probe({}).sample(), null);
  assert.equal(await probe({ "/proc/stat": STAT }).sample(), null);
});

for (const [what, files] of [
  ["no cpu line", { "/proc/stat": "intr 1\n", "/proc/meminfo": MEMINFO }],
  ["a cpu line without numbers", { "/proc/stat": "cpu  a b c d\n", "/proc/meminfo": MEMINFO }],
  ["too few columns", { "/proc/stat": "cpu  1 2 3\n", "/proc/meminfo": MEMINFO }],
  ["no MemAvailable", { "/proc/stat": STAT, "/proc/meminfo": "MemTotal: 5 kB\n" }],
] as const) {
  test(`${what} is an unreadable host, not an idle one`, async () => {
    const unreadable = (error: unknown) => error instanceof OperationalError && error.code === "host-unreadable";
    await assert.rejects(probe(files).sample(), unreadable);
  });
}

test("this machine's own counters can be read and do not go back", {
  skip: existsSync("/proc/stat") ? false : "no /proc on this machine",
}, async () => {
  const real = linuxHostProbe(linuxHostFiles());
  const first = await real.sample();
  const second = await real.sample();
  assert.ok(first && second && first.cpuBusyNs > 0n && second.cpuBusyNs >= first.cpuBusyNs);
  assert.ok(second.memoryAvailableMiB > 0 && second.memoryAvailableMiB < second.memoryTotalMiB);
});
