/** Guests that cannot be known, or do not do what they are asked: frozen, and said so, and the others go on. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { PageMerging } from "../../src/agent/balloon/page-merging.js";
import { mergesPages } from "../../src/core/balloon/page-merging.js";
import { type MiB, mib, seconds } from "../../src/core/units.js";
import { pageMergingSwitch } from "../../src/drivers/linux/page-merging.js";
import { quietLog } from "../support/quiet-log.js";
import { CourseHost, type ScriptedGuest, startGuest } from "./course-host.js";

const quiet = (name: string, change: Partial<ScriptedGuest> = {}): ScriptedGuest => ({
  name,
  memoryMiB: 1024,
  maximumMiB: 1024,
  script: [{ atSeconds: 0, usedMiB: 200 }],
  ...change,
});

const hungry = (name: string): ScriptedGuest =>
  quiet(name, {
    memoryMiB: 512,
    maximumMiB: 2048,
    script: [
      { atSeconds: 60, usedMiB: 200 },
      { atSeconds: 360, usedMiB: 1000 },
    ],
  });

const planOf = (host: CourseHost, name: string) =>
  host.coordinator.latest?.plan.guests.find((guest) => guest.name === name);

const setMemoryCalls = (host: CourseHost, name: string): number =>
  host.hypervisor.calls.all().filter((call) => call.procedure === "setMemory" && call.domain === name).length;

test("a guest without a balloon driver is left alone, and the plan says so", async () => {
  const host = await CourseHost.start({
    hostMiB: 8192,
    guests: [quiet("a"), quiet("b", { traits: { balloonDriver: false } })],
  });
  await host.run(240);
  assert.equal(setMemoryCalls(host, "b"), 0);
  assert.equal(planOf(host, "b")?.reason, "no-driver");
  assert.match(planOf(host, "b")?.why ?? "", /no balloon driver/);
  assert.ok(planOf(host, "a")!.currentMiB < 400, "the other one shrank");
});

test("a guest that stops reporting is frozen after three periods, and goes on when it reports again", async () => {
  const host = await CourseHost.start({ hostMiB: 8192, guests: [quiet("a")] });
  await host.run(24);
  const before = planOf(host, "a")!.currentMiB;
  // Its last report stays as it is, as with a guest whose driver hangs.
  await host.hypervisor.setMemoryStatsPeriod("a", seconds(10_000));
  await host.run(12);
  const calls = setMemoryCalls(host, "a");
  await host.run(36);
  assert.equal(planOf(host, "a")?.reason, "stale");
  assert.match(planOf(host, "a")?.why ?? "", /\d+ s old/);
  assert.equal(setMemoryCalls(host, "a") - calls, 0);
  await host.hypervisor.setMemoryStatsPeriod("a", seconds(4));
  await host.run(60);
  assert.ok(planOf(host, "a")!.currentMiB < before);
});

test("statistics are switched on once for each life of a guest", async () => {
  const host = await CourseHost.start({ hostMiB: 8192, guests: [quiet("a"), quiet("b")] });
  await host.run(120);
  assert.equal(host.hypervisor.calls.count("setMemoryStatsPeriod"), 2);
  host.hypervisor.world.destroy("a");
  await host.run(12);
  host.hypervisor.world.start("a");
  await startGuest(host.hypervisor, quiet("c"));
  await host.run(60);
  assert.equal(host.hypervisor.calls.count("setMemoryStatsPeriod"), 4);
});

for (const refuses of ["inflate", "both"] as const) {
  test(`a guest that does not give memory up (${refuses}) is asked seldom, for no more than it has, and others give instead`, async () => {
    const guests = [quiet("stubborn", { traits: { balloonRefuses: refuses } }), quiet("idle"), hungry("hungry")];
    const host = await CourseHost.start({ hostMiB: 3000, guests });
    const moments = await host.run(1200);
    assert.ok(moments.some(({ report }) => report.plan.guests.some(({ reason }) => reason === "not-following")));
    assert.ok(setMemoryCalls(host, "stubborn") <= 1200 / 12 / 3, `${setMemoryCalls(host, "stubborn")} calls`);
    const last = moments.at(-1)!.guests;
    assert.equal(last.get("stubborn")?.sizeMiB, 1024);
    assert.ok(last.get("hungry")!.sizeMiB > 1000 + 100);
    for (const { availableMiB, guests: now } of moments) {
      assert.ok(availableMiB >= 200);
      assert.equal(now.get("hungry")?.outOfMemory, 0);
    }
  });
}

test("what is promised to a guest that does not take it is given to others before long", async () => {
  const guests = [{ ...hungry("a"), traits: { balloonRefuses: "deflate" as const } }, hungry("b")];
  const host = await CourseHost.start({ hostMiB: 2300, guests });
  const moments = await host.run(1200);
  assert.ok(moments.at(-1)!.guests.get("b")!.sizeMiB >= 1000 + 56 + 50, "b has what it needs");
  for (const { availableMiB } of moments) assert.ok(availableMiB >= 200);
});

test("a call that the hypervisor refuses is in the report, and made again", async () => {
  const host = await CourseHost.start({ hostMiB: 8192, guests: [quiet("a")] });
  await host.run(12);
  host.hypervisor.faults.failNext("setMemory");
  const [moment] = await host.run(12);
  assert.match(moment!.report.changes[0]!.problem ?? "", /told to refuse/);
  assert.equal(host.coordinator.totals.failures, 1);
  const [next] = await host.run(12);
  assert.equal(next!.report.changes[0]!.problem, null);
});

test("the kernel merges pages while memory is short, and until there is clearly enough", () => {
  const host = (availableMiB: number) => ({ totalMiB: mib(1000), availableMiB: mib(availableMiB) as MiB });
  assert.equal(mergesPages(false, host(200), 0.2), false);
  assert.equal(mergesPages(false, host(199), 0.2), true);
  assert.equal(mergesPages(true, host(299), 0.2), true);
  assert.equal(mergesPages(true, host(300), 0.2), false);
});

test("the switch of page merging writes the kernel's file, only when it differs, and not in a dry run", async () => {
  const folder = mkdtempSync(join(tmpdir(), "headroom-ksm-"));
  try {
    const merging = new PageMerging(pageMergingSwitch(folder), 0.2, quietLog());
    const short = { totalMiB: mib(1000), availableMiB: mib(100) };
    assert.equal(await merging.follow(short, false), null, "a kernel without it is no failure");
    writeFileSync(join(folder, "run"), "0\n");
    assert.equal(await merging.follow(short, true), false);
    assert.equal(readFileSync(join(folder, "run"), "utf8"), "0\n");
    assert.equal(await merging.follow(short, false), true);
    assert.equal(readFileSync(join(folder, "run"), "utf8"), "1");
    assert.equal(await merging.follow({ ...short, availableMiB: mib(900) }, false), false);
    assert.equal(readFileSync(join(folder, "run"), "utf8"), "0");
  } finally {
    rmSync(folder, { recursive: true });
  }
});
