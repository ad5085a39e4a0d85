import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import { type AgentClient, agentClient } from "../../src/http/client.js";
import { ProblemError } from "../../src/http/client-call.js";
import { type Listening, listen } from "../../src/http/server.js";
import { OperationalError } from "../../src/ports/errors.js";
import { startAgent } from "./real-agent.js";
import { serveAgent, VM } from "./support.js";

let listening: Listening;
let client: AgentClient;
before(async () => {
  listening = await listen(serveAgent((await startAgent()).agent).app, { host: "127.0.0.1", port: 0 });
  client = agentClient({ baseUrl: `${listening.url}/`, timeoutMs: 5000 });
});
after(() => listening.close());

test("the client makes every call of /v1", async () => {
  const made = await client.createVm(VM, "key-1");
  assert.equal((await client.createVm(VM, "key-1")).uuid, made.uuid);
  assert.deepEqual(
    (await client.vms()).map((vm) => vm.name),
    ["web-1"],
  );
  assert.deepEqual(await client.vms({ pool: 3 }), []);
  assert.equal((await client.vm("web-1")).uuid, made.uuid);
  assert.equal((await client.resizeVm("web-1", { vcpus: 3 }, "key-2")).vcpus, 3);
  assert.equal((await client.hosts())[0]?.id, "host-a");
  assert.equal((await client.host("host-a")).vmCount, 1);
  assert.equal((await client.cordon("host-a")).cordoned, true);
  assert.equal((await client.uncordon("host-a")).cordoned, false);
  assert.equal((await client.pools())[0]?.ratio, 2);
  assert.equal((await client.topology()).pcpus.length, 16);
  assert.equal((await client.explain({ vcpus: 1, memoryMiB: 512, ratio: 1 })).chosen, "host-a");
  assert.equal((await client.removeVm("web-1")).name, "web-1");
});

test("a problem is an error with its code, status and wrong fields", async () => {
  await assert.rejects(client.vm("nobody"), (error: unknown) => {
    assert.ok(error instanceof ProblemError);
    assert.deepEqual([error.code, error.problem.status], ["unknown-vm", 404]);
    return true;
  });
  await assert.rejects(client.createVm({ ...VM, vcpus: 99 }), (error: unknown) => {
    assert.ok(error instanceof ProblemError);
    assert.deepEqual(
      error.problem.errors?.map((one) => one.field),
      ["vcpus"],
    );
    return true;
  });
});

test("names are escaped: a name with a slash asks for no other path", async () => {
  await assert.rejects(client.vm("../hosts"), { code: "invalid-parameters" });
});

test("an agent that is not there, silent, or something else is an operational failure that says which", async () => {
  const other = createServer((request, response) => {
    if (request.url === "/silent/v1/vms") return;
    response.writeHead(request.url?.startsWith("/broken") ? 502 : 200).end("<html>");
  });
  await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
  const base = `http://127.0.0.1:${(other.address() as AddressInfo).port}`;
  const cases = [
    ["http://127.0.0.1:1", /nothing listens there/],
    [`${base}/silent`, /no answer within 100 ms/],
    [`${base}/page`, /not a Headroom agent/],
    [`${base}/broken`, /not a Headroom agent: status 502/],
  ] as const;
  for (const [baseUrl, message] of cases) {
    await assert.rejects(agentClient({ baseUrl, timeoutMs: 100 }).vms(), (error: unknown) => {
      assert.ok(error instanceof OperationalError, String(error));
      assert.equal(error.code, "agent-unreachable");
      assert.match(error.message, message);
      return true;
    });
  }
  other.closeAllConnections();
  other.close();
});

test("a URL that is none is refused before anything is sent", () => {
  for (const baseUrl of ["localhost:8099", "ftp://host", "http://host/?a=1", ""])
    assert.throws(() => agentClient({ baseUrl, timeoutMs: 1 }), { code: "bad-settings" });
});
