/** Connection URIs: each way to libvirt is understood as libvirt understands it, and what is not understood is named. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { parseLibvirtUri } from "../../src/drivers/libvirt/uri.js";
import { OperationalError } from "../../src/ports/errors.js";

const parse = (text: string) => parseLibvirtUri(text, { runtimeFolder: "/run/user/1000" });
const way = (text: string) => parse(text).way;

test("a local URI means the modular daemon's socket, else that of the one libvirtd", () => {
  assert.deepEqual(way("qemu:///system"), {
    kind: "unix",
    sockets: ["/run/libvirt/virtqemud-sock", "/run/libvirt/libvirt-sock"],
  });
  assert.deepEqual(way("qemu:///session"), {
    kind: "unix",
    sockets: ["/run/user/1000/libvirt/virtqemud-sock", "/run/user/1000/libvirt/libvirt-sock"],
  });
  assert.deepEqual(way("qemu+unix:///system?mode=legacy"), { kind: "unix", sockets: ["/run/libvirt/libvirt-sock"] });
  assert.deepEqual(way("qemu+unix:///system?mode=direct"), { kind: "unix", sockets: ["/run/libvirt/virtqemud-sock"] });
});

test("a socket that is named is the only one tried", () => {
  assert.deepEqual(way("qemu+unix:///system?socket=/srv/h1/sock%20et"), { kind: "unix", sockets: ["/srv/h1/sock et"] });
  assert.deepEqual(way("test+unix:///default?socket=/srv/s"), { kind: "unix", sockets: ["/srv/s"] });
});

test("the daemon is asked to open the URI without the way to it", () => {
  assert.equal(parse("qemu+ssh://ops@host-7:2222/system?proxy=netcat").remoteUri, "qemu:///system");
  assert.equal(parse("test:///default").remoteUri, "test:///default");
  assert.equal(parse("qemu+tcp://h/system?name=qemu:///embed").remoteUri, "qemu:///embed");
});

test("TCP and TLS have libvirt's ports, and a host name without a way means TLS", () => {
  assert.deepEqual(way("qemu+tcp://h1/system"), { kind: "tcp", host: "h1", port: 16509 });
  assert.deepEqual(way("qemu+tcp://[::1]:1234/system"), { kind: "tcp", host: "::1", port: 1234 });
  const tls = { kind: "tls", host: "h1", port: 16514, pkiFolder: null, verify: true };
  assert.deepEqual(way("qemu://h1/system"), tls);
  assert.deepEqual(way("qemu+tls://h1/system?pkipath=/p&no_verify=1"), { ...tls, pkiFolder: "/p", verify: false });
});

test("ssh takes user, port, key and program", () => {
  assert.deepEqual(way("qemu+ssh://ops@host-7:2222/system?keyfile=/k&command=/opt/ssh&no_verify=1"), {
    kind: "ssh",
    host: "host-7",
    user: "ops",
    port: 2222,
    program: "/opt/ssh",
    keyFile: "/k",
    verifyHostKey: false,
    proxy: "auto",
    netcat: "nc",
    socket: "/run/libvirt/libvirt-sock",
  });
});

test("only a daemon on this machine counts as local", () => {
  assert.equal(parse("qemu:///system").local, true);
  assert.equal(parse("qemu+tcp://127.0.0.1/system").local, false);
});

const BAD: readonly (readonly [string, RegExp])[] = [
  ["", /not a URI/],
  ["qemu", /not a URI/],
  ["xen:///system", /"xen" is no hypervisor/],
  ["qemu+pigeon://h/system", /no way to libvirt \(unix, tcp, tls, ssh\)/],
  ["qemu:///", /the path is "\/"; qemu has \/system and \/session/],
  ["test:///system", /test has \/default/],
  ["qemu+ssh:///system", /needs a host name/],
  ["qemu+unix://host/system", /no host name/],
  ["qemu+tcp://h/system?socket=/x", /"socket" is no parameter of tcp/],
  ["qemu:///system?autostart=1", /"autostart" is no parameter of unix/],
  ["qemu+ssh://h/system?proxy=magic", /allowed: auto, native, netcat/],
  ["qemu+ssh://-oProxyCommand=reboot/system", /is no host name/],
  ["qemu+ssh://-l@h/system", /is no user name/],
];

for (const [text, message] of BAD) {
  test(`"${text}" is refused as a setting, and it is said why`, () => {
    assert.throws(
      () => parse(text),
      (error) => error instanceof OperationalError && error.code === "bad-settings" && message.test(error.message),
    );
  });
}
