/** What a scheduler answers beside deciding: pages, explanations, the cluster in sum, metrics, events, the description. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { parseOpenapi } from "../../src/http/openapi.js";
import { clusterEvent } from "../../src/http/scheduler/schemas/answers.js";
import { listen } from "../../src/http/server.js";
import { VM } from "../http/support.js";
import { SchedulerDouble, schedulerApp } from "./scheduler-double.js";

test("VMs and hosts come in pages by name, and can be narrowed", async () => {
  const { app } = schedulerApp(new SchedulerDouble());
  for (const name of ["c", "a", "b"])
    await app.inject({ method: "POST", url: "/v1/vms", payload: { ...VM, name, ratio: name === "b" ? 3 : 2 } });
  type Page = { items: { name: string; id: string }[]; next: string | null };
  const names = async (url: string) => (await app.inject(url)).json<Page>().items.map((item) => item.name ?? item.id);
  const first = (await app.inject("/v1/vms?limit=2")).json<Page>();
  assert.deepEqual(
    first.items.map(({ name }) => name),
    ["a", "b"],
  );
  assert.deepEqual(await names(`/v1/vms?limit=2&cursor=${first.next}`), ["c"]);
  assert.deepEqual(await names("/v1/vms?pool=3"), ["b"]);
  assert.deepEqual(await names("/v1/vms?host=host-b"), []);
  assert.deepEqual(await names("/v1/vms?state=lost"), []);
  assert.deepEqual(await names("/v1/hosts?limit=1"), ["host-a"]);
  assert.deepEqual(await names("/v1/hosts?state=down"), []);
  await app.close();
});

test("an explanation has every filter's verdict and every weigher's score, with its weight", async () => {
  const { app } = schedulerApp(new SchedulerDouble());
  const payload = { vcpus: 1, memoryMiB: 1024, ratio: 1 };
  const answer = await app.inject({ method: "POST", url: "/v1/placements:explain", payload });
  assert.deepEqual(answer.json(), {
    chosen: "host-a",
    room: 3,
    hosts: [
      {
        host: "host-a",
        fits: true,
        score: 0.5,
        room: 3,
        filters: [{ filter: "memory", passed: true, reason: null }],
        weighers: [{ weigher: "balance", score: 0.25, weight: 2 }],
        advice: [{ filter: "estimated-cpu", passed: false, reason: "too busy" }],
        expected: { pcpus: 12.5, memoryMiB: null },
      },
      {
        host: "host-b",
        fits: false,
        score: null,
        room: 0,
        filters: [{ filter: "memory", passed: false, reason: "needs more" }],
        weighers: null,
        advice: [],
        expected: null,
      },
    ],
    vetoes: { memory: 1 },
    makesRoom: { host: "host-b", moves: [{ vm: "web", from: "host-b", to: "host-a" }], automatic: true },
    prices: { price: 0.125, source: "learnt", vms: 40, others: 3, host: { pcpus: 32, memoryMiB: 131_072 }, since: 1 },
  });
  await app.close();
});

test("an Idempotency-Key under another request is refused, also by the scheduler's own memory of it", async () => {
  const scheduler = new SchedulerDouble();
  const { app } = schedulerApp(scheduler);
  const create = (name: string, key: string) =>
    app.inject({ method: "POST", url: "/v1/vms", payload: { ...VM, name }, headers: { "idempotency-key": key } });
  assert.equal((await create("a", "k")).statusCode, 201);
  assert.equal((await create("b", "k")).json<{ code: string }>().code, "idempotency-key-reused");
  scheduler.refusal = { code: "request-id-reused", reason: "the request id k2 was used before" };
  const answer = await create("c", "k2");
  assert.deepEqual([answer.statusCode, answer.json<{ code: string }>().code], [422, "request-id-reused"]);
  await app.close();
});

test("metrics say who leads, hosts by state, and what is free", async () => {
  const { app } = schedulerApp(new SchedulerDouble());
  const { body } = await app.inject("/metrics");
  for (const line of [
    "headroom_up 1",
    "headroom_scheduler_leader 1",
    "headroom_scheduler_epoch 7",
    'headroom_cluster_hosts{state="up"} 2',
    "headroom_cluster_free_pcpus 24",
    "headroom_cluster_memory_free_bytes 68719476736",
  ])
    assert.ok(body.includes(`${line}\n`), line);
  await app.close();
});

test("events of the cluster are streamed, from the last one seen", async () => {
  const scheduler = new SchedulerDouble();
  const { app } = schedulerApp(scheduler);
  const { url, close } = await listen(app, { host: "127.0.0.1", port: 0 });
  scheduler.report("host-up", null);
  const response = await fetch(`${url}/v1/events`, { headers: { "last-event-id": "0" } });
  scheduler.report("vm-placed", "web");
  let text = "";
  for await (const piece of response.body!.pipeThrough(new TextDecoderStream())) {
    text += piece;
    if (text.includes("vm-placed")) break;
  }
  for (const [, data] of text.matchAll(/^data: (.*)$/gm)) clusterEvent.parse(JSON.parse(data!));
  assert.match(text, /event: host-up\ndata: \{"id":1,[\s\S]*event: vm-placed\ndata: \{"id":2,.*"vm":"web"/);
  await close();
});

test("a browser gets a page of links that all work, a script a line", async () => {
  const { app } = schedulerApp(new SchedulerDouble());
  assert.equal((await app.inject("/")).body, "The Headroom scheduler is up\n");
  const page = (await app.inject({ url: "/", headers: { accept: "text/html" } })).body;
  for (const [, path] of page.matchAll(/href="([^"]+)"/g))
    if (path !== "/v1/events") assert.equal((await app.inject(path!)).statusCode, 200, path);
  await app.close();
});

test("every call of the specification is described", async () => {
  const { app } = schedulerApp(new SchedulerDouble());
  const { paths } = parseOpenapi((await app.inject("/openapi.json")).json());
  const calls = Object.entries(paths).flatMap(([path, operations]) =>
    Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`),
  );
  const hosts = ["cordon", "uncordon", "drain", "forget", "heartbeat"].map((verb) => `POST /v1/hosts/{id}/${verb}`);
  const vms = [
    "POST /v1/vms",
    "GET /v1/vms",
    "GET /v1/vms/{name}",
    "DELETE /v1/vms/{name}",
    "POST /v1/vms/{name}/resize",
  ];
  const rest = [
    "GET /v1/hosts",
    "POST /v1/hosts",
    "GET /v1/hosts/{id}",
    "GET /v1/pools",
    "GET /v1/cluster",
    "POST /v1/cluster/adopt",
    "GET /v1/events",
  ];
  const plain = ["/", "/healthz", "/readyz", "/metrics", "/openapi.json", "/status", "/listvm", "/deploy", "/remove"];
  const wanted = [...vms, ...hosts, ...rest, "POST /v1/placements:explain", ...plain.map((path) => `GET ${path}`)];
  assert.deepEqual(
    wanted.filter((call) => !calls.includes(call)),
    [],
  );
  await app.close();
});

test("switched off, the seeds' calls are not there; /v1 is", async () => {
  const { app } = schedulerApp(new SchedulerDouble(), { seedCalls: false });
  for (const url of ["/status", "/listvm", "/deploy?name=a", "/remove?name=a"])
    assert.equal((await app.inject(url)).statusCode, 404, url);
  assert.equal((await app.inject("/v1/vms")).statusCode, 200);
  await app.close();
});
