/** One connection: answers find their calls, silence has an end, and nothing that a server sends does harm. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { milliseconds } from "../../src/core/units.js";
import { virtualClock } from "../../src/drivers/fake/virtual-clock.js";
import { Connection, type ConnectionOptions } from "../../src/drivers/libvirt/connection.js";
import { encodeFrame } from "../../src/drivers/libvirt/frame.js";
import { KEEPALIVE, REMOTE_PROGRAM } from "../../src/drivers/libvirt/procedures.js";
import { ServerError } from "../../src/drivers/libvirt/server-error.js";
import { parseLibvirtUri } from "../../src/drivers/libvirt/uri.js";
import { ProtocolError, XdrWriter } from "../../src/drivers/libvirt/xdr.js";
import { OperationalError } from "../../src/ports/errors.js";
import fc from "../support/property.js";
import { FakeDaemon, text } from "./fake-daemon.js";

const uri = parseLibvirtUri("qemu:///system", { runtimeFolder: "/run" });
const tick = () => new Promise((resolve) => setImmediate(resolve));

async function connected(change: Partial<ConnectionOptions> = {}) {
  const daemon = new FakeDaemon();
  const clock = virtualClock();
  const ends: (Error | null)[] = [];
  const stream = await daemon.open(uri, new AbortController().signal);
  const connection = new Connection(stream, {
    clock,
    deadline: milliseconds(1000),
    keepAlive: { interval: milliseconds(5000), count: 3 },
    onMessage: () => undefined,
    onEnd: (reason) => ends.push(reason),
    ...change,
  });
  return { daemon, clock, connection, ends };
}

const hostname = (connection: Connection) => connection.call("connectGetHostname", null, (r) => r.string(100));

test("answers in any order find their calls", async () => {
  const { daemon, connection } = await connected();
  const release: (() => void)[] = [];
  daemon.on("domainLookupByName", async (reader) => {
    const name = reader.string(100);
    await new Promise<void>((resolve) => release.push(resolve));
    return text(name);
  });
  const ask = (name: string) =>
    connection.call("domainLookupByName", new XdrWriter().string(name), (reader) => reader.string(100));
  const answers = Promise.all(["a", "b", "c"].map(ask));
  await tick();
  assert.equal(release.length, 3, "all calls are under way at once");
  for (const go of release.reverse()) go();
  assert.deepEqual(await answers, ["a", "b", "c"]);
});

test("no more calls are under way than the daemon reads from one client, and none is forgotten", async () => {
  const { daemon, connection } = await connected();
  let underWay = 0;
  let most = 0;
  daemon.on("connectGetHostname", async () => {
    most = Math.max(most, ++underWay);
    await tick();
    underWay--;
    return text("h");
  });
  const answers = await Promise.all(Array.from({ length: 50 }, () => hostname(connection)));
  assert.equal(answers.length, 50);
  assert.equal(most, 4);
});

test("the daemon's error is the call's failure, in one line, and the connection goes on", async () => {
  const { daemon, connection } = await connected();
  daemon.on("connectGetType", () => ({ code: 42, message: "Domain\nnot\u001b[31m found" }));
  const failure = await connection.call("connectGetType", null, (r) => r.string(9)).catch((error: unknown) => error);
  assert.ok(failure instanceof ServerError);
  assert.deepEqual([failure.code, failure.message], [42, "Domain not [31m found"]);
  assert.equal(await hostname(connection), "fake");
});

test("a call that is not answered fails at its deadline; a late answer is ignored", async () => {
  const { daemon, clock, connection } = await connected();
  let answerLate: () => void = () => undefined;
  daemon.on("connectGetType", async () => {
    await new Promise<void>((resolve) => {
      answerLate = resolve;
    });
    return text("QEMU");
  });
  const call = connection.call("connectGetType", null, (r) => r.string(9), milliseconds(2000));
  const outcome = call.then(
    () => "answered",
    (error: OperationalError) => error.code,
  );
  await clock.advance(1999);
  assert.equal(await Promise.race([outcome, tick().then(() => "waiting")]), "waiting");
  await clock.advance(1);
  assert.equal(await outcome, "hypervisor-timeout");
  answerLate();
  await tick();
  assert.equal(await hostname(connection), "fake");
  assert.equal(clock.sleepers(), 0, "a connection at rest keeps no timer");
});

test("calls that hang do not keep others from being sent once their deadline has passed", async () => {
  const { daemon, clock, connection } = await connected();
  daemon.on("connectGetType", () => null);
  const hanging = Array.from({ length: 4 }, () =>
    connection.call("connectGetType", null, () => null).catch((error: OperationalError) => error.code),
  );
  const waiting = connection.call("connectGetHostname", null, (r) => r.string(9), milliseconds(5000));
  await clock.advance(1000);
  assert.deepEqual(await Promise.all(hanging), Array(4).fill("hypervisor-timeout"));
  assert.equal(await waiting, "fake");
});

test("when the daemon hangs up, every call under way fails and says during what", async () => {
  const { daemon, connection, ends } = await connected();
  daemon.on("connectGetType", () => null);
  const calls = Array.from({ length: 6 }, () =>
    connection.call("connectGetType", null, () => null).catch((error: OperationalError) => error),
  );
  await tick();
  daemon.hangUp();
  for (const error of await Promise.all(calls)) {
    assert.ok(error instanceof OperationalError);
    assert.equal(error.code, "hypervisor-unreachable");
    assert.match(error.message, /lost during connectGetType: the daemon closed the connection/);
  }
  assert.equal(ends.length, 1);
  await assert.rejects(hostname(connection), { code: "hypervisor-unreachable" });
});

test("pings of the daemon are answered", async () => {
  const { daemon } = await connected();
  daemon.keepAlive(KEEPALIVE.ping);
  daemon.keepAlive(KEEPALIVE.ping);
  await tick();
  assert.equal(daemon.pongs, 2);
});

test("a daemon that answers pings is left alone for ever", async () => {
  const { daemon, clock, connection, ends } = await connected();
  connection.startKeepAlive();
  await clock.advance(120_000);
  assert.ok(daemon.pings >= 20);
  assert.deepEqual(ends, []);
  connection.close();
  await tick();
  assert.deepEqual(ends, [null]);
  assert.equal(clock.sleepers(), 0);
});

test("a daemon that has frozen is noticed after the pings that were granted, and its calls fail", async () => {
  const { daemon, clock, connection, ends } = await connected({ deadline: milliseconds(600_000) });
  connection.startKeepAlive();
  await clock.advance(7000);
  daemon.frozen = true;
  const call = hostname(connection).catch((error: OperationalError) => error);
  await clock.advance(30_000);
  const error = await call;
  assert.ok(error instanceof OperationalError);
  assert.match(error.message, /has not said a word for \d+ s: it hangs or the way is cut/);
  assert.equal(ends.length, 1);
  const pingsBeforeTheEnd = daemon.pings;
  await clock.advance(60_000);
  assert.equal(daemon.pings, pingsBeforeTheEnd);
});

const header = { program: REMOTE_PROGRAM, version: 1, procedure: 59, type: 1, serial: 1, status: 0 };
const NONSENSE: readonly (readonly [string, Buffer])[] = [
  ["an HTTP answer", Buffer.from("HTTP/1.1 400 Bad Request\r\n\r\n")],
  ["a frame of 4 GiB", Buffer.from("ffffffff", "hex")],
  ["a frame shorter than its header", Buffer.from("00000008deadbeef", "hex")],
  ["another program", encodeFrame({ ...header, program: 0x1234 }, null)],
  ["another version", encodeFrame({ ...header, version: 9 }, null)],
  ["a call, though we are the client", encodeFrame({ ...header, type: 0 }, null)],
  ["the answer to another procedure", encodeFrame({ ...header, procedure: 12 }, null)],
];
for (const [what, bytes] of NONSENSE) {
  test(`${what} ends the connection with a ProtocolError, once`, async () => {
    const { daemon, connection, ends } = await connected();
    daemon.on("connectGetHostname", () => null);
    const call = hostname(connection).catch((error: OperationalError) => error.code);
    await tick();
    daemon.raw(bytes);
    daemon.raw(bytes);
    assert.equal(await call, "hypervisor-unreachable");
    assert.equal(ends.length, 1);
    assert.ok(ends[0] instanceof ProtocolError);
  });
}

test("an answer that makes no sense is one call's failure; framing holds, so the others go on", async () => {
  const { daemon, connection, ends } = await connected();
  daemon.on("connectGetHostname", () => new XdrWriter().uint(0xffff_ffff));
  await assert.rejects(hostname(connection), ProtocolError);
  daemon.on("connectGetHostname", () => text("fine"));
  assert.equal(await hostname(connection), "fine");
  assert.deepEqual(ends, []);
});

test("an answer to a call that nobody made is ignored", async () => {
  const { daemon, connection } = await connected();
  daemon.raw(encodeFrame({ ...header, serial: 777 }, null));
  assert.equal(await hostname(connection), "fake");
});

test("random bytes never throw past the connection and never leave a call waiting", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.uint8Array({ minLength: 1, maxLength: 80 }), { maxLength: 8 }), async (chunks) => {
      const { daemon, connection, clock } = await connected();
      daemon.on("connectGetHostname", () => null);
      const call = hostname(connection).catch((error: Error) => error.name);
      await tick();
      for (const chunk of chunks) daemon.raw(Buffer.from(chunk));
      await clock.advance(1000);
      assert.ok(["OperationalError", "ProtocolError", "ServerError"].includes(await call));
      connection.close();
    }),
    { numRuns: 60 },
  );
});
