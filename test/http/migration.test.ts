/** A VM moves between two agents over their HTTP interfaces, as a scheduler asks for it; and what is asked wrongly. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { InjectOptions, LightMyRequestResponse } from "fastify";
import type { Agent } from "../../src/agent/agent.js";
import type { VmView } from "../../src/agent/service.js";
import { FakeNetwork } from "../../src/drivers/fake/migration.js";
import { startAgent } from "./real-agent.js";
import { type Served, serveAgent } from "./support.js";

const VM = { name: "walker", vcpus: 2, memoryMiB: 64, ratio: 2 };
const network = new FakeNetwork();
let source: Served<Agent>;
let destination: Served<Agent>;
let vm: VmView;
before(async () => {
  source = serveAgent((await startAgent({ hostname: "host-a", network })).agent);
  destination = serveAgent((await startAgent({ hostname: "host-b", network })).agent);
  vm = (await source.app.inject({ method: "POST", url: "/v1/vms", payload: VM })).json<VmView>();
});
after(() => Promise.all([source.agent.stop(), destination.agent.stop()]));

const KEY = { "idempotency-key": "move-1", "headroom-epoch": "1" };
const post = (
  { app }: Served<Agent>,
  url: string,
  payload: NonNullable<InjectOptions["payload"]>,
  headers: Record<string, string> = KEY,
): Promise<LightMyRequestResponse> => app.inject({ method: "POST", url, payload, headers });

const receive = (change: object = {}, headers = KEY) =>
  post(destination, "/v1/migrations?status=1", { ...VM, uuid: vm.uuid, ...change }, headers);
const send = (change: object = {}, url = `/v1/vms/walker/migrate?status=1&uuid=${vm.uuid}`) =>
  post(source, url, { address: "fake://host-b", pins: ["0", "1"], ...change });

test("bad input names the field and changes nothing", async () => {
  const noKey = { "headroom-epoch": "1" } as typeof KEY;
  const cases: readonly (readonly [Promise<LightMyRequestResponse>, number, string])[] = [
    [receive({}, noKey), 400, "idempotency-key"],
    [receive({ uuid: "none" }), 422, "uuid"],
    [receive({ vcpus: 0 }), 422, "vcpus"],
    [receive({ memoryMiB: -1 }), 422, "memoryMiB"],
    [receive({ ratio: 0.5 }), 422, "ratio"],
    [receive({ force: true }), 422, "force"],
    [send({ pins: [] }), 422, "pins"],
    [send({ pins: ["0", "5-1"] }), 422, "pins"],
    [send({ pins: ["0", ""] }), 422, "pins"],
    [send({ address: "two words" }), 422, "address"],
    [send({}, "/v1/vms/walker/migrate"), 400, "uuid"],
  ];
  for (const [asked, status, field] of cases) {
    const answer = await asked;
    assert.equal(answer.statusCode, status, `${field}: ${answer.body}`);
    const { errors } = answer.json<{ errors: { field: string }[] }>();
    assert.ok(
      errors.some((error) => error.field.startsWith(field)),
      `${field}: ${answer.body}`,
    );
  }
  assert.equal(source.agent.vm("walker")?.state, "running");
  assert.equal(destination.agent.status().memory.allocatedMiB, 0);
});

test("room is held, the guest goes, and both answer under the same key how it stands", async () => {
  const room = await receive();
  assert.equal(room.statusCode, 200, room.body);
  const { state, pins, hostStatus } = room.json<VmView & { hostStatus: { migrationAddress: string } }>();
  assert.deepEqual([state, hostStatus.migrationAddress], ["migrating", "fake://host-b"]);
  assert.equal((await destination.app.inject("/v1/vms/walker")).statusCode, 404, "it is not there yet");
  assert.equal((await send({ pins })).json<VmView>().state, "migrating");
  const removal = await source.app.inject({ method: "DELETE", url: "/v1/vms/walker" });
  assert.deepEqual([removal.statusCode, removal.json<{ code: string }>().code], [503, "busy"]);
  for (const until = performance.now() + 20_000; (await send({ pins })).json<VmView>().state === "migrating"; )
    assert.ok(performance.now() < until, "it takes too long");
  assert.equal((await source.app.inject("/v1/vms/walker")).statusCode, 404);
  const arrived = (await receive()).json<VmView>();
  assert.deepEqual([arrived.state, arrived.uuid, arrived.pins], ["running", vm.uuid, pins]);
  const revoked = await post(destination, "/v1/requests/move-1/revoke", { name: "walker" }, { "headroom-epoch": "1" });
  assert.equal(revoked.json<{ outcome: string }>().outcome, "done");
  assert.deepEqual([source.log.errors, destination.log.errors], [[], []]);
});
