import assert from "node:assert/strict";
import { test } from "node:test";
import { milliseconds } from "../../src/core/units.js";
import { fingerprint, IdempotencyStore } from "../../src/http/idempotency.js";
import { OperationalError } from "../../src/ports/errors.js";
import { startAgent } from "./real-agent.js";
import { realClock, serve, serveAgent, VM } from "./support.js";

const deploy = (key: string, change: object = {}) =>
  ({ method: "POST", url: "/v1/vms", payload: { ...VM, ...change }, headers: { "idempotency-key": key } }) as const;

test("the same key gets the same answer, and the VM is made once", async () => {
  const { app, agent } = serve();
  const first = await app.inject(deploy("k"));
  const second = await app.inject(deploy("k"));
  assert.equal(first.statusCode, 201);
  assert.deepEqual([second.statusCode, second.body], [201, first.body]);
  assert.equal(second.headers["idempotency-replayed"], "true");
  assert.equal(agent.deploys, 1);
  await app.close();
});

test("requests with one key at the same time wait for the first", async () => {
  const { app, agent } = serve();
  agent.behaviour.beforeChange = () => new Promise((resolve) => setTimeout(resolve, 20));
  const answers = await Promise.all(Array.from({ length: 10 }, () => app.inject(deploy("k"))));
  assert.deepEqual(new Set(answers.map((answer) => answer.body)).size, 1);
  assert.ok(answers.every((answer) => answer.statusCode === 201));
  assert.equal(agent.deploys, 1);
  await app.close();
});

test("a key under another body or path is 422; field order does not matter", async () => {
  const { app } = serve();
  await app.inject(deploy("k"));
  const other = await app.inject(deploy("k", { vcpus: 1 }));
  assert.equal(other.statusCode, 422);
  assert.equal(other.json<{ code: string }>().code, "idempotency-key-reused");
  const resize = await app.inject({ ...deploy("k"), url: "/v1/vms/web-1/resize", payload: { vcpus: 1 } });
  assert.equal(resize.statusCode, 422);
  const reordered = { ...deploy("k"), payload: Object.fromEntries(Object.entries(VM).reverse()) };
  assert.equal((await app.inject(reordered)).statusCode, 201);
  await app.close();
});

test("a refusal is an answer too: it stays, though there is room meanwhile", async () => {
  const { app } = serve();
  await app.inject(deploy("first"));
  assert.equal((await app.inject(deploy("second"))).statusCode, 409);
  await app.inject({ method: "DELETE", url: "/v1/vms/web-1" });
  assert.equal((await app.inject(deploy("second"))).statusCode, 409);
  assert.equal((await app.inject(deploy("third"))).statusCode, 201);
  await app.close();
});

test("a failure is forgotten: the same key tries again", async () => {
  const { app, agent } = serve();
  agent.behaviour.beforeChange = async () => {
    throw new OperationalError("hypervisor-unreachable", "libvirt is not there", true);
  };
  assert.equal((await app.inject(deploy("k"))).statusCode, 503);
  agent.behaviour.beforeChange = async () => undefined;
  assert.equal((await app.inject(deploy("k"))).statusCode, 201);
  await app.close();
});

test("after a restart the agent knows the key by itself: no second VM, the same answer", async () => {
  const first = await startAgent();
  const before = serveAgent(first.agent);
  const made = await before.app.inject(deploy("over-restart"));
  assert.equal(made.statusCode, 201);
  await before.app.close();
  await first.agent.stop();
  const second = await startAgent({ hypervisor: first.hypervisor.another(), journal: first.journal });
  const after = serveAgent(second.agent);
  const again = await after.app.inject(deploy("over-restart"));
  assert.equal(again.statusCode, 201, again.body);
  assert.equal(again.json<{ uuid: string }>().uuid, made.json<{ uuid: string }>().uuid);
  assert.equal(second.agent.vms().length, 1);
  const other = await after.app.inject(deploy("over-restart", { name: "web-2" }));
  assert.equal(other.statusCode, 422, other.body);
  await after.app.close();
  await second.agent.stop();
});

test("memory is bounded: the oldest answers are forgotten first, and all after their time", async () => {
  let now = 0;
  const clock = { ...realClock, monotonic: () => milliseconds(now) };
  const store = new IdempotencyStore(clock, 3, 1000);
  let runs = 0;
  const ask = async (key: string) => {
    const { answer } = await store.run("me", key, "print", async () => ({ status: 200, body: ++runs }));
    return answer.body;
  };
  for (const key of ["a", "b", "c", "d"]) await ask(key);
  assert.equal(await ask("d"), 4);
  assert.equal(await ask("a"), 5);
  now = 1001;
  assert.equal(await ask("d"), 6);
});

test("a fingerprint tells method, path and every field apart", () => {
  const prints = [
    fingerprint("POST", "/a", { x: 1 }),
    fingerprint("POST", "/b", { x: 1 }),
    fingerprint("PUT", "/a", { x: 1 }),
    fingerprint("POST", "/a", { x: "1" }),
    fingerprint("POST", "/a", { x: [1] }),
    fingerprint("POST", "/a", { x: null }),
    fingerprint("POST", "/a", {}),
  ];
  assert.equal(new Set(prints).size, prints.length);
  assert.equal(
    fingerprint("POST", "/a", { x: 1, y: { b: 2, a: 1 } }),
    fingerprint("POST", "/a", { y: { a: 1, b: 2 }, x: 1 }),
  );
});
