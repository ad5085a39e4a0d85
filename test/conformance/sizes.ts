/** The conformance suite on live sizes: vCPUs and balloon move within the domain's maximum, and never beyond. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { mib, seconds } from "../../src/core/units.js";
import { eventually, fails } from "./backend.js";
import type { Bench } from "./suite.js";

export function sizePromises(bench: () => Bench): void {
  test("vCPUs are added to a running guest up to its maximum, or it is said that they cannot be", async () => {
    const { hypervisor, domains, backend } = bench();
    const spec = await domains.started("grown", { vcpus: 1, maximumVcpus: 2 });
    if (backend.capabilities.liveVcpus) {
      await hypervisor.setVcpus(spec.name, 2);
      assert.equal((await hypervisor.detail(spec.name))?.vcpus, 2);
    } else {
      await fails(hypervisor.setVcpus(spec.name, 2), "unsupported-by-hypervisor", "hypervisor-failed");
      assert.equal((await hypervisor.detail(spec.name))?.vcpus, 1);
    }
  });

  test("more vCPUs than the domain's maximum are refused, and nothing changes", async () => {
    const { hypervisor, domains } = bench();
    const spec = await domains.started("too-many", { vcpus: 1, maximumVcpus: 2 });
    await fails(hypervisor.setVcpus(spec.name, 3), "unsupported-by-hypervisor", "hypervisor-failed");
    const detail = await hypervisor.detail(spec.name);
    assert.deepEqual([detail?.vcpus, detail?.maximumVcpus], [1, 2]);
  });

  test("more memory than the domain's maximum is refused, and nothing changes", async () => {
    const { hypervisor, domains } = bench();
    const spec = await domains.started("too-big", { memoryMiB: mib(128), maximumMemoryMiB: mib(192) });
    await fails(hypervisor.setMemory(spec.name, mib(256)), "hypervisor-failed");
    assert.equal((await hypervisor.detail(spec.name))?.maximumMemoryMiB, 192);
  });

  test("the balloon of a stopped domain cannot be moved", async () => {
    const { hypervisor, domains } = bench();
    const spec = await domains.defined("no-balloon", { memoryMiB: mib(128), maximumMemoryMiB: mib(192) });
    await fails(hypervisor.setMemory(spec.name, mib(160)), "hypervisor-failed");
  });

  test("a balloon target is taken, and followed where the guest has a balloon driver", async () => {
    const { hypervisor, domains, backend } = bench();
    const spec = await domains.started("balloon", { memoryMiB: mib(192), maximumMemoryMiB: mib(192) });
    await hypervisor.setMemory(spec.name, mib(160));
    const size = async () => (await domains.stats(spec.name)).memory?.currentMiB;
    if (!backend.capabilities.guestBalloon) {
      await backend.pass(1000);
      assert.equal(await size(), backend.capabilities.memoryStatistics ? 192 : undefined);
      return;
    }
    assert.equal(await eventually(backend, size, (now) => now === 160), 160);
    await hypervisor.setMemory(spec.name, mib(192));
    assert.equal(await eventually(backend, size, (now) => now === 192), 192);
  });

  test("guest memory statistics come once a period is set, and only from a guest that reports", async () => {
    const { hypervisor, domains, backend } = bench();
    const { capabilities } = backend;
    const spec = await domains.started("reports");
    await hypervisor.setMemoryStatsPeriod(spec.name, seconds(1));
    const read = async () => (await domains.stats(spec.name)).memory;
    if (!capabilities.guestBalloon) await backend.pass(2500);
    const memory = await eventually(backend, read, (now) => !capabilities.guestBalloon || now?.lastUpdate !== null);
    if (!capabilities.memoryStatistics) {
      assert.equal(memory, null);
      return;
    }
    assert.ok(memory);
    assert.equal(memory.maximumMiB, spec.maximumMemoryMiB);
    const told = [memory.unusedMiB, memory.availableMiB, memory.lastUpdate];
    assert.ok(
      told.every((value) => (value !== null) === capabilities.guestBalloon),
      `the guest ${capabilities.guestBalloon ? "reports" : "has no balloon driver"}, and the statistics are ${told}`,
    );
  });
}
