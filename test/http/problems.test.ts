import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { REFUSAL_CODES } from "../../src/core/result.js";
import { ERROR_TABLE, type ErrorCode } from "../../src/http/error-table.js";
import { REQUEST_CODES } from "../../src/http/request-errors.js";
import { problemAnswer } from "../../src/http/schemas/answers.js";
import { FAILURE_CODES, OperationalError } from "../../src/ports/errors.js";
import { CLUSTER_REFUSAL_CODES } from "../../src/scheduler/service.js";
import { serve, VM } from "./support.js";

/** A scheduler refuses unknown hosts as an agent does. */
const CLUSTER_CODES = CLUSTER_REFUSAL_CODES.filter((code) => code !== "unknown-host");
const ALL: readonly ErrorCode[] = [...REFUSAL_CODES, ...CLUSTER_CODES, ...FAILURE_CODES, ...REQUEST_CODES];

test("every code of refusals, failures and requests is in the table, once, and nothing else is", () => {
  assert.deepEqual(Object.keys(ERROR_TABLE).sort(), [...ALL].sort());
  assert.equal(new Set(ALL).size, ALL.length);
});

test("every code is documented with its status", () => {
  const page = readFileSync(new URL("../../docs/errors.md", import.meta.url), "utf8");
  for (const code of ALL) assert.ok(page.includes(`| \`${code}\` | ${ERROR_TABLE[code].status} |`), code);
});

test("refusals and wrong requests are never 5xx, but where a retry helps", () => {
  for (const code of [...REFUSAL_CODES, ...CLUSTER_CODES, ...REQUEST_CODES]) {
    const { status, retryAfterSeconds } = ERROR_TABLE[code];
    assert.ok(status < 500 || status === 503 || code === "internal", code);
    assert.equal(status === 503, retryAfterSeconds !== undefined, `${code}: 503 and Retry-After go together`);
  }
});

test("the server explains each code that it answers", async () => {
  const { app } = serve();
  for (const code of ALL) {
    const answer = await app.inject(`/problems/${code}`);
    assert.equal(answer.statusCode, 200, code);
    assert.equal(answer.json<{ title: string }>().title, ERROR_TABLE[code].title);
  }
  assert.equal((await app.inject("/problems/no-such-code")).statusCode, 404);
  await app.close();
});

test("an operational failure leaves as its code, with Retry-After where a retry helps", async () => {
  const { app, agent, log } = serve();
  for (const code of FAILURE_CODES) {
    agent.behaviour.beforeChange = async () => {
      throw new OperationalError(code, "the world did not do it", false);
    };
    const answer = await app.inject({ method: "POST", url: "/v1/vms", payload: VM });
    const problem = problemAnswer.parse(answer.json());
    assert.equal(answer.statusCode, ERROR_TABLE[code].status);
    assert.deepEqual(
      [problem.code, problem.detail, problem.type],
      [code, "the world did not do it", `/problems/${code}`],
    );
    assert.equal(answer.headers["retry-after"], ERROR_TABLE[code].retryAfterSeconds?.toString());
  }
  assert.deepEqual(log.errors, []);
  await app.close();
});

test("a bug is 500, is logged whole, and tells the caller nothing of the inside", async () => {
  const { app, agent, log } = serve();
  agent.behaviour.beforeChange = async () => {
    throw new TypeError("secret of the inside");
  };
  for (const request of [{ method: "POST", url: "/v1/vms", payload: VM }, { url: "/remove?name=a" }] as const) {
    const answer = await app.inject(request);
    assert.equal(answer.statusCode, 500);
    assert.equal(answer.json<{ code: string }>().code, "internal");
    assert.doesNotMatch(answer.body, /secret/);
  }
  assert.equal(log.errors.length, 2);
  await app.close();
});

test("not ready is 503 with Retry-After, and health is not readiness", async () => {
  const { app, agent } = serve();
  agent.behaviour.ready = false;
  const ready = await app.inject("/readyz");
  assert.deepEqual([ready.statusCode, ready.headers["retry-after"]], [503, "2"]);
  assert.equal((await app.inject("/healthz")).statusCode, 200);
  await app.close();
});
