/** Two hosts with their agents, between which a VM moves; a scheduler's part is played by the test. */
import assert from "node:assert/strict";
import type { VmView } from "../../src/agent/service.js";
import { parseCpuSet } from "../../src/core/cpuset.js";
import { checkHost } from "../../src/core/pool/invariants.js";
import { mib, ratio } from "../../src/core/units.js";
import { FakeNetwork } from "../../src/drivers/fake/migration.js";
import { virtualClock } from "../../src/drivers/fake/virtual-clock.js";
import { Machine } from "../scheduler/cluster.js";
import { accepted } from "./support.js";

export const VM = { name: "web", vcpus: 2, memoryMiB: mib(1024), ratio: ratio(2) };
const ID = "move-1";

export class TwoHosts {
  readonly clock = virtualClock(1_700_000_000_000);
  readonly network = new FakeNetwork();
  readonly source = new Machine(this.clock, "h1", "machine-1", {}, this.network);
  readonly destination = new Machine(this.clock, "h2", "machine-2", {}, this.network);
  uuid = "";

  async start(): Promise<this> {
    for (const machine of this.machines) await machine.start();
    this.uuid = (await this.deploy(this.source)).uuid;
    return this;
  }

  get machines(): readonly Machine[] {
    return [this.source, this.destination];
  }

  get address(): string {
    return this.destination.hypervisor.migrationAddress!;
  }

  run<T>(work: Promise<T>): Promise<T> {
    return this.clock.runUntil(work);
  }

  async deploy(machine: Machine, name = VM.name, image: string | null = null): Promise<VmView> {
    return accepted(await this.run(machine.agent!.deploy({ ...VM, name, image })));
  }

  receive(requestId = ID) {
    return this.run(this.destination.agent!.receive({ ...VM, uuid: this.uuid, requestId }));
  }

  send(pins: readonly string[], requestId = ID) {
    const target = { address: this.address, pins: pins.map(parseCpuSet) };
    return this.run(this.source.agent!.send({ name: VM.name, uuid: this.uuid, requestId, ...target }));
  }

  revoke(machine: Machine, requestId = ID) {
    return this.run(machine.agent!.revoke({ requestId, name: VM.name }));
  }

  /** Room there, and the move begun; the pins that it will have. */
  async begin(): Promise<readonly string[]> {
    const { pins } = accepted(await this.receive());
    assert.equal(accepted(await this.send(pins)).state, "migrating");
    return pins;
  }

  /** Time passes in small steps; the guest never runs twice. */
  async pass(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= 20) {
      await this.clock.advance(Math.min(left, 20));
      assert.ok(this.running().length <= 1, `it runs on ${this.running().join(" and ")}`);
    }
  }

  async ticks(count = 2): Promise<void> {
    for (let tick = 0; tick < count; tick++) {
      await this.pass(5_000);
      for (const machine of this.machines) await machine.tick();
    }
  }

  /** Hosts on which the guest runs now. */
  running(): readonly string[] {
    return this.machines.filter(({ world }) => world.detail(VM.name)?.state === "running").map(({ name }) => name);
  }

  /** Both processes up again, and everything settled: the VM is once, and both hosts are in order. */
  async mend(): Promise<Machine> {
    this.network.cut.clear();
    for (const machine of this.machines) {
      machine.process.spare();
      machine.hypervisor.reconnect();
      await machine.start();
    }
    await this.ticks();
    // As a scheduler does: the source first, then the destination.
    await this.revoke(this.source);
    await this.revoke(this.destination);
    await this.ticks();
    return this.check();
  }

  /** Where the VM is; everything else is as that wants it. */
  check(): Machine {
    const holders = this.machines.filter((machine) => machine.domains().includes(VM.name));
    assert.equal(holders.length, 1, `domains on ${holders.map(({ name }) => name).join(" and ")}`);
    const [holder] = holders;
    assert.deepEqual(this.running(), [holder!.name]);
    for (const { agent, policy, world, name } of this.machines) {
      assert.deepEqual(checkHost(policy, agent!.host()), []);
      const vm = agent!.vm(VM.name);
      assert.equal(vm?.state, name === holder!.name ? "running" : undefined);
      const pools = agent!.status().pools.filter((pool) => pool.vms.includes(VM.name));
      assert.deepEqual(
        pools.map((pool) => pool.ratio),
        vm === null ? [] : [VM.ratio],
        `the pools of ${name}`,
      );
      if (vm !== null) assert.deepEqual(world.pinsOf(VM.name), vm.pins.map(parseCpuSet), "pinned as planned");
    }
    return holder!;
  }
}
