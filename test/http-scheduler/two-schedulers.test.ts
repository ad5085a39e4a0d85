/** Two schedulers on a real etcd, wired as `headroom scheduler` wires them: one leads, any may be asked, the other takes over. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { type RunningScheduler, runScheduler } from "../../src/cli/cluster/run-scheduler.js";
import { SCHEDULER_PROGRAM } from "../../src/cli/settings/program.js";
import { resolveFor } from "../../src/cli/settings/resolve.js";
import { milliseconds } from "../../src/core/units.js";
import { realClock } from "../../src/drivers/linux/real-clock.js";
import { schedulerSink } from "../../src/drivers/sinks/scheduler.js";
import { Courier } from "../../src/estimator/courier.js";
import { remind } from "../../src/estimator/reminder.js";
import { ProblemError } from "../../src/http/client-call.js";
import { type SchedulerApiClient, schedulerClient } from "../../src/http/scheduler/client.js";
import { estimateOf } from "../estimator-online/estimates.js";
import { type EtcdCluster, skipWithoutEtcd, startEtcd } from "../stores/etcd-lab.js";
import { quietLog } from "../support/quiet-log.js";
import { TestHost } from "./host.js";

describe("two schedulers on etcd", { skip: skipWithoutEtcd }, () => {
  const folder = mkdtempSync(join(tmpdir(), "headroom-two-"));
  const hosts = [new TestHost("host-a"), new TestHost("host-b")];
  const running: RunningScheduler[] = [];
  let etcd: EtcdCluster;

  async function startScheduler(name: string): Promise<RunningScheduler> {
    const flags = {
      port: 0,
      stateFolder: join(folder, name),
      list: hosts.map((host) => host.url).join(","),
      imageFolders: "/var/lib/images",
      heartbeatSeconds: 0.2,
      suspectSeconds: 2,
      etcdEndpoints: etcd.endpoints.join(","),
      leaderSeconds: 2,
    };
    const nowhere = { environment: {}, envFile: null, configFile: null };
    const { settings, problems } = resolveFor(SCHEDULER_PROGRAM, { ...nowhere, flags });
    assert.deepEqual(problems, []);
    const scheduler = await runScheduler(settings, quietLog(), "test");
    running.push(scheduler);
    return scheduler;
  }

  const clientOf = ({ url }: RunningScheduler): SchedulerApiClient =>
    schedulerClient({ baseUrl: url, timeoutMs: 10_000 });

  async function until(what: string, holds: () => boolean): Promise<void> {
    for (let round = 0; round < 1_000; round++) {
      if (holds()) return;
      await pause(20);
    }
    assert.fail(`never: ${what}`);
  }

  /** As a client is told to: repeats with its key while nobody leads. */
  async function patiently<T>(ask: () => Promise<T>): Promise<T> {
    for (let round = 0; ; round++) {
      try {
        return await ask();
      } catch (error) {
        if (!(error instanceof ProblemError) || !error.problem.retryable || round > 200) throw error;
        await pause(50);
      }
    }
  }

  before(async () => {
    etcd = await startEtcd();
    for (const host of hosts) await host.start();
  });
  after(async () => {
    for (const scheduler of running) await scheduler.close();
    for (const host of hosts) await host.kill();
    await etcd.stop();
    rmSync(folder, { recursive: true });
  });

  test("what is asked of the standby is done by the leader, and read at both; the standby takes over", async () => {
    const first = await startScheduler("first");
    await until("the first leads", () => first.scheduler.clusterStatus().hosts.up === 2 && first.scheduler.ready());
    const second = await startScheduler("second");
    await until(
      "the second stands by",
      () => second.scheduler.leadership().leader === first.url && second.scheduler.ready(),
    );
    assert.equal(second.scheduler.leadership().role, "standby");

    const standby = clientOf(second);
    const vm = { name: "web", vcpus: 2, memoryMiB: 1024, ratio: 2 };
    const made = await standby.createVm(vm, "key-web");
    assert.equal(first.scheduler.vm("web")?.host, made.host);
    await until("the standby hears of it", () => second.scheduler.vm("web") !== null);
    assert.equal((await standby.vm("web")).host, made.host);
    assert.equal((await standby.cluster()).leadership.leader, first.url);

    // Estimates are the leader's to keep, whoever is told and whoever is asked.
    const sink = schedulerSink({ urls: [second.url], token: null, authority: null, log: quietLog() });
    const stop = new AbortController();
    const clock = realClock();
    const courier = new Courier({ sink, clock, log: quietLog(), random: Math.random });
    const all = [estimateOf("host-a", { validUntil: milliseconds(Date.now() + 3_600_000) })];
    const often = { askEvery: milliseconds(50), tellEvery: milliseconds(3_600_000) };
    const telling = [
      courier.run(stop.signal),
      remind({ sink, courier, estimates: () => all, clock, ...often }, stop.signal),
    ];
    courier.offer(all);
    await until("the leader knows", () => first.scheduler.estimates().length === 1);
    assert.deepEqual(
      first.scheduler.estimates().map(({ id }) => id),
      ["host-a"],
    );
    const asked = await fetch(`${second.url}/v1/estimates/host-a`);
    assert.equal(((await asked.json()) as { id: string }).id, "host-a");

    await first.close();
    running.shift();
    const again = await patiently(() => standby.createVm(vm, "key-web"));
    assert.equal(again.uuid, made.uuid);
    assert.deepEqual((await standby.cluster()).leadership.role, "leader");
    await until("the new leader is told", () => second.scheduler.estimates().length === 1);
    stop.abort();
    await Promise.all(telling);
    await sink.close?.();
    assert.equal((await patiently(() => standby.removeVm("web"))).host, made.host);
    assert.deepEqual(
      hosts.flatMap((host) => host.names()),
      [],
    );
  });
});
