/** Reading foreign domains: any unit, any name, no metadata or damaged ones; garbage is an error, not a guess. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { readDomainXml } from "../../src/drivers/libvirt/domain-detail.js";
import { METADATA_NAMESPACE } from "../../src/drivers/libvirt/metadata-xml.js";
import { XmlError } from "../../src/drivers/libvirt/xml.js";

const UUID = "6695eb01-f6a4-8304-79aa-97f2502e193f";
const domain = (inside: string) =>
  `<domain type='kvm' id='2'><name> odd &amp; &lt;name&gt; é </name><uuid>${UUID.toUpperCase()}</uuid>${inside}</domain>`;
const mark = (attributes: string, inside: string) =>
  domain(
    `<memory>1024</memory><metadata><h:vm xmlns:h='${METADATA_NAMESPACE}' ${attributes}>${inside}</h:vm></metadata>`,
  );

test("a domain made by hand is read with libvirt's defaults", () => {
  const text = domain(
    "<memory unit='GiB'>2</memory><devices><disk><source file='/a.qcow2'/></disk><disk><source dev='/dev/vg/b'/></disk>" +
      "<disk type='network'><source protocol='rbd' name='p/c'/></disk><disk device='cdrom'/></devices>",
  );
  assert.deepEqual(readDomainXml(text), {
    damagedMetadata: null,
    domain: {
      name: " odd & <name> é ",
      uuid: UUID,
      vcpus: 1,
      maximumVcpus: 1,
      memoryMiB: 2048,
      maximumMemoryMiB: 2048,
      metadata: null,
      disks: ["/a.qcow2", "/dev/vg/b"],
    },
  });
});

test("a size that is no whole number of MiB is rounded up: what is counted must hold it", () => {
  const read = readDomainXml(domain("<memory unit='KiB'>1025</memory><vcpu current='1'>2</vcpu>")).domain;
  assert.deepEqual([read.memoryMiB, read.vcpus, read.maximumVcpus], [2, 1, 2]);
});

test("metadata of other programs are none of ours", () => {
  const text = domain("<memory>1</memory><metadata><vm xmlns='urn:other'>x</vm><vm/></metadata>");
  assert.deepEqual(readDomainXml(text).domain.metadata, null);
});

const VCPU = "<h:vcpu index='0' ratio='2'/>";
const DAMAGED: readonly (readonly [string, string])[] = [
  ["no request id", mark("ratios='per-vm'", VCPU)],
  ["unknown kind of ratios", mark("request='r' ratios='both'", VCPU)],
  ["no vCPUs", mark("request='r' ratios='per-vm'", "")],
  ["a ratio that is no number", mark("request='r' ratios='per-vm'", "<h:vcpu index='0' ratio='NaN'/>")],
  ["a ratio of nought", mark("request='r' ratios='per-vm'", "<h:vcpu index='0' ratio='0'/>")],
  ["vCPUs out of order", mark("request='r' ratios='per-vm'", "<h:vcpu index='1' ratio='2'/>")],
];
for (const [what, text] of DAMAGED) {
  test(`metadata with ${what} count as none, and it is said why`, () => {
    const reading = readDomainXml(text);
    assert.equal(reading.domain.metadata, null);
    assert.notEqual(reading.damagedMetadata, null);
  });
}

test("what is not the XML of a domain is refused", () => {
  const bad = [
    "",
    "not xml",
    "<capabilities/>",
    "<domain/>",
    domain(""),
    domain("<memory>many</memory>"),
    domain("<memory unit='fathoms'>1</memory>"),
    domain("<memory>1</memory><vcpu>0</vcpu>"),
    `<!DOCTYPE x [<!ENTITY e "e">]>${domain("<memory>1</memory>")}`,
    "<a>".repeat(50_000),
  ];
  for (const text of bad) assert.throws(() => readDomainXml(text), XmlError, text.slice(0, 60));
});

test("the memory that was sold is read from the mark; older marks say none, damaged ones are not believed", () => {
  const vcpu = "<h:vcpu index='0' ratio='1'/>";
  const read = (attributes: string) => readDomainXml(mark(`request='r' ratios='per-vm' ${attributes}`, vcpu));
  assert.equal(read("memory-mib='2048'").domain.metadata?.memoryMiB, 2048);
  assert.equal(read("memory-mib='307.2'").domain.metadata?.memoryMiB, 307.2);
  assert.deepEqual(read("").domain.metadata, {
    vcpuRatios: [1],
    perVcpu: false,
    requestId: "r",
    image: null,
    overlay: null,
  });
  for (const wrong of ["", "0", "-1", "1e9", "two", "NaN"]) {
    const { domain, damagedMetadata } = read(`memory-mib='${wrong}'`);
    assert.equal(domain.metadata, null, wrong);
    assert.match(damagedMetadata ?? "", /memory sold/, wrong);
  }
});
