/** Estimates at a scheduler: published by the estimator's own sink, kept with their age, and followed as far as the operator says. */
import assert from "node:assert/strict";
import { after, before, describe, type TestContext, test } from "node:test";
import { explainCommand } from "../../src/cli/commands/explain.js";
import type { EstimateMode } from "../../src/core/placement/estimate-mode.js";
import { milliseconds } from "../../src/core/units.js";
import { realClock } from "../../src/drivers/linux/real-clock.js";
import { schedulerSink } from "../../src/drivers/sinks/scheduler.js";
import { Courier } from "../../src/estimator/courier.js";
import { remind } from "../../src/estimator/reminder.js";
import { createToken, parseTokens } from "../../src/http/auth.js";
import type { ClusterExplanationAnswer } from "../../src/http/scheduler/schemas/answers.js";
import type { HostEstimate } from "../../src/ports/estimates.js";
import { estimateOf } from "../estimator-online/estimates.js";
import { VM } from "../http/support.js";
import { failsWith } from "../stores/support.js";
import { rememberingLog } from "../support/quiet-log.js";
import { TestCluster } from "./cluster.js";
import { runCommand } from "./run-command.js";
import { SchedulerDouble, schedulerApp } from "./scheduler-double.js";

const never = new AbortController().signal;

function sinkTo(context: TestContext, urls: readonly string[], token: string | null = null) {
  const log = rememberingLog();
  const sink = schedulerSink({ urls, token, authority: null, log });
  context.after(() => sink.close?.());
  return { sink, log };
}

/** Of a host of 16 pCPUs, made now; stale after `lifetimeMs`. */
function estimate(host: string, need: number | null, lifetimeMs = 60_000): HostEstimate {
  const { cpu, memory } = estimateOf(host);
  const now = Date.now();
  return estimateOf(host, {
    at: milliseconds(now),
    validUntil: milliseconds(now + lifetimeMs),
    cpu: { ...cpu, capacity: 16, booked: 0, need, peak: null },
    memory: { ...memory, capacity: 65_536, booked: 0, need: null, peak: null },
  });
}

const ASKED = { vcpus: 2, memoryMiB: 1024, ratio: 3 };

describe("a cluster of two hosts", () => {
  const clusters: TestCluster[] = [];
  after(() => Promise.all(clusters.map((cluster) => cluster.end())));

  async function clusterIn(mode: EstimateMode): Promise<TestCluster> {
    const cluster = await new TestCluster({ hosts: 2, estimates: mode }).start();
    clusters.push(cluster);
    return cluster;
  }

  const explain = async (cluster: TestCluster): Promise<ClusterExplanationAnswer> =>
    (await (await cluster.post("/v1/placements:explain", ASKED)).json()) as ClusterExplanationAnswer;

  async function deploys(cluster: TestCluster, name: string): Promise<string | null> {
    const answer = await cluster.post("/v1/vms", { ...VM, ...ASKED, name });
    return answer.status === 201 ? ((await answer.json()) as { host: string }).host : null;
  }

  test("enforced: no VM goes where its estimate leaves no room, and none at all where none is left; what comes counts in full", async (context) => {
    const cluster = await clusterIn("enforce");
    const { sink, log } = sinkTo(context, ["http://127.0.0.1:1", cluster.url]);
    const other = new URL(cluster.hosts[1]!.url);
    // The second host by the address that it is scraped at.
    await sink.deliver(
      [estimate("host-0", 15.5), estimate(`${other.origin}/metrics`, 11), estimate("nobody", 1)],
      never,
    );
    assert.deepEqual(
      log.lines.map(({ fields }) => fields),
      [{ hosts: ["nobody"] }],
    );
    const { chosen, hosts, vetoes } = await explain(cluster);
    assert.deepEqual([chosen, vetoes], ["host-1", { "estimated-cpu": 1 }]);
    const veto = hosts.find(({ host }) => host === "host-0")?.filters.find(({ passed }) => !passed);
    assert.match(veto?.reason ?? "", /^2 vCPUs; beside the expected peak 0 of \d+ pCPUs are free$/);
    const usable = hosts.length === 2 ? Number(/of (\d+)/.exec(veto?.reason ?? "")?.[1]) : 0;
    const fits = Math.floor((usable - 11) / 2);
    for (let i = 0; i < fits; i++) assert.equal(await deploys(cluster, `vm-${i}`), "host-1");
    assert.equal(await deploys(cluster, "one-too-many"), null);
    assert.equal(cluster.placed().size, fits);
    const wanted = ["--vcpus", "2", "--memory", "1GiB", "--ratio", "3"];
    const { out: people } = await runCommand(cluster, explainCommand, ...wanted);
    assert.match(people, /estimated-cpu: 2 vCPUs; beside the expected peak/);
    assert.match(people, /expected peak: 15.5 pCPUs/);
    const page = await cluster.get<{
      items: readonly { id: string; host: string; stale: boolean; ageSeconds: number }[];
    }>("/v1/estimates");
    assert.deepEqual(
      page.items.map(({ id, stale }) => [id, stale]),
      [
        ["host-0", false],
        ["host-1", false],
      ],
    );
    assert.ok(page.items[0]!.ageSeconds < 60);
    assert.match(
      await (await fetch(`${cluster.url}/metrics`)).text(),
      /headroom_cluster_estimates\{state="fresh"\} 2\n/,
    );
    // Replaced by newer ones only; a withheld one counts as none.
    await sink.deliver([estimate("host-0", null), { ...estimate("host-1", 0), at: milliseconds(1) }], never);
    assert.equal((await explain(cluster)).chosen, "host-0");
    // A new leader knows of none, until it is told again.
    await cluster.stopScheduler();
    await cluster.startScheduler();
    await cluster.until(() => cluster.scheduler.hosts().every(({ state }) => state === "up"));
    assert.deepEqual((await cluster.get<{ items: readonly object[] }>("/v1/estimates")).items, []);
    await sink.deliver([estimate("host-0", 15.5)], never);
    assert.deepEqual((await explain(cluster)).vetoes, { "estimated-cpu": 1 });
  });

  test("a new leader is told again what it lacks, soon, however long the cluster was away; what nobody knows is not told for ever", async (context) => {
    const cluster = await clusterIn("enforce");
    const { sink, log } = sinkTo(context, [cluster.url]);
    let deliveries = 0;
    const counting = {
      ...sink,
      async deliver(...told: Parameters<typeof sink.deliver>) {
        deliveries += 1;
        await sink.deliver(...told);
      },
    };
    const clock = realClock();
    // Once it fails it would wait for minutes: the reminder is to find out.
    const courier = new Courier({ sink: counting, clock, log, random: () => 0.5, firstRetryMs: 300_000 });
    const all = [estimate("host-0", 15.5), estimate("host-1", 11), estimate("nobody", 1)];
    const often = { askEvery: milliseconds(20), tellEvery: milliseconds(3_600_000) };
    const stop = new AbortController();
    const jobs = [
      courier.run(stop.signal),
      remind({ sink, courier, estimates: () => all, clock, ...often }, stop.signal),
    ];
    courier.offer(all);
    const known = (): boolean => cluster.scheduler.estimates().length === 2;
    await cluster.until(known);
    assert.deepEqual((await explain(cluster)).vetoes, { "estimated-cpu": 1 });
    for (const isMissed of [false, true]) {
      await cluster.stopScheduler();
      if (isMissed) {
        courier.offer(all);
        await cluster.until(() => courier.status().problem !== null);
      }
      await cluster.startScheduler();
      await cluster.until(known);
      await cluster.until(() => cluster.scheduler.hosts().every(({ state }) => state === "up"));
      assert.deepEqual((await explain(cluster)).vetoes, { "estimated-cpu": 1 });
    }
    await cluster.until(() => courier.status().waiting === 0);
    const soFar = deliveries;
    await clock.sleep(milliseconds(200), never);
    assert.ok(deliveries <= soFar + 1, "nothing is told again without need");
    stop.abort();
    await Promise.all(jobs);
  });

  test("a stale estimate counts as absent", async (context) => {
    const cluster = await clusterIn("enforce");
    const { sink } = sinkTo(context, [cluster.url]);
    await sink.deliver([estimate("host-0", 100, 700), estimate("host-1", 100, 700)], never);
    assert.equal(await deploys(cluster, "too-early"), null);
    await cluster.until(() => cluster.scheduler.estimates().every(({ stale }) => stale));
    await cluster.until(() => cluster.scheduler.explain({ ...ASKED, name: "x", image: null } as never).chosen !== null);
    assert.notEqual(await deploys(cluster, "now"), null);
  });

  test("advised: shown, and nothing follows; off: not even shown", async (context) => {
    for (const mode of ["advise", "off"] as const) {
      const cluster = await clusterIn(mode);
      const { sink } = sinkTo(context, [cluster.url]);
      const before = await explain(cluster);
      await sink.deliver([estimate("host-0", 100), estimate("host-1", 100)], never);
      const { chosen, hosts, vetoes } = await explain(cluster);
      assert.deepEqual([chosen, vetoes], [before.chosen, {}]);
      const advice = hosts.flatMap((host) => host.advice.filter(({ passed }) => !passed).map(({ filter }) => filter));
      assert.deepEqual(advice, mode === "advise" ? ["estimated-cpu", "estimated-cpu"] : []);
      assert.deepEqual(hosts[0]?.expected?.pcpus ?? null, mode === "advise" ? 100 : null);
      assert.equal(await deploys(cluster, "web"), before.chosen);
    }
  });
});

describe("who may publish, and what", () => {
  const [agent, viewer] = [createToken("agent"), createToken("viewer")];
  const served = schedulerApp(new SchedulerDouble(), {
    tokens: parseTokens(`${agent.line}\n${viewer.line}\n`, "tokens"),
  });
  let url = "";
  before(async () => {
    url = await served.app.listen({ host: "127.0.0.1", port: 0 });
  });
  after(() => served.app.close());
  const post = (token: string | null, body: unknown) =>
    fetch(`${url}/v1/estimates`, {
      method: "POST",
      headers: { "content-type": "application/json", ...(token === null ? {} : { authorization: `Bearer ${token}` }) },
      body: JSON.stringify(body),
    });

  test("the role agent publishes, a viewer reads, nobody else does either", async (context) => {
    const { sink } = sinkTo(context, [url], agent.token);
    await sink.deliver([estimateOf("a")], never);
    await assert.rejects(sinkTo(context, [url]).sink.deliver([estimateOf("a")], never), failsWith("sink-failed"));
    await assert.rejects(sinkTo(context, [url], viewer.token).sink.deliver([estimateOf("a")], never), /403/);
    assert.equal((await fetch(`${url}/v1/estimates`)).status, 401);
    const read = await fetch(`${url}/v1/estimates/a`, { headers: { authorization: `Bearer ${viewer.token}` } });
    assert.deepEqual(await read.json(), { id: "a", ...estimateOf("a"), ageSeconds: 1.5, stale: false });
  });

  test("what is no estimate is told by its field", async () => {
    const one = estimateOf("a");
    const wrong: readonly (readonly [unknown, RegExp])[] = [
      [{}, /estimates/],
      [{ estimates: [] }, /estimates/],
      [{ estimates: [{ ...one, cpu: { ...one.cpu, need: "much" } }] }, /estimates.0.cpu.need/],
      [{ estimates: [{ ...one, memory: { ...one.memory, missing: 2 } }] }, /estimates.0.memory.missing/],
      [{ estimates: [{ ...one, colour: "red" }] }, /colour/],
      [{ estimates: [{ ...one, host: "" }] }, /estimates.0.host/],
    ];
    for (const [body, field] of wrong) {
      const answer = await post(agent.token, body);
      assert.equal(answer.status, 422);
      const { errors } = (await answer.json()) as { errors: readonly { field: string }[] };
      assert.match(errors.map((error) => error.field).join(), field);
    }
  });
});
