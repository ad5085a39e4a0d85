/** Guests that reboot while libvirt cannot be reached: known afterwards by their page faults, and only then asked for. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { MissedReboots } from "../../src/agent/dynamic/missed-reboots.js";
import { milliseconds } from "../../src/core/units.js";
import type { DomainStats } from "../../src/ports/hypervisor.js";
import { SETTINGS } from "../dynamic/support.js";
import { Rig } from "./support.js";

const BOOT = milliseconds(60_000);
const loaded = (fraction: number) =>
  ({ cpu: { kind: "constant", fraction }, memory: { kind: "constant", fraction: 0.5 } }) as const;

/** The host's VMs with page faults as given, by name; absent: a guest that reports none. */
async function world(): Promise<(faults: Record<string, number>) => readonly DomainStats[]> {
  const rig = await new Rig().start();
  for (const name of ["a", "b", "c"]) await rig.deploy(name, 1, 2);
  const stats = await rig.hypervisor.stats();
  return (faults) =>
    stats.map((domain) => {
      const minorFaults = faults[domain.name];
      return minorFaults === undefined ? domain : { ...domain, memory: { ...domain.memory!, minorFaults } };
    });
}

test("a count that is lower than before the connection was lost is a new kernel's", async () => {
  const with_ = await world();
  const uuidOf = (name: string): string => with_({}).find((domain) => domain.name === name)!.uuid;
  const missed = new MissedReboots();
  const found = (faults: Record<string, number>, at: number) =>
    missed.found(with_(faults), milliseconds(at), BOOT).map((uuid) => (uuid === uuidOf("a") ? "a" : "b"));
  assert.deepEqual(found({ a: 1000, b: 900 }, 0), []);
  assert.deepEqual(
    found({ a: 500, b: 950 }, 5_000),
    [],
    "nothing was missed: who reports faults per second falls all the time",
  );
  missed.reconnected();
  assert.deepEqual(found({ b: 960, c: 3 }, 30_000), [], "a's driver is not loaded yet");
  assert.deepEqual(found({ a: 400, b: 970, c: 4 }, 40_000), ["a"]);
  assert.deepEqual(found({ a: 410, b: 980 }, 45_000), [], "told once");
  assert.deepEqual(found({ a: 420, b: 10 }, 95_000), ["b"]);
  assert.deepEqual(found({ a: 5, b: 5 }, 100_000), [], "too late to say");
});

test("such a guest boots: its pool keeps its ratio meanwhile", async () => {
  const ratios: number[] = [];
  for (const isReboot of [true, false]) {
    const rig = await new Rig({ settings: { dynamic: { ...SETTINGS, bootTime: BOOT } } }).start();
    const names = ["a", "b", "c"];
    for (const name of names) await rig.deploy(name, 4, 3);
    for (const name of names) rig.world.setDemand(name, loaded(0.1));
    let faults = 1_000_000;
    const stats = rig.hypervisor.stats.bind(rig.hypervisor);
    rig.hypervisor.stats = async () =>
      (await stats()).map((domain) => ({ ...domain, memory: { ...domain.memory!, minorFaults: faults } }));
    for (let i = 0; i < 30; i++) await rig.tick();
    rig.hypervisor.disconnect();
    rig.hypervisor.reconnect();
    if (isReboot) faults = 1000;
    for (const name of names) rig.world.setDemand(name, loaded(1));
    for (let i = 0; i < 4; i++) await rig.tick();
    ratios.push(rig.agent.status().pools.find(({ ratio }) => ratio === 3)!.dynamics!.effectiveRatio);
  }
  assert.deepEqual([ratios[0], ratios[1]! < 3], [3, true]);
});
