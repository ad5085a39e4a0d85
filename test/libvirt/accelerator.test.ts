/** The choice of the accelerator: KVM only where it was seen to work, never silently what the operator did not ask for. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type AcceleratorQuestion, chooseAccelerator } from "../../src/drivers/libvirt/accelerator.js";
import { readCapabilities } from "../../src/drivers/libvirt/capabilities.js";
import { probeRom } from "../../src/drivers/libvirt/kvm-probe.js";
import { XmlError } from "../../src/drivers/libvirt/xml.js";

const guest = (arch: string, ...types: string[]) =>
  `<guest><os_type>hvm</os_type><arch name='${arch}'><emulator>/usr/bin/qemu-system-${arch}</emulator>${types
    .map((type) => `<domain type='${type}'/>`)
    .join("")}</arch></guest>`;
const hostWith = (...guests: string[]) =>
  readCapabilities(`<capabilities><host><cpu><arch>x86_64</arch></cpu></host>${guests.join("")}</capabilities>`);
const capabilities = (...types: string[]) => hostWith(guest("x86_64", ...types));

const ask = (change: Partial<AcceleratorQuestion>) =>
  chooseAccelerator({
    choice: "auto",
    capabilities: capabilities("qemu", "kvm"),
    driver: "QEMU",
    probe: async () => ({ works: true }),
    ...change,
  });
const neverProbed = async (): Promise<never> => {
  throw new Error("the probe ran");
};

test("auto is KVM where the probe ran a guest on it", async () => {
  assert.deepEqual(await ask({}), { domainType: "kvm", remark: null });
});

test("auto is TCG where KVM is there and hangs, and it is said why", async () => {
  const found = await ask({ probe: async () => ({ works: false, reason: "not done within 4 s" }) });
  assert.equal(found.domainType, "qemu");
  assert.match(found.remark ?? "", /KVM does not work: not done within 4 s/);
});

test("auto is TCG, without a probe, where libvirt offers no KVM", async () => {
  assert.equal((await ask({ capabilities: capabilities("qemu"), probe: neverProbed })).domainType, "qemu");
});

test("on another machine, where nothing can be tried, libvirt's word is taken", async () => {
  assert.equal((await ask({ probe: null })).domainType, "kvm");
});

test("what is set is taken without a probe, and refused where it is not offered", async () => {
  assert.equal((await ask({ choice: "kvm", probe: neverProbed })).domainType, "kvm");
  assert.equal((await ask({ choice: "tcg", probe: neverProbed })).domainType, "qemu");
  await assert.rejects(ask({ choice: "kvm", capabilities: capabilities("qemu") }), {
    code: "unsupported-by-hypervisor",
    message: /accelerator kvm is set, but libvirt offers qemu here/,
  });
});

test("a host without QEMU is told apart from one without KVM", async () => {
  await assert.rejects(ask({ capabilities: capabilities() }), /finds no QEMU on this host/);
});

test("libvirt's test driver has domains of its own kind", async () => {
  assert.equal((await ask({ driver: "Test", capabilities: capabilities("test") })).domainType, "test");
});

test("capabilities are those of the host's own architecture", () => {
  const { arch, domainTypes, emulator } = hostWith(guest("aarch64", "qemu"), guest("x86_64", "qemu", "kvm"));
  assert.deepEqual([arch, [...domainTypes], emulator], ["x86_64", ["qemu", "kvm"], "/usr/bin/qemu-system-x86_64"]);
  assert.throws(() => readCapabilities("<capabilities/>"), XmlError);
});

test("the probe's program starts where an x86 starts: a jump 16 bytes below the end of its ROM", () => {
  const rom = probeRom();
  assert.equal(rom.length, 65_536);
  assert.equal(rom.subarray(0xfff0, 0xfff5).toString("hex"), "ea00ff00f0");
});
