/** The conformance suite on the bulk statistics of a tick: complete, in order, never going back, and nothing made up. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { DomainSpec, DomainStats } from "../../src/ports/hypervisor.js";
import type { Bench } from "./suite.js";

export function statisticsPromises(bench: () => Bench): void {
  test("statistics list every domain once, in order of name, running or not", async () => {
    const { hypervisor, domains } = bench();
    const running = await domains.started("b-running");
    const stopped = await domains.defined("a-stopped");
    const stats = await hypervisor.stats();
    const names = stats.map((domain) => domain.name);
    assert.deepEqual(names, [...new Set(names)].sort());
    const states = new Map(stats.map((domain) => [domain.name, domain.state]));
    assert.deepEqual([states.get(running.name), states.get(stopped.name)], ["running", "stopped"]);
    assert.equal(stats.find((domain) => domain.name === running.name)?.uuid, running.uuid);
  });

  test("a stopped domain has no vCPUs, no CPU time and no memory", async () => {
    const { hypervisor, domains } = bench();
    const spec = await domains.started("was-running");
    await hypervisor.destroy(spec.name);
    const stats = await domains.stats(spec.name);
    assert.deepEqual([stats.state, stats.cpuTimeNs, stats.vcpus, stats.memory], ["stopped", 0n, [], null]);
  });

  test("counters never go back, and grow where the hypervisor counts", async () => {
    const { domains, backend } = bench();
    const spec = await domains.started("counted");
    const readings: DomainStats[] = [];
    for (let reading = 0; reading < 4; reading++) {
      readings.push(await domains.stats(spec.name));
      await backend.pass(300);
    }
    for (let i = 1; i < readings.length; i++) assertNotBack(readings[i - 1]!, readings[i]!);
    const last = readings.at(-1)!;
    if (backend.capabilities.cpuStatistics) {
      assert.ok(last.cpuTimeNs > readings[0]!.cpuTimeNs, "the guest ran for a second and has no CPU time");
      assert.equal(last.vcpus.filter((vcpu) => vcpu.online).length, spec.vcpus);
    } else {
      assert.equal(last.cpuTimeNs, 0n);
      assert.ok(last.vcpus.every((vcpu) => vcpu.timeNs === 0n));
    }
  });

  test("run delay is there for every vCPU, or null for every one", async () => {
    const { domains, backend } = bench();
    const spec = await domains.started("delayed");
    await backend.pass(300);
    const { vcpus } = await domains.stats(spec.name);
    assert.ok(
      vcpus.filter((vcpu) => vcpu.online).every((vcpu) => (vcpu.delayNs !== null) === backend.capabilities.runDelay),
    );
  });

  test("vCPUs are listed by index from 0", async () => {
    const { domains } = bench();
    const spec = await domains.started("indexed", { vcpus: 2, maximumVcpus: 3 });
    const { vcpus } = await domains.stats(spec.name);
    assert.deepEqual(
      vcpus.map((vcpu) => vcpu.index),
      vcpus.map((_, position) => position),
    );
  });

  test("memory sizes are there for a running guest, or null where the hypervisor has none", async () => {
    const { domains, backend } = bench();
    const spec = await domains.started("sized");
    const { memory } = await domains.stats(spec.name);
    if (!backend.capabilities.memoryStatistics) {
      assert.equal(memory, null);
      return;
    }
    assert.deepEqual([memory?.currentMiB, memory?.maximumMiB], [spec.memoryMiB, spec.maximumMemoryMiB]);
  });

  test("many questions at once each get their own answer", async () => {
    const { hypervisor, domains } = bench();
    const specs: DomainSpec[] = [];
    for (const label of ["p", "q", "r"]) specs.push(await domains.defined(label));
    const asked = Array.from({ length: 30 }, (_, i) => specs[i % specs.length]!);
    const answers = await Promise.all(asked.map((spec) => hypervisor.detail(spec.name)));
    assert.deepEqual(
      answers.map((answer) => answer?.uuid),
      asked.map((spec) => spec.uuid),
    );
  });
}

function assertNotBack(before: DomainStats, after: DomainStats): void {
  assert.ok(after.cpuTimeNs >= before.cpuTimeNs, `CPU time went from ${before.cpuTimeNs} to ${after.cpuTimeNs}`);
  for (const [position, vcpu] of before.vcpus.entries()) {
    const later = after.vcpus[position];
    assert.ok(later && later.timeNs >= vcpu.timeNs, `the time of vCPU ${vcpu.index} went back`);
    assert.ok((later.delayNs ?? 0n) >= (vcpu.delayNs ?? 0n), `the delay of vCPU ${vcpu.index} went back`);
  }
}
