/** The driver's connection: a lost daemon is found again, with pauses that grow, and everybody is told. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { milliseconds } from "../../src/core/units.js";
import { virtualClock } from "../../src/drivers/fake/virtual-clock.js";
import { DEFAULT_TIMES, libvirtHypervisor } from "../../src/drivers/libvirt/driver.js";
import { pauseBefore } from "../../src/drivers/libvirt/link.js";
import { XdrWriter } from "../../src/drivers/libvirt/xdr.js";
import { OperationalError } from "../../src/ports/errors.js";
import type { HypervisorEvent } from "../../src/ports/hypervisor.js";
import { quietLog } from "../support/quiet-log.js";
import { FakeDaemon } from "./fake-daemon.js";

function driver(daemon = new FakeDaemon()) {
  const clock = virtualClock();
  const events: HypervisorEvent[] = [];
  const hypervisor = libvirtHypervisor({
    uri: "qemu:///system",
    log: quietLog(),
    clock,
    open: daemon.open,
    random: () => 0.5,
  });
  hypervisor.subscribe((event) => events.push(event));
  return { daemon, clock, events, hypervisor };
}

const refused = () => Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" });
const tick = () => new Promise((resolve) => setImmediate(resolve));

test("pauses double from the first to the longest, at least half of each is kept", () => {
  const pauses = (random: number) => [0, 1, 2, 3, 6, 7, 8, 100].map((n) => pauseBefore(n, DEFAULT_TIMES, () => random));
  assert.deepEqual(pauses(0), [125, 250, 500, 1000, 8000, 15_000, 15_000, 15_000]);
  assert.deepEqual(pauses(1), [250, 500, 1000, 2000, 16_000, 30_000, 30_000, 30_000]);
});

test("a daemon that restarts is found again; its loss and return are told in order", async () => {
  const { daemon, clock, events, hypervisor } = driver();
  await hypervisor.connect();
  daemon.refusal = refused();
  daemon.hangUp();
  await clock.advance(3000);
  assert.equal(hypervisor.isConnected(), false);
  await assert.rejects(hypervisor.stats(), (error: OperationalError) => {
    assert.equal(error.code, "hypervisor-unreachable");
    assert.equal(error.retryable, true);
    return /not connected: .*nobody listens on/.test(error.message);
  });
  daemon.refusal = null;
  await clock.advance(30_000);
  assert.equal(hypervisor.isConnected(), true);
  assert.deepEqual(
    events.map((event) => event.kind),
    ["disconnected", "reconnected"],
  );
  assert.deepEqual(await hypervisor.stats(), []);
  assert.ok(daemon.calls.filter((call) => call === "domainEventCallbackRegisterAny").length === 4, "events again");
  await hypervisor.close();
});

test("while the daemon stays away, attempts become rare", async () => {
  const { daemon, clock, hypervisor } = driver();
  await hypervisor.connect();
  daemon.refusal = refused();
  daemon.hangUp();
  await clock.advance(10 * 60_000);
  assert.ok(daemon.attempts > 20 && daemon.attempts < 40, `${daemon.attempts} attempts in ten minutes`);
  await hypervisor.close();
  const atClose = daemon.attempts;
  await clock.advance(10 * 60_000);
  assert.equal(daemon.attempts, atClose, "a closed driver does not try again");
  assert.equal(clock.sleepers(), 0);
});

test("a frozen daemon is given up and found again when it thaws", async () => {
  const { daemon, clock, events, hypervisor } = driver();
  await hypervisor.connect();
  daemon.frozen = true;
  await clock.advance(60_000);
  assert.equal(hypervisor.isConnected(), false);
  daemon.frozen = false;
  await clock.advance(60_000);
  assert.equal(hypervisor.isConnected(), true);
  assert.deepEqual(
    events.map((event) => event.kind),
    ["disconnected", "reconnected"],
  );
  await hypervisor.close();
});

test("a first connection that fails says why and does not go on in secret", async () => {
  const { daemon, clock, hypervisor } = driver();
  daemon.refusal = refused();
  await assert.rejects(hypervisor.connect(), { code: "hypervisor-unreachable" });
  assert.equal(clock.sleepers(), 0);
  daemon.refusal = null;
  await hypervisor.connect();
  assert.equal(hypervisor.isConnected(), true);
  await hypervisor.close();
});

test("a daemon that accepts and never answers is given up at the deadline", async () => {
  const { daemon, clock, hypervisor } = driver();
  daemon.frozen = true;
  const outcome = hypervisor.connect().catch((error: OperationalError) => error);
  await clock.advance(DEFAULT_TIMES.deadline);
  const error = await outcome;
  assert.ok(error instanceof OperationalError);
  assert.equal(error.code, "hypervisor-unreachable");
  assert.match(error.message, /did not answer authList within 15 s/);
});

test("what asks for a password is refused with the other ways in", async () => {
  const { daemon, hypervisor } = driver();
  daemon.on("authList", () => new XdrWriter().uint(1).int(1));
  await assert.rejects(hypervisor.connect(), /SASL log-in.*qemu\+ssh/);
});

test("a refusal by polkit says which group to join", async () => {
  const { daemon, hypervisor } = driver();
  daemon.on("authList", () => new XdrWriter().uint(1).int(2));
  daemon.on("authPolkit", () => ({ code: 45, message: "authentication unavailable: no polkit agent" }));
  await assert.rejects(hypervisor.connect(), /does not let .* in \(.*polkit agent\): sudo usermod -aG libvirt/);
});

test("closing twice, before and after connecting, is no error, and ends what was under way", async () => {
  const { daemon, hypervisor } = driver();
  await hypervisor.close();
  await hypervisor.connect();
  daemon.on("connectGetAllDomainStats", () => null);
  const call = hypervisor.stats().catch((error: OperationalError) => error.code);
  await tick();
  await Promise.all([hypervisor.close(), hypervisor.close()]);
  assert.equal(await call, "hypervisor-unreachable");
  assert.equal(hypervisor.isConnected(), false);
});

test("lifecycle messages become events; unknown ones and damaged ones do no harm", async () => {
  const { daemon, clock, events, hypervisor } = driver();
  await hypervisor.connect();
  const message = (event: number, detail: number) =>
    new XdrWriter().int(0).string("a&b").fixedBytes(Buffer.alloc(16, 7)).int(1).int(event).int(detail);
  for (const [event, detail] of [
    [2, 0],
    [5, 2],
    [6, 0],
    [99, 0],
    [5, 1],
  ] as const) {
    daemon.message("domainEventCallbackLifecycle", message(event, detail));
  }
  await tick();
  daemon.message(
    "domainEventCallbackReboot",
    new XdrWriter().int(0).string("a&b").fixedBytes(Buffer.alloc(16, 7)).int(1),
  );
  await tick();
  assert.deepEqual(
    events.map((event) => [event.kind, "name" in event ? event.name : null]),
    [
      ["started", "a&b"],
      ["crashed", "a&b"],
      ["stopped", "a&b"],
      ["rebooted", "a&b"],
    ],
  );
  daemon.message("domainEventCallbackLifecycle", new XdrWriter().int(0));
  await clock.advance(milliseconds(5000));
  assert.equal(hypervisor.isConnected(), true, "it hung up on nonsense, and came back");
  assert.equal(daemon.accepted, 2);
  await hypervisor.close();
});
