import assert from "node:assert/strict";
import { test } from "node:test";
import { serve, VM } from "./support.js";

const deploy = (name: string) => ({ method: "POST", url: "/v1/vms", payload: { ...VM, name } }) as const;

/** Holds every change until released. */
function hold(served: ReturnType<typeof serve>): { release: () => void; waiting: () => number } {
  let waiting = 0;
  let release: () => void = () => undefined;
  const gate = new Promise<void>((resolve) => {
    release = resolve;
  });
  served.agent.behaviour.beforeChange = () => {
    waiting++;
    return gate;
  };
  return { release: () => release(), waiting: () => waiting };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

test("requests above the limit get 503 with Retry-After, and are served again when there is room", async () => {
  const served = serve({ limits: { inFlight: 2 } });
  const held = hold(served);
  const first = served.app.inject(deploy("a"));
  const second = served.app.inject(deploy("b"));
  while (held.waiting() < 2) await turn();
  const third = await served.app.inject("/v1/vms");
  assert.equal(third.statusCode, 503);
  assert.equal(third.headers["retry-after"], "1");
  assert.equal(third.json<{ code: string }>().code, "overloaded");
  held.release();
  assert.deepEqual([(await first).statusCode, (await second).statusCode], [201, 201]);
  assert.equal((await served.app.inject("/v1/vms")).statusCode, 200);
  await served.app.close();
});

test("changes have a limit of their own, so that reading goes on while they queue", async () => {
  const served = serve({ limits: { changes: 1 } });
  const held = hold(served);
  const first = served.app.inject(deploy("a"));
  while (held.waiting() < 1) await turn();
  assert.equal((await served.app.inject(deploy("b"))).statusCode, 503);
  assert.equal((await served.app.inject({ method: "DELETE", url: "/v1/vms/a" })).statusCode, 503);
  assert.equal((await served.app.inject("/v1/vms")).statusCode, 200);
  held.release();
  assert.equal((await first).statusCode, 201);
  await served.app.close();
});

test("a change that takes too long is answered 503, goes on, and the same key gets its answer", async () => {
  const served = serve({ limits: { changeMs: 30, requestMs: 30 } });
  const held = hold(served);
  const request = { ...deploy("slow"), headers: { "idempotency-key": "k1" } };
  const late = await served.app.inject(request);
  assert.equal(late.statusCode, 503);
  assert.equal(late.json<{ code: string }>().code, "deadline-exceeded");
  held.release();
  const again = await served.app.inject(request);
  assert.equal(again.statusCode, 201);
  assert.equal(served.agent.deploys, 1);
  await served.app.close();
});

test("a server that stops takes nothing new", async () => {
  const served = serve();
  await served.app.ready();
  const closing = served.app.close();
  await turn();
  const answer = await served.app.inject("/v1/vms").catch((error: Error) => error);
  if (!(answer instanceof Error)) assert.equal(answer.statusCode, 503);
  await closing;
});
