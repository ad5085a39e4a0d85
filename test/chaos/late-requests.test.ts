/**
 * Requests of a leader that was killed reach their hosts when another one has settled everything: agents that keep their
 * promises do not carry them out. Agents without fences do, and the checker sees it: so it can fail, and on real processes.
 */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { realClock } from "../../src/drivers/linux/real-clock.js";
import { openEmbeddedStore } from "../../src/drivers/stores/embedded/store.js";
import { afterwards, eventually } from "../stores/support.js";
import { quietLog } from "../support/quiet-log.js";
import { findings } from "./checker.js";
import { buildProgram, Hosts, recordsIn, SchedulerProcess } from "./rig.js";
import { Stream } from "./stream.js";

const HOSTS = 8;
const NAMES = ["a", "b", "c", "d", "e", "f"];

/** Kinds of what the checker finds once late deploys have arrived for VMs that were deployed again and removed. */
async function foundAfterLateRequests(context: TestContext, ...broken: readonly string[]): Promise<readonly string[]> {
  buildProgram();
  const folder = mkdtempSync(join(tmpdir(), "headroom-late-"));
  afterwards(context, async () => rmSync(folder, { recursive: true, force: true }));
  const hosts = new Hosts(HOSTS, folder, ...broken);
  afterwards(context, () => hosts.end());
  const scheduler = new SchedulerProcess("only", folder, []);
  afterwards(context, () => scheduler.kill());
  await Promise.all([hosts.start(), scheduler.start()]);
  const stream = new Stream({ schedulers: [scheduler.url], clients: 0, names: 0, seed: 1 });
  afterwards(context, () => stream.close());
  await hosts.join([scheduler.url]);
  const all = (kind: "deploy" | "remove") => Promise.all(NAMES.map((name) => stream.request(kind, name)));
  await scheduler.says((status) => status.hosts.up === HOSTS);
  await stream.request("deploy", "first");
  for (const line of hosts.lines) line.set("held");
  const deploys = all("deploy");
  await scheduler.says((status) => status.vms.placing === NAMES.length);
  // A host is asked one thing after the other: what a second one on it waits for is not sent.
  const sent = () => hosts.lines.reduce((sum, line) => sum + line.keeps("POST /v1/vms"), 0);
  await eventually(() => sent() >= 2, "two deploys are on their way", 60);
  await scheduler.kill();
  for (const line of hosts.lines) line.set("stale");
  await scheduler.start();
  await deploys;
  await all("remove");
  assert.deepEqual(
    stream.requests.filter(({ outcome }) => outcome !== "ok"),
    [],
  );
  for (const line of hosts.lines) line.set("open");
  await pause(500);
  const domains = async () => (await hosts.report()).hosts.flatMap((one) => one.domains);
  if (broken.length > 0)
    await eventually(async () => (await domains()).length >= 2, "a late deploy is carried out", 60);
  await stream.request("deploy", "last");
  await scheduler.settled();
  const { hosts: found } = await hosts.report();
  await scheduler.kill();
  const store = await openEmbeddedStore({
    folder: join(folder, "only", "cluster"),
    clock: realClock(),
    log: quietLog(),
  });
  afterwards(context, () => store.close());
  return findings(stream.requests, { hosts: found, records: await recordsIn(store) }).map(({ kind }) => kind);
}

test("requests that arrive late, when they were settled, are not carried out", async (context) => {
  assert.deepEqual(await foundAfterLateRequests(context), []);
});

test("agents without fences carry them out, and the checker finds the VMs that were removed", async (context) => {
  assert.ok((await foundAfterLateRequests(context, "unfenced")).includes("removed-exists"));
});
