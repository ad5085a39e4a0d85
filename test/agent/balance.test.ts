/** Balancing inside the pools of an agent: within their CPU sets only, quiet when even, and off unless asked for. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { arenasOf } from "../../src/agent/balance/pool-balancer.js";
import type { ObservedVcpu } from "../../src/core/balance/arena-of.js";
import { parseCpuSet } from "../../src/core/cpuset.js";
import { checkHost } from "../../src/core/pool/invariants.js";
import { milliseconds } from "../../src/core/units.js";
import { deviation } from "../balance/arenas.js";
import { Rig, type RigOptions } from "./support.js";

const LOADS = [0.9, 0.9, 0.1, 0.1, 0.5, 0.3, 0.7, 0.2];
const MEMORY = { kind: "constant", fraction: 0.5 } as const;
const ON: RigOptions = { settings: { balanceInterval: milliseconds(5000) } };

/** Eight VMs of one vCPU at 2:1 (a pool of 4 pCPUs), and one of two at 1:1. */
async function rigOf(options: RigOptions): Promise<Rig> {
  const rig = await new Rig(options).start();
  for (const [i, load] of LOADS.entries()) {
    await rig.deploy(`vm-${i}`, 1, 2);
    rig.world.setDemand(`vm-${i}`, { cpu: { kind: "constant", fraction: load }, memory: MEMORY });
  }
  await rig.deploy("alone", 2, 1);
  return rig;
}

const names = LOADS.map((_, i) => `vm-${i}`);
const balanceMoves = (rig: Rig): number => rig.agent.metrics().actions.balance;

/** Loads of the pCPUs of the pool of ratio 2, by the pins that are; null while a vCPU has several. */
function poolLoads(rig: Rig): readonly number[] | null {
  const pool = rig.agent.host().pools.find(({ ratio }) => ratio === 2)!;
  const loads = new Map([...pool.pcpus].map((id) => [id, 0]));
  for (const [i, name] of names.entries()) {
    const [pin] = rig.world.pinsOf(name)!;
    if (pin!.length !== 1) return null;
    assert.ok(loads.has(pin![0]!), `${name} is pinned to ${pin}, inside its pool`);
    loads.set(pin![0]!, loads.get(pin![0]!)! + LOADS[i]!);
  }
  return [...loads.values()];
}

test("off unless asked for: vCPUs are pinned to their pool's CPU set", async () => {
  const rig = await rigOf({});
  for (let i = 0; i < 6; i++) await rig.tick();
  rig.check();
  assert.equal(balanceMoves(rig), 0);
});

test("within its pool each vCPU gets a pCPU, evenly, and then nothing moves any more", async () => {
  const rig = await rigOf(ON);
  for (let i = 0; i < 3; i++) await rig.tick();
  const loads = poolLoads(rig);
  assert.ok(loads !== null && 100 * deviation(loads) <= 5, `${loads}`);
  assert.deepEqual(
    [...rig.pins("alone")].map((pin) => pin.length > 0),
    [true, true],
  );
  assert.notEqual(rig.pins("alone")[0], rig.pins("alone")[1], "its vCPUs have a pCPU each");
  const moves = balanceMoves(rig);
  assert.equal(moves, names.length + 2);
  rig.hypervisor.calls.clear();
  for (let i = 0; i < 20; i++) {
    const { actions } = await rig.tick();
    assert.equal(actions, 0, "a tick that finds everything as planned does nothing");
  }
  assert.equal(rig.hypervisor.calls.changes().length, 0);
  assert.deepEqual(checkHost(rig.policy, rig.agent.host()), []);
});

test("a pin outside of the pool is repaired, and balanced again; a pin inside of it is nobody's business", async () => {
  const rig = await rigOf(ON);
  for (let i = 0; i < 3; i++) await rig.tick();
  const outside = rig.agent.host().pools.find(({ ratio }) => ratio === 1)!.pcpus[0]!;
  rig.world.pinByHand("vm-0", 0, parseCpuSet(String(outside)));
  for (let i = 0; i < 4; i++) await rig.tick();
  const loads = poolLoads(rig);
  assert.ok(loads !== null && 100 * deviation(loads) <= 5, `${loads}`);
  assert.ok(rig.kinds().includes("pin-repaired"));
});

test("when VMs come and pools grow, everybody is inside of the pool and even again", async () => {
  const rig = await rigOf(ON);
  for (let i = 0; i < 3; i++) await rig.tick();
  for (let i = 0; i < 4; i++) await rig.deploy(`more-${i}`, 1, 2);
  await rig.agent.remove("vm-7", {});
  for (let i = 0; i < 4; i++) await rig.tick();
  for (const { name, pins } of rig.agent.vms()) {
    for (const [vcpu, pin] of rig.world.pinsOf(name)!.entries()) {
      assert.equal(pin.length, 1, name);
      assert.ok(parseCpuSet(pins[vcpu]!).includes(pin[0]!), `${name} is planned on ${pins[vcpu]}, and on ${pin}`);
    }
  }
});

test("pools that share pCPUs are balanced together, others apart", () => {
  const vcpu = (vm: string, allowed: string): ObservedVcpu => ({
    key: vm,
    vm,
    vcpu: 0,
    demand: null,
    affinity: parseCpuSet(allowed),
    ranOn: null,
    allowed: parseCpuSet(allowed),
  });
  const arenas = arenasOf([vcpu("a", "0-1"), vcpu("b", "4-5"), vcpu("c", "2-3"), vcpu("d", "1-2"), vcpu("e", "4-5")]);
  assert.deepEqual(arenas.map(({ name, vcpus }) => [name, vcpus.map(({ vm }) => vm).join("")]).sort(), [
    ["0,1,2,3", "acd"],
    ["4,5", "be"],
  ]);
});
