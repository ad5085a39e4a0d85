import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import {
  explanationAnswer,
  type HostAnswer,
  hostAnswer,
  hostList,
  poolList,
  topologyAnswer,
} from "../../src/http/schemas/answers.js";
import { type RealAgent, startAgent } from "./real-agent.js";
import { type Served, serveAgent, VM } from "./support.js";

let served: Served<RealAgent["agent"]>;
before(async () => {
  served = serveAgent((await startAgent()).agent);
  await served.app.inject({ method: "POST", url: "/v1/vms", payload: VM });
});
after(() => served.app.close());

const get = async (url: string): Promise<unknown> => (await served.app.inject(url)).json();
const post = (url: string, payload?: object) =>
  served.app.inject({ method: "POST", url, ...(payload === undefined ? {} : { payload }) });

test("the one host is listed and shown, every field of its schema there and no other", async () => {
  const { items } = hostList.strict().parse(await get("/v1/hosts"));
  assert.equal(items.length, 1);
  const host = hostAnswer.strict().parse(await get("/v1/hosts/host-a"));
  assert.equal(host.id, "host-a");
  assert.equal(host.pcpus.total, 16);
  assert.equal(host.vmCount, 1);
  assert.equal(host.memory.allocatedMiB, 2048);
  assert.equal((await served.app.inject("/v1/hosts/other")).json<{ code: string }>().code, "unknown-host");
});

test("pools say their CPU set, what is in them, and the host they are on", async () => {
  const { items } = poolList.strict().parse(await get("/v1/pools"));
  assert.deepEqual(
    items.map(({ host, ratio, allocatedVcpus, vms }) => ({ host, ratio, allocatedVcpus, vms })),
    [{ host: "host-a", ratio: 2, allocatedVcpus: 2, vms: ["web-1"] }],
  );
  assert.deepEqual(await get("/v1/pools?host=elsewhere"), { items: [] });
});

test("the topology lists every pCPU with its core, caches and cell", async () => {
  const topology = topologyAnswer.strict().parse(await get("/v1/topology"));
  assert.equal(topology.pcpus.length, 16);
  assert.equal(topology.totalPcpus, 16);
  assert.equal(topology.cells[0]?.distances["0"], 10);
});

test("a cordoned host refuses new VMs, goes on with the old, and opens again", async () => {
  assert.deepEqual((await post("/v1/hosts/host-a/cordon")).json(), { host: "host-a", cordoned: true });
  const refused = await post("/v1/vms", { ...VM, name: "late" });
  assert.equal(refused.statusCode, 409);
  assert.equal(refused.json<{ code: string }>().code, "host-cordoned");
  assert.equal(((await get("/v1/hosts/host-a")) as HostAnswer).cordoned, true);
  assert.deepEqual((await post("/v1/hosts/host-a/uncordon")).json(), { host: "host-a", cordoned: false });
  assert.equal((await post("/v1/vms", { ...VM, name: "late" })).statusCode, 201);
  await served.app.inject({ method: "DELETE", url: "/v1/vms/late" });
});

test("drain is not offered by an agent", async () => {
  assert.equal((await post("/v1/hosts/host-a/drain")).statusCode, 404);
});

test("an explanation says what would happen, and changes nothing", async () => {
  const before = served.agent.host();
  const fits = explanationAnswer.parse(
    (await post("/v1/placements:explain", { vcpus: 4, memoryMiB: 1024, ratio: 2 })).json(),
  );
  assert.equal(fits.chosen, "host-a");
  assert.equal(fits.hosts[0]?.fits, true);
  assert.ok(fits.hosts[0]?.pools?.some((pool) => pool.allocatedVcpus === 6));
  const not = explanationAnswer.parse(
    (await post("/v1/placements:explain", { vcpus: 4, memoryMiB: 900_000, ratio: 2 })).json(),
  );
  assert.equal(not.chosen, null);
  assert.match(not.hosts[0]?.code ?? "", /memory|larger/);
  assert.deepEqual(served.agent.host(), before);
});

test("a name that is taken is told before deploying", async () => {
  const answer = await post("/v1/placements:explain", { name: VM.name, vcpus: 1, memoryMiB: 1, ratio: 1 });
  assert.equal(explanationAnswer.parse(answer.json()).hosts[0]?.code, "name-taken");
});
