/** `headroom lab` without guests: its cases, what its monitor prints, and wrong usage. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { cpuMonitor, memoryMonitor, usageOf } from "../../src/cli/lab/monitor.js";
import { CPU_CASES, cpuScene, MEMORY_CASES, memoryScene, type Scene } from "../../src/cli/lab/scenes.js";
import { run } from "../../src/cli/program.js";
import { cpuSetOf } from "../../src/core/cpuset.js";
import { mib } from "../../src/core/units.js";
import type { DomainStats } from "../../src/ports/hypervisor.js";

describe("the cases", () => {
  const scenes: readonly Scene[] = [
    ...[1, 2, 4].flatMap((pcpus) => Array.from({ length: CPU_CASES }, (_, i) => cpuScene(i + 1, pcpus))),
    ...Array.from({ length: MEMORY_CASES }, (_, i) => memoryScene(i + 1)),
  ];

  test("each is another, and only its own guests do something, in order of time", () => {
    assert.equal(
      new Set(scenes.map(({ title }) => title)).size,
      CPU_CASES + MEMORY_CASES + 2,
      "the fourth names its numbers",
    );
    for (const { title, guests, happenings } of scenes) {
      const names = guests.map(({ name }) => name);
      assert.equal(new Set(names).size, names.length, title);
      assert.ok(
        happenings.every(({ guest }) => names.includes(guest)),
        title,
      );
      const times = happenings.map(({ atSeconds }) => atSeconds);
      assert.deepEqual(
        times,
        [...times].sort((a, b) => a - b),
        title,
      );
    }
  });

  test("in the course's size there are 8 guests on 4 pCPUs, placed as the case says", () => {
    const pcpusOf = (number: number) => cpuScene(number, 4).guests.map(({ pcpu }) => pcpu);
    assert.deepEqual(pcpusOf(1), [0, 1, 2, 3, 0, 1, 2, 3]);
    assert.deepEqual(pcpusOf(2), Array(8).fill(0));
    assert.deepEqual(pcpusOf(3), Array(8).fill(null));
  });

  test("who has not been started is told nothing", () => {
    const { happenings } = cpuScene(5, 2);
    const started = happenings.findIndex(({ kind, guest }) => kind === "start" && guest === "extra");
    assert.ok(started >= 0);
    assert.ok(happenings.findIndex(({ guest }) => guest === "extra") === started);
  });
});

const stats = (name: string, cpuMs: number, given: Partial<DomainStats> = {}): DomainStats => ({
  name,
  uuid: `uuid-${name}`,
  state: "running",
  cpuTimeNs: BigInt(cpuMs) * 1_000_000n,
  vcpus: [],
  memory: null,
  ...given,
});

describe("the monitor", () => {
  test("shows each pCPU's usage and who is pinned to it, and who is not pinned to one", () => {
    const usage = usageOf(
      [stats("c1", 0), stats("c2", 100), stats("c3", 0), stats("gone", 5)],
      [stats("c1", 500), stats("c2", 350), stats("c3", 100), stats("new", 9), stats("off", 0, { state: "stopped" })],
      1000,
    );
    const pins = new Map([
      ["c1", [cpuSetOf([0])]],
      ["c2", [cpuSetOf([0])]],
      ["c3", [cpuSetOf([0, 1])]],
    ]);
    assert.deepEqual(cpuMonitor([0, 1], usage, pins), [
      "0 - usage: 75.0 | mapping ['c1', 'c2']",
      "1 - usage: 0.0 | mapping []",
      "c3 on 0-1, usage: 10.0",
    ]);
  });

  test("shows each guest's memory and what is unused, as far as it is reported", () => {
    const memory = {
      currentMiB: mib(128),
      maximumMiB: mib(512),
      unusedMiB: mib(57.25),
      availableMiB: null,
      usableMiB: null,
      swapInMiB: null,
      swapOutMiB: null,
      lastUpdate: null,
      rssMiB: null,
    };
    assert.deepEqual(
      memoryMonitor([
        stats("m1", 0, { memory }),
        stats("m2", 0, { memory: { ...memory, unusedMiB: null } }),
        stats("m3", 0, { memory, state: "stopped" }),
      ]),
      ["Memory (VM: m1) Actual [128.0], Unused: [57.3]", "Memory (VM: m2) Actual [128.0], Unused: not reported yet"],
    );
  });
});

test("wrong usage is told before anything is prepared", async () => {
  for (const [words, message] of [
    [["lab"], /missing required argument 'kind'/],
    [["lab", "disk"], /Allowed choices are cpu, memory/],
    [["lab", "memory", "--case", "4"], /memory has the cases 1 to 3/],
    [["lab", "cpu", "--case", "x"], /number of a case/],
    [["lab", "cpu", "--interval", "0"], /number of seconds/],
  ] as const) {
    let err = "";
    const code = await run(words, {
      write: (text) => {
        err += text;
      },
    });
    assert.equal(code, 2, words.join(" "));
    assert.match(err, message);
  }
});
