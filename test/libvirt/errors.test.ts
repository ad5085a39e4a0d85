/** Failures in Headroom's words: a stable code, one line, and what to do where something can be done. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { milliseconds } from "../../src/core/units.js";
import { libvirtHypervisor } from "../../src/drivers/libvirt/driver.js";
import { asOperational, oneLine, readServerError, ServerError } from "../../src/drivers/libvirt/server-error.js";
import { unreachable } from "../../src/drivers/libvirt/unreachable.js";
import { parseLibvirtUri } from "../../src/drivers/libvirt/uri.js";
import { ProtocolError, XdrReader } from "../../src/drivers/libvirt/xdr.js";
import { OperationalError } from "../../src/ports/errors.js";
import { quietLog } from "../support/quiet-log.js";

const folder = mkdtempSync(join(tmpdir(), "headroom-libvirt-"));
after(() => rmSync(folder, { recursive: true }));

/** What libvirtd 9.0 answers to a look-up of a domain that is not there. */
const RECORDED_NO_DOMAIN =
  "0000002a0000000c0000000100000010446f6d61696e206e6f7420666f756e6400000002000000000000000100000010446f6d61696e206e6f7420" +
  "666f756e640000000000000000ffffffffffffffff00000000";

test("a recorded refusal of a real daemon is read as domain-not-found", () => {
  const error = readServerError(new XdrReader(Buffer.from(RECORDED_NO_DOMAIN, "hex")));
  assert.deepEqual([error.code, error.message], [42, "Domain not found"]);
  const mapped = asOperational("start VM web-1", error);
  assert.ok(mapped instanceof OperationalError);
  assert.deepEqual(
    [mapped.code, mapped.message, mapped.retryable, mapped.cause],
    ["domain-not-found", "start VM web-1: libvirt says: Domain not found", false, error],
  );
});

const CODES: readonly (readonly [number, string, boolean])[] = [
  [3, "unsupported-by-hypervisor", false],
  [67, "unsupported-by-hypervisor", false],
  [84, "unsupported-by-hypervisor", false],
  [68, "hypervisor-timeout", true],
  [87, "hypervisor-failed", true],
  [1, "hypervisor-failed", false],
  [55, "hypervisor-failed", false],
  [424_242, "hypervisor-failed", false],
];
for (const [code, expected, retryable] of CODES) {
  test(`libvirt's error ${code} is ${expected}, ${retryable ? "worth" : "not worth"} a retry`, () => {
    const mapped = asOperational("x", new ServerError(code, "m"));
    assert.ok(mapped instanceof OperationalError);
    assert.deepEqual([mapped.code, mapped.retryable], [expected, retryable]);
  });
}

test("nonsense from the daemon is a failure of the hypervisor, and a bug of ours stays a bug", () => {
  const mapped = asOperational("read pins", new ProtocolError("the message ends 4 bytes too early"));
  assert.ok(mapped instanceof OperationalError);
  assert.equal(mapped.code, "hypervisor-failed");
  const bug = new TypeError("x is not a function");
  assert.equal(asOperational("read pins", bug), bug);
});

test("whatever a daemon says takes one line, of a bearable length, without control characters", () => {
  assert.equal(oneLine("  a\n\tb\u0007\u001b[2J c "), "a b [2J c");
  assert.ok(oneLine("x".repeat(10_000)).length < 700);
});

async function failureOf(uri: string, times = {}): Promise<OperationalError> {
  const hypervisor = libvirtHypervisor({ uri, log: quietLog(), times });
  const failure = await hypervisor.connect().catch((error: unknown) => error);
  await hypervisor.close();
  assert.ok(failure instanceof OperationalError, String(failure));
  assert.equal(failure.code, "hypervisor-unreachable");
  assert.ok(!failure.message.includes("\n"));
  return failure;
}

const at = (socket: string) => `qemu+unix:///system?socket=${join(folder, socket)}`;

/** A server that does not keep the test process alive; gives the path of its socket. */
async function listening(name: string, onConnection: (stream: Socket) => void = () => undefined): Promise<string> {
  const path = join(folder, name);
  const server = createServer(onConnection).listen(path).unref();
  await once(server, "listening");
  return path;
}

test("without a socket: what to install and to start", async () => {
  const { message } = await failureOf(at("nowhere"));
  assert.match(message, /there is no socket .*nowhere: install libvirt-daemon-system, then sudo systemctl enable/);
});

test("with a socket that nobody listens on: what to start", async () => {
  writeFileSync(join(folder, "stale"), "");
  assert.match(
    (await failureOf(at("stale"))).message,
    /nobody listens on .*stale: sudo systemctl enable --now libvirtd/,
  );
});

test("with a socket that this user may not open: which group to join", () => {
  const uri = parseLibvirtUri("qemu+unix:///system?socket=/run/x", { runtimeFolder: "/run" });
  for (const code of ["EACCES", "EPERM"]) {
    const { message } = unreachable(uri, Object.assign(new Error(`connect ${code}`), { code }));
    assert.match(message, /may not open \/run\/x: sudo usermod -aG libvirt \S+, then log in again/);
  }
});

test("with a daemon that accepts and says nothing: for how long it was waited", async () => {
  await listening("mute");
  const { message, retryable } = await failureOf(at("mute"), { deadline: milliseconds(50) });
  assert.match(message, /did not answer authList within 0.05 s/);
  assert.equal(retryable, true);
});

test("with something else behind the socket: that it does not speak the protocol", async () => {
  await listening("ssh", (stream) => void stream.end("SSH-2.0-OpenSSH_9.2\r\n"));
  assert.match((await failureOf(at("ssh"))).message, /what answers there does not speak libvirt's protocol/);
});

test("over TCP: a closed port and an unknown name are told apart", async () => {
  assert.match((await failureOf("qemu+tcp://127.0.0.1:1/system")).message, /nobody listens on 127.0.0.1:1/);
});

test("over TLS: a missing certificate is named as such", async () => {
  const { message } = await failureOf(`qemu+tls://127.0.0.1:1/system?pkipath=${folder}`);
  assert.match(message, /a certificate file is missing/);
});

test("over ssh: the program's own last words are the reason", async () => {
  const program = join(folder, "fake-ssh");
  writeFileSync(program, "#!/bin/sh\necho 'ops@h: Permission denied (publickey).' >&2\nexit 255\n", { mode: 0o755 });
  const { message } = await failureOf(`qemu+ssh://ops@h/system?command=${program}`);
  assert.match(message, /fake-ssh to h ended \(code 255\): ops@h: Permission denied \(publickey\)\./);
  const absent = await failureOf(`qemu+ssh://h/system?command=${join(folder, "no-such-program")}`);
  assert.match(absent.message, /there is no program .*no-such-program: install an ssh client/);
});
