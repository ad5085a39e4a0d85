/** Who may do what at a scheduler: a stranger registers no host and hears of no VM. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { InjectOptions } from "fastify";
import { createToken, parseTokens, type Role } from "../../src/http/auth.js";
import { listen } from "../../src/http/server.js";
import { IMAGE, VM } from "../http/support.js";
import { TestCluster } from "./cluster.js";
import { reportOf } from "./reports.js";
import { SchedulerDouble, schedulerApp } from "./scheduler-double.js";

const TOKENS = { viewer: createToken("viewer"), agent: createToken("agent"), operator: createToken("operator") };
const table = parseTokens(
  Object.values(TOKENS)
    .map(({ line }) => line)
    .join("\n"),
  "tokens",
);
const bearer = (role: Role) => ({ authorization: `Bearer ${TOKENS[role].token}` });

const registration = { url: "http://10.0.0.7:8099", at: 1, report: reportOf("host-x") };
const CALLS: Readonly<Record<string, InjectOptions>> = {
  read: { url: "/v1/vms" },
  events: { url: "/v1/events", headers: { "last-event-id": "0" } },
  deploy: { method: "POST", url: "/v1/vms", payload: { ...VM, name: "x" } },
  register: { method: "POST", url: "/v1/hosts", payload: registration },
  beat: { method: "POST", url: "/v1/hosts/host-x/heartbeat", payload: { machineId: "m", tag: "i/1", at: 1 } },
  drain: { method: "POST", url: "/v1/hosts/host-a/drain" },
};

test("each role may do what it is for; without a token only health and the description are to be had", async () => {
  const scheduler = new SchedulerDouble();
  const { app } = schedulerApp(scheduler, { tokens: table });
  const statuses: Record<string, Record<string, number>> = {};
  for (const role of [null, "viewer", "agent", "operator"] as const) {
    const own: Record<string, number> = {};
    for (const [name, call] of Object.entries(CALLS)) {
      if (name === "events" && role !== null) continue;
      const headers = { ...call.headers, ...(role === null ? {} : bearer(role)) };
      own[name] = (await app.inject({ ...call, headers })).statusCode;
    }
    statuses[role ?? "stranger"] = own;
  }
  assert.deepEqual(statuses, {
    stranger: { read: 401, events: 401, deploy: 401, register: 401, beat: 401, drain: 401 },
    viewer: { read: 200, deploy: 403, register: 403, beat: 403, drain: 403 },
    agent: { read: 200, deploy: 201, register: 200, beat: 200, drain: 403 },
    operator: { read: 200, deploy: 409, register: 200, beat: 200, drain: 200 },
  });
  assert.equal(scheduler.registrations.length, 2);
  for (const url of ["/", "/healthz", "/readyz", "/openapi.json", "/problems/no-host-fits"])
    assert.equal((await app.inject(url)).statusCode, 200, url);
  await app.close();
});

test("the seeds' calls are for this machine alone, where there are tokens", async () => {
  const { app } = schedulerApp(new SchedulerDouble(), { tokens: table });
  for (const url of ["/listvm", "/status", `/deploy?name=a&cpu=1&mem=1&oc=1&qcow2=${IMAGE}`]) {
    assert.equal((await app.inject({ url, remoteAddress: "192.0.2.7" })).statusCode, 401, url);
    assert.equal((await app.inject(url)).statusCode, 200, url);
  }
  await app.close();
});

test("beyond loopback a scheduler without tokens refuses to listen, and names its own settings", async () => {
  const { app } = schedulerApp(new SchedulerDouble());
  await assert.rejects(
    listen(app, { host: "0.0.0.0", port: 0 }),
    /HEADROOM_TOKENS_FILE[\s\S]*HEADROOM_SCHEDULER_ADDRESS=127\.0\.0\.1/,
  );
  await app.close();
});

const cluster = new TestCluster({ hosts: 1, tokens: table, token: TOKENS.agent.token });
before(() => cluster.start());
after(() => cluster.end());

test("a real cluster with tokens works, and a stranger's host never becomes a part of it", async () => {
  const json = { "content-type": "application/json" };
  const stranger = await cluster.post("/v1/hosts", registration);
  assert.equal(stranger.status, 401);
  const viewer = await cluster.post("/v1/hosts", registration, bearer("viewer"));
  assert.equal(viewer.status, 403);
  const made = await cluster.post("/v1/vms", { ...VM, name: "mine" }, bearer("operator"));
  assert.equal(made.status, 201, await made.text());
  assert.deepEqual(
    cluster.scheduler.hosts().map(({ id }) => id),
    ["host-0"],
  );
  const past = await fetch(`${cluster.hosts[0]!.url}/v1/vms/mine`, { method: "DELETE", headers: json });
  assert.equal(past.status, 401);
  assert.equal(cluster.placed().get("mine"), "host-0");
});

test("a host of another machine cannot take the name of one that is alive", async () => {
  const thief = { ...registration, report: reportOf("host-0", "another-machine") };
  const answer = await cluster.post("/v1/hosts", thief, bearer("agent"));
  assert.deepEqual([answer.status, ((await answer.json()) as { code: string }).code], [409, "host-taken"]);
  assert.equal(cluster.scheduler.host("host-0")?.url, cluster.hosts[0]!.url);
});
