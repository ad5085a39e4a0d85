import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { parseOpenapi } from "../../src/http/openapi.js";
import { generatedFiles } from "./generated.js";
import { serve } from "./support.js";

test("the OpenAPI document and the generated pages are current (npm run openapi)", async () => {
  for (const [path, text] of await generatedFiles()) {
    const onDisk = readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");
    assert.ok(onDisk === text, `${path} is not current: npm run openapi`);
  }
});

test("every call of the specification is described, with its needs and its problems", async () => {
  const { app } = serve();
  const document = parseOpenapi((await app.inject("/openapi.json")).json());
  const calls = Object.entries(document.paths).flatMap(([path, operations]) =>
    Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`),
  );
  const wanted = [
    "POST /v1/vms",
    "GET /v1/vms",
    "GET /v1/vms/{name}",
    "DELETE /v1/vms/{name}",
    "POST /v1/vms/{name}/resize",
    "GET /v1/hosts",
    "GET /v1/hosts/{id}",
    "GET /v1/hosts/{id}/report",
    "POST /v1/requests/{requestId}/revoke",
    "POST /v1/hosts/{id}/cordon",
    "POST /v1/hosts/{id}/uncordon",
    "GET /v1/pools",
    "GET /v1/topology",
    "POST /v1/placements:explain",
    "GET /v1/events",
    "GET /healthz",
    "GET /readyz",
    "GET /metrics",
    "GET /openapi.json",
    "GET /",
    "GET /status",
    "GET /listvm",
    "GET /deploy",
    "GET /remove",
    "GET /progress",
  ];
  assert.deepEqual(
    wanted.filter((call) => !calls.includes(call)),
    [],
  );
  for (const operations of Object.values(document.paths)) {
    for (const [method, operation] of Object.entries(operations)) {
      assert.ok(operation.summary.length > 10, operation.operationId);
      assert.ok("default" in operation.responses, operation.operationId);
      const key = (operation.parameters ?? []).some((parameter) => parameter.name === "Idempotency-Key");
      assert.equal(key, method === "post" || operation.operationId === "removeVm", operation.operationId);
    }
  }
  await app.close();
});

test("every reference in the document leads somewhere", async () => {
  const { app } = serve();
  const text = (await app.inject("/openapi.json")).body;
  const schemas = parseOpenapi(JSON.parse(text)).components.schemas;
  for (const [, name] of text.matchAll(/"#\/components\/schemas\/(\w+)"/g))
    assert.ok(name !== undefined && name in schemas, name);
  await app.close();
});

test("operation ids are unique", async () => {
  const { app } = serve();
  const document = parseOpenapi((await app.inject("/openapi.json")).json());
  const ids = Object.values(document.paths).flatMap((operations) =>
    Object.values(operations).map((one) => one.operationId),
  );
  assert.equal(new Set(ids).size, ids.length);
  await app.close();
});
