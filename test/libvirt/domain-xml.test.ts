/** Domain XML: what Headroom decides is in it whatever the template says, and no value can become markup. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { cpuSetOf } from "../../src/core/cpuset.js";
import { mib } from "../../src/core/units.js";
import { DEFAULT_DOMAIN_TEMPLATE } from "../../src/drivers/libvirt/default-template.js";
import { readDomainXml } from "../../src/drivers/libvirt/domain-detail.js";
import {
  buildDomainXml,
  type DomainHost,
  loadTemplate,
  updateDomainXml,
} from "../../src/drivers/libvirt/domain-xml.js";
import { childElements, descend, parseXml, textOf } from "../../src/drivers/libvirt/xml.js";
import { OperationalError } from "../../src/ports/errors.js";
import type { DomainSpec } from "../../src/ports/hypervisor.js";
import fc from "../support/property.js";

const SPEC: DomainSpec = {
  name: "web-1",
  uuid: "0f0e0d0c-0b0a-4908-8706-050403020100",
  vcpus: 2,
  maximumVcpus: 4,
  memoryMiB: mib(512),
  maximumMemoryMiB: mib(1024),
  disk: { path: "/images/web-1.qcow2", format: "qcow2" },
  pins: [cpuSetOf([0, 1, 2]), cpuSetOf([8])],
  metadata: {
    vcpuRatios: [1, 2.6],
    perVcpu: true,
    memoryMiB: mib(700),
    requestId: "r-1",
    image: "/images/base.qcow2",
    overlay: null,
  },
};
const HOST: DomainHost = { accelerator: "kvm", arch: "x86_64", emulator: null, machine: null };
const builtIn = loadTemplate(DEFAULT_DOMAIN_TEMPLATE, "built-in");
const build = (spec: DomainSpec, host = HOST, template = builtIn) =>
  parseXml(buildDomainXml(template, spec, host)).documentElement;

const isBadSettings = (message: RegExp) => (error: unknown) =>
  error instanceof OperationalError && error.code === "bad-settings" && message.test(error.message);

test("name, sizes, pins and metadata are read back as they were asked for", () => {
  const { domain, damagedMetadata } = readDomainXml(buildDomainXml(builtIn, SPEC, HOST));
  assert.equal(damagedMetadata, null);
  assert.deepEqual(domain, {
    name: "web-1",
    uuid: SPEC.uuid,
    vcpus: 2,
    maximumVcpus: 4,
    memoryMiB: 512,
    maximumMemoryMiB: 1024,
    metadata: SPEC.metadata,
    disks: ["/images/web-1.qcow2"],
  });
});

test("each vCPU is pinned to its own set, and one plugged in later to where its sisters run", () => {
  const pins = childElements(descend(build(SPEC), "cputune")!, "vcpupin");
  assert.deepEqual(
    pins.map((pin) => [pin.getAttribute("vcpu"), pin.getAttribute("cpuset")]),
    [
      ["0", "0-2"],
      ["1", "8"],
      ["2", "0-2,8"],
      ["3", "0-2,8"],
    ],
  );
});

test("the disk of the template goes where a VM has none, and takes path and format where it has one", () => {
  const disk = descend(build(SPEC), "devices", "disk")!;
  assert.equal(descend(disk, "source")?.getAttribute("file"), "/images/web-1.qcow2");
  assert.equal(descend(disk, "driver")?.getAttribute("type"), "qcow2");
  assert.equal(descend(build({ ...SPEC, disk: null }), "devices", "disk"), null);
});

test("settings for the QEMU program and machine win over the template", () => {
  const domain = build(SPEC, { accelerator: "qemu", arch: "x86_64", emulator: "/opt/qemu", machine: "q35" });
  assert.equal(domain.getAttribute("type"), "qemu");
  assert.equal(descend(domain, "os", "type")?.getAttribute("machine"), "q35");
  assert.equal(textOf(descend(domain, "devices", "emulator")), "/opt/qemu");
  assert.equal(descend(domain, "cpu")?.getAttribute("mode"), "maximum");
});

test("a template cannot keep its own name, id, uuid, sizes or pins", () => {
  const stubborn = loadTemplate(
    `<domain id='7' type='xen'><name>old</name><name>older</name><uuid>${"1".repeat(8)}-1111-1111-1111-111111111111</uuid>
      <memory unit='KiB'>1</memory><vcpu current='9' placement='static'>9</vcpu>
      <cputune><vcpupin vcpu='0' cpuset='63'/><shares>5</shares></cputune><devices><disk><source file='{diskPath}'/></disk></devices></domain>`,
    "stubborn.xml",
  );
  const domain = build(SPEC, HOST, stubborn);
  assert.deepEqual(
    [domain.getAttribute("id"), childElements(domain, "name").map(textOf), textOf(descend(domain, "uuid"))],
    [null, ["web-1"], SPEC.uuid],
  );
  assert.equal(descend(domain, "vcpu")?.getAttribute("placement"), "static");
  assert.equal(textOf(descend(domain, "cputune", "shares")), "5");
  assert.equal(childElements(descend(domain, "cputune")!, "vcpupin").length, 4);
});

test("words in braces are replaced in texts and attributes, in nothing else", () => {
  const template = loadTemplate(
    "<domain><!-- {name} --><title>{name} of {memoryMiB} MiB</title><devices><disk><source file='{diskPath}'/></disk>" +
      "<serial><source path='/run/{name}-{uuid}.sock'/></serial></devices><x>{&quot;json&quot;:1} { name } {}</x></domain>",
    "t.xml",
  );
  const domain = build(SPEC, HOST, template);
  assert.equal(textOf(descend(domain, "title")), "web-1 of 512 MiB");
  const path = descend(domain, "devices", "serial", "source")?.getAttribute("path");
  assert.equal(path, `/run/web-1-${SPEC.uuid}.sock`);
  assert.equal(textOf(descend(domain, "x")), '{"json":1} { name } {}');
});

test("no name, path or request id can add an element or attribute", () => {
  const nasty = fc.oneof(
    fc.string({ unit: "grapheme", minLength: 1, maxLength: 40 }),
    fc.constantFrom("a</name><devices/>", "' type='x", '"><evil/>', "]]>", "<!--", "&lt;", "{uuid}", "{name}", "$&"),
    fc.constantFrom("\u2028", "a\u0085b", "\u2029 c", "d\r\ne"),
  );
  const shape = (xml: string) => {
    const walk = (element: ReturnType<typeof parseXml>["documentElement"]): unknown => [
      element.tagName,
      [...element.attributes].map((attribute) => attribute.name),
      childElements(element).map(walk),
    ];
    return walk(parseXml(xml).documentElement);
  };
  const plain = shape(buildDomainXml(builtIn, SPEC, HOST));
  fc.assert(
    fc.property(nasty, nasty, nasty, (name, path, requestId) => {
      const spec = {
        ...SPEC,
        name,
        disk: { path, format: "raw" as const },
        metadata: { ...SPEC.metadata!, requestId },
      };
      const xml = buildDomainXml(builtIn, spec, HOST);
      assert.deepEqual(shape(xml), plain);
      const read = readDomainXml(xml).domain;
      assert.deepEqual([read.name, read.disks, read.metadata?.requestId], [name, [path], requestId]);
    }),
  );
});

test("a character that XML cannot carry is refused, and it is said in which field", () => {
  for (const name of ["a\u0000b", "bell\u0007", "half \ud83d of a pair"]) {
    assert.throws(() => buildDomainXml(builtIn, { ...SPEC, name }, HOST), /the VM's name holds a character/);
  }
});

test("a template that is not well-formed, no domain, or full of unknown words is refused by name", () => {
  const load = (text: string) => () => loadTemplate(text, "/etc/t.xml");
  assert.throws(load("<domain>"), isBadSettings(/domain template \(\/etc\/t.xml\): it is not well-formed XML/));
  assert.throws(load(""), isBadSettings(/not well-formed/));
  assert.throws(load("<domain a='1' a='2'/>"), isBadSettings(/not well-formed/));
  assert.throws(load("<network/>"), isBadSettings(/holds <network>, not <domain>/));
  assert.throws(
    load("<domain><x>{nmae}</x></domain>"),
    isBadSettings(/\{nmae\} is unknown; there are \{name\}, \{uuid\}/),
  );
  const entities = "<!DOCTYPE domain [<!ENTITY a 'aaaaaaaaaa'>]><domain>&a;</domain>";
  assert.throws(load(entities), isBadSettings(/document type is not allowed|not well-formed/));
});

test("a VM with an image is refused where the template has no place for a disk", () => {
  const bare = loadTemplate("<domain/>", "bare.xml");
  assert.throws(() => buildDomainXml(bare, SPEC, HOST), isBadSettings(/no <disk> names \{diskPath\}/));
});

test("an update changes sizes, pins and metadata, and leaves devices and addresses alone", () => {
  const stored = buildDomainXml(builtIn, SPEC, HOST)
    .replace('<interface type="user">', '<interface type="user"><mac address="52:54:00:00:00:01"/>')
    .replace(
      "</metadata>",
      "<other:note xmlns:other='urn:x'>kept</other:note></metadata><vcpus><vcpu id='0'/></vcpus>",
    );
  const updated = updateDomainXml(stored, { ...SPEC, vcpus: 3, memoryMiB: mib(768), pins: [cpuSetOf([5])] });
  assert.ok(updated);
  const domain = parseXml(updated).documentElement;
  const mac = descend(domain, "devices", "interface", "mac");
  assert.equal(mac?.getAttribute("address"), "52:54:00:00:00:01");
  assert.equal(textOf(descend(domain, "metadata", "note")), "kept");
  assert.equal(descend(domain, "vcpus"), null);
  assert.deepEqual([readDomainXml(updated).domain.vcpus, readDomainXml(updated).domain.memoryMiB], [3, 768]);
});

test("a VM whose disk is another one cannot be updated, only built anew", () => {
  const stored = buildDomainXml(builtIn, SPEC, HOST);
  assert.equal(updateDomainXml(stored, { ...SPEC, disk: { path: "/images/b.qcow2", format: "qcow2" } }), null);
});
