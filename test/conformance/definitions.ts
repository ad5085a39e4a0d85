/** The conformance suite on definitions: what is defined is what is found, doubled and missing names fail by name. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { EMPTY_CPU_SET } from "../../src/core/cpuset.js";
import { mib, seconds } from "../../src/core/units.js";
import type { VmMetadata } from "../../src/ports/hypervisor.js";
import { fails, METADATA } from "./backend.js";
import type { Bench } from "./suite.js";

const ODD_METADATA: VmMetadata = {
  vcpuRatios: [1, 2.6, 1.0000001],
  perVcpu: true,
  requestId: `<a & "b" 'c'> ]]> é 漢 \u{1f600}`,
  image: "/images/with space & <angle>/a'b\".qcow2",
  overlay: "/overlays/x.qcow2",
};

export function definitionPromises(bench: () => Bench): void {
  test("a defined domain is there, stopped, as it was asked for", async () => {
    const { hypervisor, domains } = bench();
    const spec = await domains.defined("defined", {
      vcpus: 1,
      maximumVcpus: 4,
      memoryMiB: mib(128),
      maximumMemoryMiB: mib(256),
    });
    assert.deepEqual(await hypervisor.detail(spec.name), {
      name: spec.name,
      uuid: spec.uuid,
      state: "stopped",
      persistent: true,
      vcpus: 1,
      maximumVcpus: 4,
      memoryMiB: 128,
      maximumMemoryMiB: 256,
      metadata: spec.metadata,
      disks: [],
    });
  });

  test("metadata comes back as it went in, whatever characters it holds", async () => {
    const { hypervisor, domains } = bench();
    const spec = await domains.defined("metadata", { metadata: ODD_METADATA });
    assert.deepEqual((await hypervisor.detail(spec.name))?.metadata, ODD_METADATA);
  });

  test("metadata replaced while the guest runs is there at once and after it stopped", async () => {
    const { hypervisor, domains } = bench();
    const spec = await domains.started("metadata-live");
    const changed = { ...METADATA, vcpuRatios: [3, 3], requestId: "another" };
    await hypervisor.setMetadata(spec.name, changed);
    assert.deepEqual((await hypervisor.detail(spec.name))?.metadata, changed);
    await hypervisor.destroy(spec.name);
    assert.deepEqual((await hypervisor.detail(spec.name))?.metadata, changed);
  });

  test("metadata can be replaced in a stopped domain", async () => {
    const { hypervisor, domains } = bench();
    const spec = await domains.defined("metadata-stopped");
    await hypervisor.setMetadata(spec.name, ODD_METADATA);
    assert.deepEqual((await hypervisor.detail(spec.name))?.metadata, ODD_METADATA);
  });

  test("a name or uuid that is taken is refused, and the first domain stays as it is", async () => {
    const { hypervisor, domains } = bench();
    const first = await domains.defined("taken");
    const other = await domains.spec("other", { vcpus: 1 });
    await fails(hypervisor.define({ ...other, name: first.name }), "domain-exists");
    await fails(hypervisor.define({ ...other, uuid: first.uuid }), "domain-exists");
    await fails(hypervisor.define(first), "domain-exists");
    const detail = await hypervisor.detail(first.name);
    assert.deepEqual([detail?.uuid, detail?.vcpus], [first.uuid, first.vcpus]);
    assert.equal(await hypervisor.detail(other.name), null);
  });

  test("every call about a domain that is not there says domain-not-found", async () => {
    const { hypervisor, domains } = bench();
    const spec = await domains.spec("missing");
    const { pcpus } = await hypervisor.host();
    assert.equal(await hypervisor.detail(spec.name), null);
    await fails(hypervisor.redefine(spec), "domain-not-found");
    await fails(hypervisor.start(spec.name), "domain-not-found");
    await fails(hypervisor.shutdown(spec.name), "domain-not-found");
    await fails(hypervisor.destroy(spec.name), "domain-not-found");
    await fails(hypervisor.undefine(spec.name), "domain-not-found");
    await fails(hypervisor.pinVcpu(spec.name, 0, pcpus), "domain-not-found");
    await fails(hypervisor.setVcpus(spec.name, 1), "domain-not-found");
    await fails(hypervisor.setMemory(spec.name, mib(128)), "domain-not-found");
    await fails(hypervisor.setMetadata(spec.name, METADATA), "domain-not-found");
    await fails(hypervisor.setMemoryStatsPeriod(spec.name, seconds(1)), "domain-not-found");
  });

  test("names with dots, dashes, 63 characters or what XML must escape are kept to the letter", async () => {
    const { hypervisor, domains } = bench();
    const longest = `${"n".repeat(50)}-${process.pid}-`.padEnd(63, "x");
    const labels = ["a.b_c-D9", "a&b<c>'d\"e", "é漢"];
    const names = [longest, ...labels.map((label) => `odd-${process.pid}-${label}`)];
    for (const name of names) await domains.defined("odd", { name });
    const listed = (await hypervisor.stats()).map((domain) => domain.name);
    for (const name of names) {
      assert.ok(listed.includes(name), `${name} is not listed`);
      assert.equal((await hypervisor.detail(name))?.name, name);
    }
  });

  test("a definition is replaced whole; a running guest sees it at its next start", async () => {
    const { hypervisor, domains } = bench();
    const spec = await domains.started("redefined");
    const pin = (await hypervisor.host()).pcpus;
    await hypervisor.redefine({ ...spec, vcpus: 1, maximumVcpus: 1, pins: [pin] });
    assert.equal((await domains.stats(spec.name)).state, "running");
    await hypervisor.destroy(spec.name);
    assert.equal((await hypervisor.detail(spec.name))?.maximumVcpus, 1);
    await hypervisor.start(spec.name);
    assert.equal((await hypervisor.detail(spec.name))?.vcpus, 1);
  });

  test("starting a running guest fails and leaves it running", async () => {
    const { hypervisor, domains } = bench();
    const spec = await domains.started("twice");
    await fails(hypervisor.start(spec.name), "hypervisor-failed");
    assert.equal((await hypervisor.detail(spec.name))?.state, "running");
  });

  test("the plug can be pulled twice, and a stopped domain starts again", async () => {
    const { hypervisor, domains } = bench();
    const spec = await domains.started("plug");
    await hypervisor.destroy(spec.name);
    await hypervisor.destroy(spec.name);
    assert.equal((await hypervisor.detail(spec.name))?.state, "stopped");
    await hypervisor.start(spec.name);
    assert.equal((await hypervisor.detail(spec.name))?.state, "running");
  });

  test("a stopped guest cannot be asked to shut down", async () => {
    const { hypervisor, domains } = bench();
    const spec = await domains.defined("asleep");
    await fails(hypervisor.shutdown(spec.name), "hypervisor-failed");
  });

  test("an undefined domain is gone from every answer, and its name is free", async () => {
    const { hypervisor, domains } = bench();
    const spec = await domains.defined("gone");
    await hypervisor.undefine(spec.name);
    assert.equal(await hypervisor.detail(spec.name), null);
    assert.ok((await hypervisor.stats()).every((domain) => domain.name !== spec.name));
    assert.equal((await hypervisor.pins([spec.name])).size, 0);
    await hypervisor.define(spec);
    assert.equal((await hypervisor.detail(spec.name))?.uuid, spec.uuid);
  });

  test("a vCPU cannot be pinned to no pCPU at all", async () => {
    const { hypervisor, domains } = bench();
    const spec = await domains.started("nowhere");
    const before = (await hypervisor.pins([spec.name])).get(spec.name);
    await fails(hypervisor.pinVcpu(spec.name, 0, EMPTY_CPU_SET), "hypervisor-failed");
    assert.deepEqual((await hypervisor.pins([spec.name])).get(spec.name), before);
  });
}
