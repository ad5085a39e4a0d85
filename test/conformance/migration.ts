/** Handing a running guest to another hypervisor: it runs in one place at any moment, pinned as was asked, or it stays. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type CpuSet, cpuSetOf } from "../../src/core/cpuset.js";
import type { DomainSpec, Hypervisor } from "../../src/ports/hypervisor.js";
import { fails, METADATA } from "./backend.js";
import type { Bench } from "./suite.js";

const NEVER = new AbortController().signal;
/** No machine answers there; nothing of this form is the test's own. */
const NOWHERE = { fake: "fake://nowhere", libvirt: "qemu+tcp://127.0.0.1:1/system" };

export function migrationPromises(bench: () => Bench): void {
  const wait = <T>(work: Promise<T>): Promise<T> => bench().backend.wait?.(work) ?? work;

  /** With a neighbour that is closed and cleared afterwards; not where guests cannot be moved. */
  async function withNeighbour(work: (neighbour: Hypervisor, address: string) => Promise<void>): Promise<void> {
    const { backend, domains } = bench();
    const neighbour = await backend.neighbour!();
    await neighbour.connect();
    const address = neighbour.migrationAddress;
    assert.ok(address !== null, "the neighbour says where guests are handed over");
    try {
      await work(neighbour, address);
    } finally {
      await domains.removeFrom(neighbour);
      await neighbour.close();
    }
  }

  const pinsOf = async (hypervisor: Hypervisor, { name }: DomainSpec): Promise<readonly CpuSet[] | undefined> =>
    (await hypervisor.pins([name])).get(name);

  test("a guest that is moved runs on there, pinned as was asked, marked as it was, and is forgotten here", async (t) => {
    const { backend, domains, hypervisor } = bench();
    if (!backend.capabilities.migration) {
      assert.equal(hypervisor.migrationAddress, null);
      t.diagnostic("no migration here");
      return;
    }
    await withNeighbour(async (neighbour, address) => {
      const [first] = (await neighbour.host()).pcpus;
      const spec = await domains.started("moved", { maximumVcpus: 4 });
      const pins = [cpuSetOf([first!]), cpuSetOf([first!])];
      await wait(hypervisor.migrate(spec.name, spec.uuid, { address, pins }, NEVER));
      assert.equal(await hypervisor.detail(spec.name), null, "it is gone from here");
      const detail = await neighbour.detail(spec.name);
      assert.equal(detail?.state, "running");
      assert.equal(detail.uuid, spec.uuid);
      assert.equal(detail.persistent, true, "it outlasts its guest, as here");
      assert.equal(detail.vcpus, spec.vcpus);
      assert.equal(detail.maximumVcpus, 4);
      assert.deepEqual(detail.metadata, METADATA);
      assert.deepEqual(await pinsOf(neighbour, spec), pins);
      assert.equal(await hypervisor.settleMigration(spec.name, spec.uuid, address), "gone");
      await neighbour.destroy(spec.name);
      await neighbour.start(spec.name);
      assert.deepEqual(await pinsOf(neighbour, spec), pins, "its stored definition has the pins too");
    });
  });

  test("a guest whose move is refused, ended or impossible runs on here", async () => {
    const { backend, domains, hypervisor } = bench();
    if (!backend.capabilities.migration) return;
    const spec = await domains.started("stays");
    const pins = await pinsOf(hypervisor, spec);
    const mustStay = async (address: string) => {
      assert.equal(await wait(hypervisor.settleMigration(spec.name, spec.uuid, address)), "here");
      assert.equal((await hypervisor.detail(spec.name))?.state, "running");
      assert.deepEqual(await pinsOf(hypervisor, spec), pins);
    };
    await withNeighbour(async (neighbour, address) => {
      const target = { address, pins: spec.pins };
      const namesake = { ...spec, uuid: "00000000-0000-4000-8000-000000000001" };
      await neighbour.define(namesake);
      await fails(wait(hypervisor.migrate(spec.name, spec.uuid, target, NEVER)), "domain-exists", "hypervisor-failed");
      await neighbour.undefine(spec.name);
      await mustStay(address);
      const ended = AbortSignal.abort();
      await fails(wait(hypervisor.migrate(spec.name, spec.uuid, target, ended)), "hypervisor-failed");
      await mustStay(address);
      assert.equal(await neighbour.detail(spec.name), null, "nothing is left of it there");
    });
    const nowhere = { address: hypervisor.uri.startsWith("fake") ? NOWHERE.fake : NOWHERE.libvirt, pins: spec.pins };
    await fails(wait(hypervisor.migrate(spec.name, spec.uuid, nowhere, NEVER)), "hypervisor-unreachable");
    await mustStay(nowhere.address);
    const other = "00000000-0000-4000-8000-000000000000";
    await fails(
      wait(hypervisor.migrate(spec.name, other, nowhere, NEVER)),
      "domain-not-found",
      "hypervisor-unreachable",
    );
  });
}
