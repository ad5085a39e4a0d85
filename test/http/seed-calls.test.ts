import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { ratio } from "../../src/core/units.js";
import { type RealAgent, startAgent } from "./real-agent.js";
import { IMAGE, type Served, serveAgent } from "./support.js";

let served: Served<RealAgent["agent"]>;
before(async () => {
  served = serveAgent((await startAgent({ policy: "slackvm" })).agent);
});
after(() => served.app.close());

const get = async (url: string) => {
  const response = await served.app.inject(url);
  return { status: response.statusCode, body: response.json() as unknown };
};

test("a script of the seeds gets the seeds' answers, call by call", async () => {
  assert.deepEqual(await get("/listvm"), { status: 200, body: [] });
  const deployed = await get(`/deploy?name=example&cpu=2&mem=2&oc=2&qcow2=${IMAGE}`);
  assert.deepEqual(deployed, { status: 200, body: { success: true, reason: null } });
  assert.deepEqual(await get("/listvm"), { status: 200, body: ["example"] });
  const { body: status } = await get("/status");
  assert.deepEqual(status, {
    cpu: { avail: 14, subset: { "2.0": { pcap: 2, palloc: 2, vavail: 2, vpotential: 28 } } },
    mem: { avail: 63_488, subset: { "1": { pcap: 2048, palloc: 2048, vavail: 0, vpotential: 63_488 } } },
  });
  const progress = (await get("/progress?cpu=2&mem=2&oc=2")).body as { progress: number };
  assert.deepEqual(Object.keys(progress), ["progress"]);
  assert.equal(typeof progress.progress, "number");
  assert.deepEqual(await get("/remove?name=example"), { status: 200, body: { success: true, reason: null } });
  assert.deepEqual(await get("/listvm"), { status: 200, body: [] });
});

test("a refusal is 200 with success false and a reason", async () => {
  const unknown = (await get("/remove?name=nobody")).body as { success: boolean; reason: string };
  assert.equal(unknown.success, false);
  assert.match(unknown.reason, /nobody/);
  const tooMuch = await get(`/deploy?name=big&cpu=2&mem=100&oc=1.0&qcow2=${IMAGE}`);
  assert.equal(tooMuch.status, 200);
  assert.equal((tooMuch.body as { success: boolean }).success, false);
});

test("memory may be a fraction of a GB", async () => {
  await get(`/deploy?name=small&cpu=1&mem=0.5&oc=1.0&qcow2=${IMAGE}`);
  assert.equal(served.agent.vm("small")?.memoryMiB, 512);
  assert.equal(served.agent.vm("small")?.ratio, 1);
  await get("/remove?name=small");
});

test("a problem on the seeds' calls also says success false and the reason, as their scripts read it", async () => {
  const { status, body } = await get("/remove");
  const problem = body as { success: boolean; reason: string; code: string };
  assert.equal(status, 400);
  assert.equal(problem.success, false);
  assert.match(problem.reason, /name: is missing/);
  assert.equal(problem.code, "invalid-parameters");
});

test("HEAD deploys and removes nothing", async () => {
  for (const url of [`/deploy?name=x&cpu=1&mem=1&oc=1&qcow2=${IMAGE}`, "/remove?name=x"]) {
    const response = await served.app.inject({ method: "HEAD", url });
    assert.equal(response.statusCode, 405);
  }
  assert.deepEqual(await get("/listvm"), { status: 200, body: [] });
});

test("under a per-vCPU template there is no oc", async () => {
  const { agent } = await startAgent({ policy: "sweetspotvm", template: [ratio(1), ratio(2)] });
  const { app } = serveAgent(agent);
  const answer = await app.inject(`/deploy?name=t&cpu=2&mem=1&qcow2=${IMAGE}`);
  assert.deepEqual(answer.json(), { success: true, reason: null });
  const refused = await app.inject(`/deploy?name=u&cpu=2&mem=1&oc=2&qcow2=${IMAGE}`);
  assert.equal(refused.statusCode, 400);
  assert.match(refused.json<{ detail: string }>().detail, /oc: is not accepted: the host's template 1, 2 decides/);
  assert.equal((await app.inject("/progress?cpu=2&mem=1")).statusCode, 200);
  await app.close();
});

test("GET / is a line of text, and for a browser a page of links that all work", async () => {
  const text = await served.app.inject("/");
  assert.match(text.headers["content-type"] as string, /^text\/plain/);
  assert.match(text.body, /up/);
  const page = await served.app.inject({ url: "/", headers: { accept: "text/html,application/xhtml+xml" } });
  assert.match(page.headers["content-type"] as string, /^text\/html/);
  const links = [...page.body.matchAll(/href="([^"]+)"/g)].map((match) => match[1] ?? "");
  assert.ok(links.length >= 8);
  for (const link of links.filter((path) => path !== "/v1/events"))
    assert.equal((await served.app.inject(link)).statusCode, 200, link);
});

test("switched off, the seeds' calls are not there; /v1 is", async () => {
  const { app } = serveAgent(served.agent, { seedCalls: false });
  for (const url of ["/status", "/listvm", "/deploy", "/remove", "/progress"])
    assert.equal((await app.inject(url)).statusCode, 404, url);
  assert.equal((await app.inject("/v1/vms")).statusCode, 200);
  await app.close();
});
