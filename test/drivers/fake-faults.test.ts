/** Everything that can go wrong between an agent and its hypervisor happens on the fake exactly when a test asks for it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { cpuSetOf } from "../../src/core/cpuset.js";
import { OperationalError } from "../../src/ports/errors.js";
import type { HypervisorEvent } from "../../src/ports/hypervisor.js";
import { smallHost, spec } from "./fake-hosts.js";

const coded = (code: string, retryable: boolean) => (error: unknown) =>
  error instanceof OperationalError && error.code === code && error.retryable === retryable;

/** True when `promise` is still open after everything that can run has run. */
async function staysOpen(promise: Promise<unknown>): Promise<boolean> {
  const open = Symbol();
  const turn = new Promise((resolve) => setImmediate(() => resolve(open)));
  return (await Promise.race([promise, turn])) === open;
}

test("a planned failure hits the next call of its kind, as often as planned, and does nothing", async () => {
  const { hypervisor } = await smallHost();
  await hypervisor.define(spec("a", [0]));
  hypervisor.faults.failNext("start", undefined, 2);
  assert.equal((await hypervisor.detail("a"))?.state, "stopped");
  await assert.rejects(hypervisor.start("a"), coded("hypervisor-failed", true));
  await assert.rejects(hypervisor.start("a"), coded("hypervisor-failed", true));
  assert.equal((await hypervisor.detail("a"))?.state, "stopped");
  await hypervisor.start("a");
  assert.equal((await hypervisor.detail("a"))?.state, "running");
});

test("a planned failure carries the error it was given, and may wait for whichever call is next", async () => {
  const { hypervisor } = await smallHost();
  const error = new OperationalError("unsupported-by-hypervisor", "no", false);
  hypervisor.faults.failNext("any", error);
  await assert.rejects(hypervisor.stats(), error);
  assert.deepEqual(await hypervisor.stats(), []);
});

test("a lost answer is a timeout although the deed is done", async () => {
  const { hypervisor } = await smallHost();
  hypervisor.faults.loseAnswer("define");
  await assert.rejects(hypervisor.define(spec("a", [0])), coded("hypervisor-timeout", true));
  assert.equal((await hypervisor.detail("a"))?.name, "a");
});

test("a slow call takes its time on the world's clock, and only then happens", async () => {
  const { hypervisor, clock } = await smallHost();
  hypervisor.faults.delay("define", 500);
  const defining = hypervisor.define(spec("a", [0]));
  await clock.advance(499);
  assert.equal(hypervisor.world.has("a"), false);
  await clock.advance(1);
  await defining;
  assert.equal(hypervisor.world.has("a"), true);
  hypervisor.faults.clear();
  await hypervisor.undefine("a");
});

test("while the daemon is away every call says so, guests run on, and events are missed", async () => {
  const { hypervisor, clock } = await smallHost();
  const events: string[] = [];
  hypervisor.subscribe((event: HypervisorEvent) => events.push(event.kind));
  hypervisor.world.createForeign({ name: "a", vcpus: 1, memoryMiB: 64 });
  await clock.advance(1000);
  events.length = 0;
  hypervisor.disconnect("daemon restarted");
  assert.equal(hypervisor.isConnected(), false);
  await assert.rejects(hypervisor.stats(), coded("hypervisor-unreachable", true));
  await assert.rejects(hypervisor.connect(), coded("hypervisor-unreachable", true));
  hypervisor.world.createForeign({ name: "b", vcpus: 1, memoryMiB: 64 });
  await clock.advance(9000);
  hypervisor.reconnect();
  await clock.advance(0);
  assert.deepEqual(events, ["disconnected", "reconnected"]);
  const stats = await hypervisor.stats();
  assert.deepEqual(
    stats.map((domain) => [domain.name, domain.cpuTimeNs]),
    [
      ["a", 10_000_000_000n],
      ["b", 9_000_000_000n],
    ],
  );
});

test("a call that is under way when the daemon goes fails and does nothing", async () => {
  const { hypervisor, clock } = await smallHost();
  hypervisor.faults.delay("define", 500);
  const defining = assert.rejects(hypervisor.define(spec("a", [0])), coded("hypervisor-unreachable", true));
  hypervisor.disconnect();
  await clock.advance(500);
  await defining;
  assert.equal(hypervisor.world.has("a"), false);
});

for (const [when, done] of [
  ["before", false],
  ["after", true],
] as const) {
  test(`an agent that dies ${when} its second change never hears again; the world ${done ? "has" : "lacks"} the change`, async () => {
    const { hypervisor } = await smallHost();
    const heard: string[] = [];
    hypervisor.subscribe((event) => heard.push(event.kind));
    hypervisor.faults.dieAtChange(2, when);
    await hypervisor.define(spec("a", [0]));
    await hypervisor.detail("a");
    assert.equal(await staysOpen(hypervisor.start("a")), true);
    assert.equal(await staysOpen(hypervisor.stats()), true);
    assert.equal(await staysOpen(hypervisor.connect()), true);
    hypervisor.world.createForeign({ name: "later", vcpus: 1, memoryMiB: 64 });
    assert.equal(heard.includes("started"), false);
    const next = hypervisor.another();
    await next.connect();
    assert.equal((await next.detail("a"))?.state, done ? "running" : "stopped");
  });
}

test("every call is counted by its name, and those that change something can be told apart", async () => {
  const { hypervisor } = await smallHost();
  await hypervisor.define(spec("a", [0]));
  await hypervisor.start("a");
  await hypervisor.stats();
  await hypervisor.stats();
  await hypervisor.pinVcpu("a", 0, cpuSetOf([1]));
  assert.deepEqual([hypervisor.calls.count("stats"), hypervisor.calls.count("pinVcpu")], [2, 1]);
  assert.deepEqual(
    hypervisor.calls.changes().map((call) => `${call.procedure} ${call.domain}`),
    ["define a", "start a", "pinVcpu a"],
  );
  hypervisor.calls.clear();
  assert.deepEqual([hypervisor.calls.all(), hypervisor.calls.count("stats")], [[], 0]);
});

test("the log of a long run keeps its end and its counts", async () => {
  const { hypervisor } = await smallHost();
  for (let i = 0; i < 25_000; i++) hypervisor.calls.add({ procedure: "stats", domain: null });
  hypervisor.calls.add({ procedure: "host", domain: null });
  assert.equal(hypervisor.calls.count("stats"), 25_000);
  assert.ok(hypervisor.calls.all().length >= 10_000 && hypervisor.calls.all().length <= 20_000);
  assert.equal(hypervisor.calls.all().at(-1)?.procedure, "host");
});
