/** The conformance suite on pinning: a guest runs where its plan says from its first instruction, and where it is moved to. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { cpuSetOf } from "../../src/core/cpuset.js";
import { fails, twoCpuSets } from "./backend.js";
import type { Bench } from "./suite.js";

export function pinPromises(bench: () => Bench): void {
  test("a guest starts pinned as its definition says, each vCPU for itself", async () => {
    const { hypervisor, domains } = bench();
    const [first, last] = twoCpuSets((await hypervisor.host()).pcpus);
    const spec = await domains.started("pinned", { pins: [last, first] });
    assert.deepEqual((await hypervisor.pins([spec.name])).get(spec.name), [last, first]);
  });

  test("pinning one vCPU moves that one and no other", async () => {
    const { hypervisor, domains } = bench();
    const { pcpus } = await hypervisor.host();
    const [first, last] = twoCpuSets(pcpus);
    const spec = await domains.started("moved", { pins: [first, first] });
    await hypervisor.pinVcpu(spec.name, 1, last);
    assert.deepEqual((await hypervisor.pins([spec.name])).get(spec.name), [first, last]);
    await hypervisor.pinVcpu(spec.name, 0, pcpus);
    assert.deepEqual((await hypervisor.pins([spec.name])).get(spec.name), [pcpus, last]);
  });

  test("where a vCPU ran last is one of the pCPUs that it may run on, or is not told; of strangers nothing is", async () => {
    const { hypervisor, domains } = bench();
    const [first, last] = twoCpuSets((await hypervisor.host()).pcpus);
    const spec = await domains.started("ran", { pins: [first, last] });
    const told = await hypervisor.lastPcpus([spec.name, "nobody-of-this-name"]);
    assert.ok([...told.keys()].every((name) => name === spec.name));
    for (const [index, pcpu] of (told.get(spec.name) ?? []).entries())
      assert.ok(pcpu === null || [first, last][index]!.includes(pcpu), `vCPU ${index} ran on ${pcpu}`);
  });

  test("CPU sets over the whole host are kept pCPU by pCPU", async () => {
    const { hypervisor, domains } = bench();
    const { pcpus } = await hypervisor.host();
    const everyOther = cpuSetOf(pcpus.filter((_, position) => position % 2 === 0));
    const allButFirst = pcpus.length > 1 ? cpuSetOf(pcpus.slice(1)) : pcpus;
    const spec = await domains.started("wide", { pins: [everyOther, allButFirst] });
    assert.deepEqual((await hypervisor.pins([spec.name])).get(spec.name), [everyOther, allButFirst]);
    await hypervisor.pinVcpu(spec.name, 0, allButFirst);
    await hypervisor.pinVcpu(spec.name, 1, everyOther);
    assert.deepEqual((await hypervisor.pins([spec.name])).get(spec.name), [allButFirst, everyOther]);
  });

  test("a vCPU that the domain cannot have is not pinned", async () => {
    const { hypervisor, domains } = bench();
    const spec = await domains.started("beyond");
    const { pcpus } = await hypervisor.host();
    await fails(hypervisor.pinVcpu(spec.name, 7, pcpus), "hypervisor-failed");
  });

  test("asking for the pins of many domains leaves out those that are gone", async () => {
    const { hypervisor, domains } = bench();
    const one = await domains.started("one");
    const two = await domains.started("two", { vcpus: 1 });
    const gone = await domains.spec("gone");
    const pins = await hypervisor.pins([one.name, gone.name, two.name]);
    assert.deepEqual([...pins.keys()].sort(), [one.name, two.name].sort());
    assert.deepEqual([pins.get(one.name)?.length, pins.get(two.name)?.length], [2, 1]);
  });

  test("no names asked for, no pins given", async () => {
    const { hypervisor } = bench();
    assert.equal((await hypervisor.pins([])).size, 0);
  });
}
