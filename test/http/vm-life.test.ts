import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { VmAnswer, VmPage } from "../../src/http/schemas/answers.js";
import { vmAnswer, vmPage } from "../../src/http/schemas/answers.js";
import { type RealAgent, startAgent } from "./real-agent.js";
import { IMAGE, type Served, serveAgent, VM } from "./support.js";

let served: Served<RealAgent["agent"]>;
before(async () => {
  served = serveAgent((await startAgent()).agent);
});
after(() => served.app.close());

const ask = async (method: "GET" | "POST" | "DELETE", url: string, payload?: object) => {
  const response = await served.app.inject({ method, url, ...(payload === undefined ? {} : { payload }) });
  return { status: response.statusCode, type: response.headers["content-type"], body: response.json() as unknown };
};

test("a VM is deployed, shown, listed, resized and removed", async () => {
  const created = await ask("POST", "/v1/vms", VM);
  assert.equal(created.status, 201);
  const vm = vmAnswer.strict().parse(created.body);
  assert.deepEqual([vm.name, vm.vcpus, vm.memoryMiB, vm.ratio, vm.state], ["web-1", 2, 2048, 2, "running"]);
  assert.equal(vm.pins.length, 2);
  assert.equal(vm.image, IMAGE);
  assert.deepEqual((await ask("GET", "/v1/vms/web-1")).body, created.body);
  const { items } = vmPage.parse((await ask("GET", "/v1/vms")).body);
  assert.deepEqual(items, [created.body]);
  const resized = await ask("POST", "/v1/vms/web-1/resize", { vcpus: 4 });
  assert.equal(resized.status, 200, JSON.stringify(resized.body));
  assert.equal((resized.body as VmAnswer).vcpus, 4);
  const removed = await ask("DELETE", "/v1/vms/web-1");
  assert.equal((removed.body as VmAnswer).name, "web-1");
  assert.equal((await ask("GET", "/v1/vms/web-1")).status, 404);
  assert.equal((await ask("DELETE", "/v1/vms/web-1")).status, 404);
});

test("a taken name is 409 with the host's reason, and changes nothing", async () => {
  await ask("POST", "/v1/vms", VM);
  const before = served.agent.host();
  const again = await ask("POST", "/v1/vms", { ...VM, vcpus: 1 });
  const problem = again.body as { code: string; hosts: { host: string; code: string }[] };
  assert.equal(again.status, 409);
  assert.equal(again.type, "application/problem+json");
  assert.equal(problem.code, "name-taken");
  assert.deepEqual(problem.hosts[0]?.host, "host-a");
  assert.deepEqual(served.agent.host(), before);
  await ask("DELETE", "/v1/vms/web-1");
});

test("no capacity is 409, a missing image 422", async () => {
  const much = await ask("POST", "/v1/vms", { ...VM, memoryMiB: 1_000_000 });
  assert.equal(much.status, 409);
  assert.match((much.body as { code: string }).code, /no-memory-capacity|vm-larger-than-host/);
  const image = await ask("POST", "/v1/vms", { ...VM, image: "/var/lib/images/missing.qcow2" });
  assert.equal(image.status, 422);
  assert.equal((image.body as { code: string }).code, "image-not-found");
});

test("lists come in pages by name, and can be narrowed to a pool and a host", async () => {
  for (const [index, ratio] of [1, 2, 2, 3, 2].entries())
    await ask("POST", "/v1/vms", { name: `vm-${index}`, vcpus: 1, memoryMiB: 512, ratio });
  const names = async (query: string) => {
    const page = (await ask("GET", `/v1/vms${query}`)).body as VmPage;
    return { names: page.items.map((vm) => vm.name), next: page.next };
  };
  const first = await names("?limit=2");
  assert.deepEqual(first.names, ["vm-0", "vm-1"]);
  const second = await names(`?limit=2&cursor=${first.next}`);
  assert.deepEqual(second.names, ["vm-2", "vm-3"]);
  const third = await names(`?limit=2&cursor=${second.next}`);
  assert.deepEqual(third, { names: ["vm-4"], next: null });
  assert.deepEqual(await names("?pool=2.0"), { names: ["vm-1", "vm-2", "vm-4"], next: null });
  assert.deepEqual(await names("?host=elsewhere"), { names: [], next: null });
  assert.equal((await names("?host=host-a")).names.length, 5);
  for (let index = 0; index < 5; index++) await ask("DELETE", `/v1/vms/vm-${index}`);
});
