/**
 * The scheduler with its embedded store does not lose a VM: its process is killed at random moments of a stream of deploys and
 * removals, and started again. 15 kills here; HEADROOM_KILLS=200 makes as many.
 */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { realClock } from "../../src/drivers/linux/real-clock.js";
import { openEmbeddedStore } from "../../src/drivers/stores/embedded/store.js";
import { randomFrom } from "../bench/pool-load.js";
import { afterwards } from "../stores/support.js";
import { quietLog } from "../support/quiet-log.js";
import { findings } from "./checker.js";
import { buildProgram, Hosts, leaderAmong, recordsIn, SchedulerProcess } from "./rig.js";
import { Stream } from "./stream.js";

const KILLS = Number(process.env.HEADROOM_KILLS ?? 15);
const SEED = Number(process.env.HEADROOM_SEED ?? 1);
const HOSTS = 8;
/** After the first change that the new process acknowledges. */
const LONGEST_LIFE_MS = 250;

test(`a scheduler that is killed ${KILLS} times while it deploys and removes loses no VM and doubles none (seed ${SEED})`, async (context) => {
  buildProgram();
  const folder = mkdtempSync(join(tmpdir(), "headroom-kills-"));
  afterwards(context, async () => rmSync(folder, { recursive: true, force: true }));
  const hosts = new Hosts(HOSTS, folder);
  afterwards(context, () => hosts.end());
  const scheduler = new SchedulerProcess("only", folder, []);
  afterwards(context, () => scheduler.kill());
  await Promise.all([hosts.start(), scheduler.start()]);
  const stream = new Stream({ schedulers: [scheduler.url], clients: 8, names: 40, seed: SEED });
  afterwards(context, () => stream.close());
  await hosts.join([scheduler.url]);
  const random = randomFrom(SEED);
  const running = stream.run(1_000_000);
  const takeOvers: number[] = [];
  for (let kill = 0; kill < KILLS; kill++) {
    const { acknowledged } = stream;
    const before = acknowledged.length;
    while (acknowledged.length === before) await pause(2);
    await pause(random() * LONGEST_LIFE_MS);
    await scheduler.kill();
    const began = performance.now();
    await scheduler.start();
    await leaderAmong([scheduler]);
    takeOvers.push(performance.now() - began);
  }
  stream.stop();
  await running;
  await scheduler.settled();
  const { hosts: found, doubles } = await hosts.report();
  await scheduler.kill();
  const store = await openEmbeddedStore({
    folder: join(folder, "only", "cluster"),
    clock: realClock(),
    log: quietLog(),
  });
  afterwards(context, () => store.close());
  const records = await recordsIn(store);
  const { requests } = stream;
  const count = (outcome: string): number => requests.filter((one) => one.outcome === outcome).length;
  takeOvers.sort((a, b) => a - b);
  context.diagnostic(
    `${KILLS} kills under ${requests.length} requests: ${count("ok")} done, ${count("refused")} refused, ` +
      `${count("unknown")} unanswered; ${records.length} VMs at the end. Leads again after ` +
      `${takeOvers[KILLS >> 1]!.toFixed(0)} ms (median), ${takeOvers.at(-1)!.toFixed(0)} ms (longest)`,
  );
  assert.deepEqual(findings(requests, { hosts: found, records }), []);
  assert.deepEqual(doubles, [], "VMs that were on two hosts at some moment");
  assert.ok(count("ok") >= KILLS, `${count("ok")} changes were acknowledged`);
});
