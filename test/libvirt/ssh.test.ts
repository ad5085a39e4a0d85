/** The command line of ssh: what a URI says and nothing else gets into it, and the far shell sees words, not code. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { remoteCommand, type SshWay, shellQuote, sshArguments } from "../../src/drivers/libvirt/transport-ssh.js";
import { parseLibvirtUri } from "../../src/drivers/libvirt/uri.js";
import fc from "../support/property.js";

function wayOf(text: string): { readonly way: SshWay; readonly remoteUri: string } {
  const { way, remoteUri } = parseLibvirtUri(text, { runtimeFolder: "/run/user/0" });
  assert.equal(way.kind, "ssh");
  return { way: way as SshWay, remoteUri };
}

test("ssh never asks, and gets user, port and key as options, the host after them", () => {
  const { way, remoteUri } = wayOf("qemu+ssh://ops@host-7:2222/system?keyfile=/keys/a&no_verify=1");
  const words = sshArguments(way, remoteUri);
  assert.deepEqual(words.slice(0, -1), [
    ...["-T", "-e", "none", "-o", "BatchMode=yes", "-o", "ConnectTimeout=10", "-o", "StrictHostKeyChecking=no"],
    ...["-p", "2222", "-l", "ops", "-i", "/keys/a", "--", "host-7"],
  ]);
});

test("on the far side the helper is preferred, netcat is the way out, and either can be asked for", () => {
  const command = (uri: string) => {
    const { way, remoteUri } = wayOf(uri);
    return remoteCommand(way, remoteUri);
  };
  assert.equal(
    command("qemu+ssh://h/system"),
    "if command -v virt-ssh-helper >/dev/null 2>&1; then exec virt-ssh-helper 'qemu:///system'; " +
      "else exec 'nc' -U '/run/libvirt/libvirt-sock'; fi",
  );
  assert.equal(command("qemu+ssh://h/system?proxy=native"), "exec virt-ssh-helper 'qemu:///system'");
  assert.equal(command("qemu+ssh://h/system?proxy=netcat&netcat=ncat&socket=/s"), "exec 'ncat' -U '/s'");
});

test("a shell reads a quoted word back as it was, whatever it holds", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary-ascii", maxLength: 30 }), (word) => {
      const clean = word.replaceAll("\0", "");
      const said = execFileSync("/bin/sh", ["-c", `printf %s ${shellQuote(clean)}`], { encoding: "utf8" });
      assert.equal(said, clean);
    }),
    { numRuns: 30 },
  );
});
