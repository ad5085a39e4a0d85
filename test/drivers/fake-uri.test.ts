/** A fake host has an address like any other, and with a file behind it outlives the process that drives it. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { cpuSetOf } from "../../src/core/cpuset.js";
import { mib, seconds } from "../../src/core/units.js";
import { openFake, parseFakeUri } from "../../src/drivers/fake/fake-uri.js";
import { virtualClock } from "../../src/drivers/fake/virtual-clock.js";
import { OperationalError } from "../../src/ports/errors.js";
import { START_MS, spec } from "./fake-hosts.js";
import { temporaryFolder } from "./folder.js";

const PROCESS = fileURLToPath(new URL("./fake-process.ts", import.meta.url));

const address = (path: string, more = "") => `fake:///i7-1185g7?state=${encodeURIComponent(path)}${more}`;

test("an address names preset, state, seed, speed and load, each with a default", () => {
  assert.deepEqual(parseFakeUri("fake:///i7-1185g7?state=%2Fvar%2Fx%20y&seed=7&speed=0.5&load=idle"), {
    uri: "fake:///i7-1185g7?state=%2Fvar%2Fx%20y&seed=7&speed=0.5&load=idle",
    preset: "i7-1185g7",
    statePath: "/var/x y",
    seed: 7,
    speed: 0.5,
    load: "idle",
  });
  const { preset, statePath, seed, speed, load } = parseFakeUri("fake:///");
  assert.deepEqual([preset, statePath, seed, speed, load], ["epyc-7662-2s", null, 1, 1, "mixed"]);
});

for (const [uri, told] of [
  ["qemu:///system", "fake:///PRESET"],
  ["fake", "fake:///PRESET"],
  ["fake://host/epyc-7662-2s", "fake:///PRESET"],
  ["fake:///epyc-7662-2s#x", "fake:///PRESET"],
  ["fake:///pentium", 'no preset "pentium", only epyc-7662-2s'],
  ["fake:///%E0%A4%A", "%E0%A4%A"],
  ["fake:///?sate=/x", 'no parameter "sate", only state'],
  ["fake:///?seed=1&seed=2", "more than once"],
  ["fake:///?state=relative", "not an absolute path"],
  ["fake:///?seed=-1", '"-1" is not a number'],
  ["fake:///?seed=1.5", "whole number"],
  ["fake:///?seed=4294967296", "whole number"],
  ["fake:///?speed=0", "above 0"],
  ["fake:///?speed=1e9", "not a number"],
  ["fake:///?speed=1001", "at most 1000"],
  ["fake:///?speed=NaN", "not a number"],
  ["fake:///?load=heavy", 'no load "heavy", only mixed'],
] as const) {
  test(`${uri} is refused and it is said why`, () => {
    assert.throws(
      () => parseFakeUri(uri),
      (error: unknown) =>
        error instanceof OperationalError && error.code === "bad-settings" && error.message.includes(told),
    );
  });
}

test("the world's time runs at its speed", async () => {
  const real = virtualClock(START_MS);
  const { hypervisor, clock } = openFake("fake:///i7-1185g7?speed=60", { clock: real });
  await hypervisor.connect();
  hypervisor.world.createForeign({ name: "a", vcpus: 1, memoryMiB: 512 });
  hypervisor.world.setDemand("a", {
    cpu: { kind: "constant", fraction: 0.5 },
    memory: { kind: "constant", fraction: 0.5 },
  });
  await real.advance(10_000);
  assert.equal(clock.now(), START_MS + 600_000);
  assert.equal((await hypervisor.stats())[0]?.cpuTimeNs, 300_000_000_000n);
});

test("a load given in the address is every guest's, and guests still differ", async () => {
  const real = virtualClock(START_MS);
  const { hypervisor } = openFake("fake:///i7-1185g7?load=idle", { clock: real });
  await hypervisor.connect();
  for (const name of ["a", "b"]) hypervisor.world.createForeign({ name, vcpus: 1, memoryMiB: 512 });
  await real.advance(3_600_000);
  const [a, b] = (await hypervisor.stats()).map((domain) => Number(domain.cpuTimeNs) / 3.6e12);
  assert.ok(a! < 0.01 && b! < 0.01 && a !== b);
});

test("a world opened again has the same guests, pins, metadata, balloons and counters, and time went on", async (context) => {
  const path = join(await temporaryFolder(context), "world.json");
  const real = virtualClock(START_MS);
  const first = openFake(address(path), { clock: real });
  await first.hypervisor.connect();
  await first.hypervisor.define(spec("a", [0, 1], { vcpus: 2, maximumVcpus: 4, maximumMemoryMiB: mib(2048) }));
  await first.hypervisor.start("a");
  await first.hypervisor.setMemoryStatsPeriod("a", seconds(1));
  await first.hypervisor.setMemory("a", mib(1536));
  await first.hypervisor.define(spec("b", [3]));
  first.hypervisor.world.createForeign({ name: "c", vcpus: 1, memoryMiB: 256 });
  await real.advance(30_000);
  await first.hypervisor.pinVcpu("a", 1, cpuSetOf([5]));
  first.hypervisor.world.crash("c");
  await real.advance(100_000);
  const told = {
    stats: await first.hypervisor.stats(),
    detail: await first.hypervisor.detail("a"),
    pins: await first.hypervisor.pins(["a", "b", "c"]),
  };
  const second = openFake(address(path), { clock: real });
  await second.hypervisor.connect();
  assert.deepEqual(await second.hypervisor.detail("a"), told.detail);
  assert.deepEqual(await second.hypervisor.pins(["a", "b", "c"]), told.pins);
  assert.deepEqual(await second.hypervisor.stats(), told.stats);
  await real.advance(60_000);
  const later = await second.hypervisor.stats();
  assert.ok(later[0]!.cpuTimeNs > told.stats[0]!.cpuTimeNs);
});

test("time that passed while nobody had the world open passed for its guests, at its speed", async (context) => {
  const path = join(await temporaryFolder(context), "world.json");
  const real = virtualClock(START_MS);
  const first = openFake(address(path, "&speed=10"), { clock: real });
  first.hypervisor.world.createForeign({ name: "a", vcpus: 1, memoryMiB: 512 });
  first.hypervisor.world.setDemand("a", {
    cpu: { kind: "constant", fraction: 1 },
    memory: { kind: "constant", fraction: 0.5 },
  });
  await real.advance(5000);
  const second = openFake(address(path, "&speed=10"), { clock: real });
  await second.hypervisor.connect();
  assert.equal((await second.hypervisor.stats())[0]?.cpuTimeNs, 50_000_000_000n);
  assert.equal(second.clock.now(), START_MS + 50_000);
});

test("counters never go back over a restart, however long ago the world last changed", async (context) => {
  const path = join(await temporaryFolder(context), "world.json");
  const real = virtualClock(START_MS);
  const first = openFake(address(path), { clock: real });
  await first.hypervisor.connect();
  for (let i = 0; i < 5; i++) first.hypervisor.world.createForeign({ name: `vm${i}`, vcpus: 4, memoryMiB: 512 });
  for (let tick = 0; tick < 100; tick++) {
    await real.advance(15_000);
    await first.hypervisor.stats();
  }
  const before = await first.hypervisor.stats();
  await real.advance(3_600_000);
  const second = openFake(address(path), { clock: real });
  await second.hypervisor.connect();
  for (const [i, domain] of (await second.hypervisor.stats()).entries()) {
    assert.ok(domain.cpuTimeNs >= before[i]!.cpuTimeNs, `${domain.name} went back`);
  }
});

test("a file that is no world is named, and left alone", async (context) => {
  const path = join(await temporaryFolder(context), "world.json");
  for (const text of ["", "{", "[]", '{"format":"other"}', '{"format":"headroom-fake-world","version":2}']) {
    await writeFile(path, text);
    assert.throws(
      () => openFake(address(path)),
      (error: unknown) =>
        error instanceof OperationalError && error.code === "state-corrupt" && error.message.includes(path),
    );
    assert.equal(await readFile(path, "utf8"), text);
  }
});

test("looking at a saved world does not write it", async (context) => {
  const path = join(await temporaryFolder(context), "world.json");
  const real = virtualClock(START_MS);
  openFake(address(path), { clock: real }).hypervisor.world.createForeign({ name: "a", vcpus: 1, memoryMiB: 64 });
  const written = await readFile(path, "utf8");
  await real.advance(60_000);
  const { hypervisor } = openFake(address(path), { clock: real });
  await hypervisor.connect();
  assert.equal((await hypervisor.stats()).length, 1);
  assert.equal(await readFile(path, "utf8"), written);
});

test("a folder that is not there is told at once", async (context) => {
  const folder = await temporaryFolder(context);
  assert.throws(() => openFake(address(join(folder, "missing", "world.json"))), { code: "state-not-written" });
});

test("a process killed while it starts guests leaves a whole world with every guest it was told of", async (context) => {
  const folder = await temporaryFolder(context);
  const path = join(folder, "world.json");
  const child = spawn(process.execPath, ["--import", "tsx", PROCESS, address(path)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  context.after(() => child.kill("SIGKILL"));
  let said = "";
  const ended = new Promise((resolve) => child.on("close", resolve));
  await new Promise<void>((resolve) => {
    child.stdout.on("data", (chunk: Buffer) => {
      said += chunk;
      if (said.includes("vm-5\n")) resolve();
    });
  });
  child.kill("SIGKILL");
  await ended;
  const { hypervisor } = openFake(address(path));
  await hypervisor.connect();
  const states = new Map((await hypervisor.stats()).map((domain) => [domain.name, domain.state]));
  const names = said.slice(0, said.lastIndexOf("\n")).split("\n");
  const pins = await hypervisor.pins(names);
  for (const [index, name] of names.entries()) {
    assert.equal(states.get(name), "running", `${name} was running when the process was killed`);
    assert.deepEqual(pins.get(name), [[(index + 2) % 8]]);
  }
  assert.ok(states.size <= names.length + 1, "there is at most the one guest that was being made");
  assert.ok((await readdir(folder)).length <= 2);
});
