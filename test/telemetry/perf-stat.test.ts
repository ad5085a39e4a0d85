/** `perf stat` as a child: what it prints is counted, what it lacks is absent, and it ends with its owner. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { milliseconds } from "../../src/core/units.js";
import { perfStat } from "../../src/drivers/linux/perf-stat.js";
import { temporaryFolder } from "../drivers/folder.js";
import { rememberingLog } from "../support/quiet-log.js";

/** A program that writes down its arguments and prints what perf would, line by line, until it is ended. */
async function fakePerf(
  context: TestContext,
  lines: readonly string[],
  after = "sleep 60",
): Promise<{ program: string; calls: string }> {
  const folder = await temporaryFolder(context);
  const [program, calls] = [join(folder, "perf"), join(folder, "calls")];
  const print = lines.map((line) => `echo '${line}' >&2`).join("\n");
  writeFileSync(
    program,
    `#!/bin/sh\necho "$*" >> ${calls}\n${print}\n${after === "sleep 60" ? "exec sleep 60" : after}\n`,
  );
  chmodSync(program, 0o755);
  return { program, calls };
}

async function until(condition: () => boolean): Promise<void> {
  for (let round = 0; round < 1_000 && !condition(); round++) await pause(10);
  assert.ok(condition());
}

test("counts add up; the last whole interval stands by itself; unsupported events are absent", async (context) => {
  const { program } = await fakePerf(context, [
    "1.0;100;;page-faults;1;100.00;;",
    "1.0;<not supported>;;cycles;0;100.00;;",
    "2.0;40;;page-faults;1;100.00;;",
    "3.0;1;;page-faults;1;100.00;;",
  ]);
  const perf = perfStat({ interval: milliseconds(1000), log: rememberingLog(), program });
  context.after(() => perf.close());
  await until(() => perf.host().totals.swpagefaults === 141);
  assert.deepEqual(perf.host().recent, { swpagefaults: 40 });
  assert.equal(perf.host().totals.hwcpucycles, undefined);
});

test("VMs are counted by cgroup, anew when others are followed, and keep what they had", async (context) => {
  const { program, calls } = await fakePerf(context, [
    "1.0;5;;page-faults;/m/a;1;100.00;;",
    "1.0;6;;page-faults;/m/b;1;100.00;;",
  ]);
  const perf = perfStat({ interval: milliseconds(1000), log: rememberingLog(), program });
  context.after(() => perf.close());
  perf.follow(new Map([["vm-a", "/m/a"]]));
  perf.follow(new Map([["vm-a", "/m/a"]]));
  await until(() => perf.vm("vm-a").totals.swpagefaults === 5);
  perf.follow(
    new Map([
      ["vm-a", "/m/a"],
      ["vm-b", "/m/b"],
    ]),
  );
  await until(() => perf.vm("vm-b").totals.swpagefaults === 6);
  assert.equal(perf.vm("vm-a").totals.swpagefaults, 10);
  assert.deepEqual(perf.vm("nobody"), { totals: {}, recent: {} });
  const followed = readFileSync(calls, "utf8").match(/--for-each-cgroup \S+/g);
  assert.deepEqual(followed, ["--for-each-cgroup /m/a", "--for-each-cgroup /m/a,/m/b"]);
});

test("without perf, or where it may not, there are no counters, and the log says why once", async (context) => {
  const refusing = await fakePerf(context, ["Access to performance monitoring operations is limited."], "exit 255");
  for (const program of ["/nowhere/perf", refusing.program]) {
    const log = rememberingLog();
    const perf = perfStat({ interval: milliseconds(1000), log, program });
    await until(() => {
      perf.host();
      return log.lines.length > 0;
    });
    assert.deepEqual(perf.host(), perf.host());
    assert.deepEqual({ ...perf.host().totals }, {});
    assert.equal(log.lines.length, 1);
    await perf.close();
  }
});

const hasPerf = spawnSync("perf", ["stat", "-a", "-e", "page-faults", "true"]).status === 0;

test("the real perf of this machine counts page faults", {
  skip: hasPerf ? false : "perf (linux-perf) is not here, or may not count",
}, async () => {
  const perf = perfStat({ interval: milliseconds(200), log: rememberingLog() });
  await until(() => {
    spawnSync("true");
    return (perf.host().totals.swpagefaults ?? 0) > 0;
  });
  await perf.close();
});
