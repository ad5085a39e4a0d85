/** A standby over HTTP: it answers reads, passes changes on to the leader, and says who leads where it cannot. */
import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, beforeEach, describe, test } from "node:test";
import { createToken, parseTokens } from "../../src/http/auth.js";
import { type Listening, listen } from "../../src/http/server.js";
import { NotLeader } from "../../src/scheduler/service.js";
import { IMAGE, VM } from "../http/support.js";
import { reportOf } from "./reports.js";
import { SchedulerDouble, type ServedScheduler, schedulerApp } from "./scheduler-double.js";

interface Problem {
  readonly code: string;
  readonly detail: string;
  readonly details?: { readonly leader: string | null };
}

let leader: SchedulerDouble;
let standby: SchedulerDouble;
let listening: Listening;
let atLeader: ServedScheduler;
let atStandby: ServedScheduler;
before(async () => {
  leader = new SchedulerDouble();
  atLeader = schedulerApp(leader);
  listening = await listen(atLeader.app, { host: "127.0.0.1", port: 0 });
});
after(() => listening.close());
beforeEach(() => {
  standby = new SchedulerDouble();
  standby.leading = { role: "standby", epoch: 7, leader: listening.url };
  atStandby = schedulerApp(standby);
});

const create = (name: string, headers: Record<string, string> = {}) =>
  atStandby.app.inject({ method: "POST", url: "/v1/vms", payload: { ...VM, name }, headers });

describe("changes reach the leader through a standby", () => {
  test("a deploy, a resize, a removal, the seeds' calls, an operator's and an explanation", async () => {
    const made = await create("one");
    assert.deepEqual([made.statusCode, made.json<{ host: string }>().host], [201, "host-a"]);
    assert.equal(made.headers["headroom-leader"], listening.url);
    const resize = await atStandby.app.inject({ method: "POST", url: "/v1/vms/one/resize", payload: { vcpus: 3 } });
    assert.equal(resize.json<{ vcpus: number }>().vcpus, 3);
    assert.equal((await atStandby.app.inject({ method: "DELETE", url: "/v1/vms/one" })).statusCode, 200);
    const seed = await atStandby.app.inject(`/deploy?name=two&cpu=1&mem=1&oc=1&qcow2=${IMAGE}`);
    assert.deepEqual(seed.json(), { success: true, reason: null, host: "host-a", url: "http://host-a:8099" });
    assert.equal((await atStandby.app.inject("/remove?name=two")).json<{ success: boolean }>().success, true);
    const cordon = await atStandby.app.inject({ method: "POST", url: "/v1/hosts/host-b/cordon" });
    assert.equal(cordon.json<{ cordoned: boolean }>().cordoned, true);
    const payload = { vcpus: 1, memoryMiB: 1024, ratio: 1 };
    const explained = await atStandby.app.inject({ method: "POST", url: "/v1/placements:explain", payload });
    assert.equal(explained.json<{ chosen: string }>().chosen, "host-a");
    assert.deepEqual(standby.deploys, []);
  });

  test("a refusal arrives as the leader said it", async () => {
    const hosts = [{ host: "host-a", code: "memory", reason: "needs more" }];
    leader.refusal = { code: "no-host-fits", reason: "No host fits", details: { hosts: 2 }, hosts };
    const answer = await create("three");
    leader.refusal = null;
    assert.equal(answer.statusCode, 409);
    assert.equal(answer.headers["content-type"], "application/problem+json");
    assert.deepEqual(answer.json<{ hosts: unknown }>().hosts, hosts);
  });

  test("the Idempotency-Key goes with it; without one, the request still has an id of its own", async () => {
    const before = leader.deploys.length;
    const [first, second] = [
      await create("four", { "idempotency-key": "k4" }),
      await create("four", { "idempotency-key": "k4" }),
    ];
    assert.deepEqual([first.statusCode, second.statusCode], [201, 201]);
    assert.equal(second.headers["idempotency-replayed"], "true");
    await create("five");
    const ids = leader.deploys.slice(before).map(({ requestId }) => requestId);
    assert.equal(ids.length, 2);
    assert.equal(ids[0], "k4");
    assert.match(ids[1]!, /^[0-9a-f-]{36}$/);
  });

  test("wrong input is told at once, and does not bother the leader", async () => {
    const before = leader.deploys.length;
    assert.equal((await create("bad/name")).statusCode, 422);
    assert.equal(leader.deploys.length, before);
  });

  test("a leader that loses its leadership half-way: the request goes on to the next one with the same id", async () => {
    const deposed = new SchedulerDouble();
    deposed.beforeChange = async () => {
      deposed.leading = { role: "standby", epoch: 8, leader: listening.url };
      throw new NotLeader(listening.url);
    };
    const { app } = schedulerApp(deposed);
    const answer = await app.inject({
      method: "POST",
      url: "/v1/vms",
      payload: { ...VM, name: "six" },
      headers: { "idempotency-key": "k6" },
    });
    assert.equal(answer.statusCode, 201, answer.body);
    assert.equal(leader.deploys.at(-1)?.requestId, "k6");
  });
});

test("reads are answered by the standby itself", async () => {
  for (const url of [
    "/v1/vms",
    "/v1/hosts",
    "/v1/hosts/host-a",
    "/v1/pools",
    "/v1/cluster",
    "/listvm",
    "/status",
    "/metrics",
  ]) {
    const answer = await atStandby.app.inject(url);
    assert.equal(answer.statusCode, 200, url);
    assert.equal(answer.headers["headroom-leader"], undefined);
  }
  const ready = await atStandby.app.inject("/readyz");
  assert.deepEqual(ready.json(), { status: "ready", role: "standby", leader: listening.url });
  standby.current = false;
  assert.equal((await atStandby.app.inject("/readyz")).statusCode, 503);
});

describe("where a change cannot be passed on, the answer is 503 with who leads, and nothing was done", () => {
  const refused = async (expectedLeader: string | null, detail: RegExp, headers: Record<string, string> = {}) => {
    const answer = await create("seven", headers);
    const problem = answer.json<Problem>();
    assert.deepEqual([answer.statusCode, problem.code], [503, "not-leader"], answer.body);
    assert.match(problem.detail, detail);
    assert.equal(problem.details?.leader, expectedLeader);
    assert.equal(answer.headers["headroom-leader"], expectedLeader ?? undefined);
    assert.equal(answer.headers["retry-after"], "1");
  };

  test("nobody leads", async () => {
    standby.leading = { role: "standby", epoch: null, leader: null };
    await refused(null, /No scheduler leads/);
  });

  test("the leader is gone", async () => {
    standby.leading = { ...standby.leading, leader: "http://127.0.0.1:1" };
    await refused("http://127.0.0.1:1", /does not answer \(ECONNREFUSED\); nothing was done/);
  });

  test("the request was passed on already: two standbys that name each other do not pass it for ever", () =>
    refused(listening.url, /Another scheduler took this one for the leader/, { "headroom-forwarded": "1" }));

  test("the seeds' calls say it in their words, too", async () => {
    standby.leading = { role: "standby", epoch: null, leader: null };
    const answer = await atStandby.app.inject("/remove?name=seven");
    assert.equal(answer.statusCode, 503);
    assert.equal(answer.json<{ success: boolean }>().success, false);
  });

  test("a scheduler that is taking over is not ready yet", async () => {
    standby.leading = { role: "taking-over", epoch: 8, leader: "http://127.0.0.1:8100" };
    const answer = await create("eight");
    assert.deepEqual([answer.statusCode, answer.json<Problem>().code], [503, "not-ready"]);
    assert.equal((await atStandby.app.inject("/readyz")).statusCode, 503);
  });
});

test("a leader that takes the request and does not answer: the client learns that nobody knows", async () => {
  const silent = createServer((request) => request.socket.destroy());
  await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
  standby.leading = { ...standby.leading, leader: `http://127.0.0.1:${(silent.address() as AddressInfo).port}` };
  const answer = await create("nine");
  assert.deepEqual([answer.statusCode, answer.json<Problem>().code], [503, "deadline-exceeded"]);
  assert.match(answer.json<Problem>().detail, /same Idempotency-Key/);
  silent.close();
});

test("agents are not passed on: they hear who leads, and go there themselves", async () => {
  const report = { url: "http://10.0.0.7:8099", at: 1, report: reportOf("host-a") };
  const beat = { machineId: "m", tag: "i/1", at: 1 };
  for (const [url, payload] of [
    ["/v1/hosts", report],
    ["/v1/hosts/host-a/heartbeat", beat],
  ] as const) {
    const answer = await atStandby.app.inject({ method: "POST", url, payload });
    assert.deepEqual([answer.statusCode, answer.json<Problem>().details?.leader], [503, listening.url]);
  }
  assert.deepEqual([leader.registrations, leader.beats], [[], []]);
});

test("tokens: the caller's own goes to the leader; the seeds' calls from this machine get the cluster's", async () => {
  const [agent, operator, viewer] = [createToken("agent"), createToken("operator"), createToken("viewer")];
  const tokens = parseTokens([agent, operator, viewer].map(({ line }) => line).join("\n"), "tokens");
  const guarded = schedulerApp(new SchedulerDouble(), { tokens });
  const at = await listen(guarded.app, { host: "127.0.0.1", port: 0 });
  standby.leading = { ...standby.leading, leader: at.url };
  const { app } = schedulerApp(standby, { tokens, clusterToken: agent.token });
  const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
  const cordon = { method: "POST", url: "/v1/hosts/host-a/cordon" } as const;
  assert.equal((await app.inject({ ...cordon, headers: bearer(operator.token) })).statusCode, 200);
  assert.equal((await app.inject({ ...cordon, headers: bearer(agent.token) })).statusCode, 403);
  assert.equal((await app.inject({ ...cordon, headers: bearer(viewer.token) })).statusCode, 403);
  assert.equal((await app.inject(cordon)).statusCode, 401);
  const seed = await app.inject(`/deploy?name=ten&cpu=1&mem=1&oc=1&qcow2=${IMAGE}`);
  assert.deepEqual([seed.statusCode, seed.json<{ success: boolean }>().success], [200, true]);
  await at.close();
});

test("no standby and no leader met a bug", () => assert.deepEqual(atLeader.log.errors, []));
