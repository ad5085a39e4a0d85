/** The demonstration: the same hour for the same seed, frames that fit any terminal, and a play through the real interface. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { stripVTControlCharacters } from "node:util";
import { renderFrame } from "../../src/cli/demo/frame.js";
import { smallMap } from "../../src/cli/demo/host-map.js";
import { runDemo } from "../../src/cli/demo/run-demo.js";
import { plainLine } from "../../src/cli/demo/story.js";
import type { DemoView, Moment } from "../../src/cli/demo/view.js";
import { demoHour, HOUR_SECONDS } from "../../src/cli/demo/workload.js";
import { openScreen } from "../../src/cli/screen.js";
import { type Paint, plainPaint } from "../../src/cli/terminal.js";
import { cpuSetOf, formatCpuSet } from "../../src/core/cpuset.js";
import { createPolicy } from "../../src/core/pool/registry.js";
import { indexTopology } from "../../src/core/topology/index-topology.js";
import { presetTopology } from "../../src/core/topology/presets.js";
import { mib, ratio } from "../../src/core/units.js";

/** Marks what is painted, as wide as nothing. */
const ansi: Paint = (_style, text) => `\u001b[1m${text}\u001b[0m`;

describe("the hour", () => {
  const hour = demoHour(1);
  const arrivals = hour.filter((happening) => happening.kind === "arrive");

  test("is the same for the same seed, and another for another", () => {
    assert.deepEqual(demoHour(1), hour);
    assert.notDeepEqual(demoHour(2), hour);
  });

  test("is in order of time, and each VM leaves after it came, once", () => {
    const seen = new Map<string, "here" | "gone">();
    let last = 0;
    for (const happening of hour) {
      assert.ok(happening.atSeconds >= last && happening.atSeconds < HOUR_SECONDS);
      last = happening.atSeconds;
      assert.equal(seen.get(happening.name), happening.kind === "arrive" ? undefined : "here");
      seen.set(happening.name, happening.kind === "arrive" ? "here" : "gone");
    }
  });

  test("has OVHcloud's sizes in exact counts, small with small", () => {
    const share = (vcpus: number): number => arrivals.filter((vm) => vm.vcpus === vcpus).length / arrivals.length;
    assert.ok(Math.abs(share(2) - 0.48) < 0.01);
    assert.ok(Math.abs(share(16) - 0.03) < 0.01);
    const ordered = [...arrivals].sort((a, b) => a.vcpus - b.vcpus || a.memoryMiB - b.memoryMiB);
    for (const [i, vm] of ordered.entries()) assert.ok(i === 0 || ordered[i - 1]!.memoryMiB <= vm.memoryMiB);
  });

  test("moves from exclusive VMs to oversubscribed ones", () => {
    const exclusive = (from: number, to: number): number => {
      const slice = arrivals.filter((vm) => vm.atSeconds >= from && vm.atSeconds < to);
      return slice.filter((vm) => vm.ratio === 1).length / slice.length;
    };
    assert.ok(exclusive(0, 900) > exclusive(2700, 3600) + 0.15);
  });
});

/** The host after the first `count` arrivals, as the agent would show it. */
function viewOf(count: number): DemoView {
  const topology = presetTopology("epyc-7662-2s")!;
  const index = indexTopology(topology);
  const policy = createPolicy("headroom", { topology: index, criticalSize: 0, template: null, hostPcpus: [] });
  let state = policy.initial(mib(2 * 1024 * 1024));
  const history: Moment[] = [];
  for (const happening of demoHour(1).slice(0, count)) {
    if (happening.kind === "leave") continue;
    const { name, vcpus, memoryMiB } = happening;
    const placed = policy.deploy(state, { name, vcpus, memoryMiB: mib(memoryMiB), ratio: ratio(happening.ratio) });
    if (placed.ok) state = placed.value;
    history.push({
      atSeconds: happening.atSeconds,
      sizes: new Map(state.pools.map((pool) => [pool.ratio, pool.pcpus.length])),
    });
  }
  const inPools = state.pools.reduce((sum, pool) => sum + pool.pcpus.length, 0);
  return {
    url: "http://127.0.0.1:65535",
    index,
    atSeconds: history.at(-1)?.atSeconds ?? 0,
    speed: 100,
    ratios: state.pools.map((pool) => pool.ratio).sort((a, b) => a - b),
    history,
    events: [
      { atSeconds: 10, kind: "arrived", text: "vm-001" },
      { atSeconds: 3599, kind: "refused", text: `vm-002  ${"a very long reason ".repeat(20)}` },
    ],
    totals: { arrived: count, left: 0, refused: 12 },
    host: {
      id: "demo",
      policy: "headroom",
      template: null,
      hypervisor: { uri: "fake:///", connected: true, accelerator: "fake" },
      generation: count,
      cordoned: false,
      pcpus: { total: 256, reserved: 0, free: 256 - inPools, inPools },
      memory: { capacityMiB: 2 * 1024 * 1024, allocatedMiB: state.memory.allocatedMiB, freeMiB: 0 },
      usage: { cpuPcpus: 100.4, memoryMiB: 1 },
      pools: state.pools.map((pool) => ({
        ratio: pool.ratio,
        pcpus: formatCpuSet(cpuSetOf(pool.pcpus)),
        pcpuCount: pool.pcpus.length,
        allocatedVcpus: pool.allocatedVcpus,
        freeVcpus: 0,
        vms: pool.members.map((member) => member.vm),
        pinnedTo: formatCpuSet(pool.pinnedTo),
        usagePcpus: pool.pcpus.length / 3,
        waitPcpus: 0.25,
      })),
      vmCount: state.memory.members.length,
      lastTick: null,
      problems: [],
    },
  };
}

describe("a frame fits its terminal", () => {
  const views = [viewOf(0), viewOf(1), viewOf(250)];
  for (const [columns, rows] of [
    [80, 24],
    [90, 30],
    [100, 40],
    [120, 50],
    [250, 80],
  ] as const) {
    for (const coloured of [true, false]) {
      test(`${columns} x ${rows}, ${coloured ? "coloured" : "plain"}`, () => {
        for (const view of views) {
          const lines = renderFrame(view, { columns, rows }, coloured ? ansi : plainPaint, coloured);
          assert.ok(lines.length <= rows, `${lines.length} lines`);
          for (const line of lines) assert.ok([...stripVTControlCharacters(line)].length <= columns, line);
        }
      });
    }
  }
});

test("without colour the map tells the pools apart by their signs", () => {
  const view = viewOf(250);
  const signs = new Set(smallMap(view, 79, plainPaint, false).join("").replaceAll(" ", ""));
  assert.deepEqual([...signs].sort(), ["1", "2", "3"].concat(view.host.pcpus.free > 0 ? ["·"] : []).sort());
  const counted = [...smallMap(view, 79, plainPaint, false).join("")].filter((sign) => sign === "1").length;
  assert.equal(counted, view.host.pools.find((pool) => pool.ratio === 1)?.pcpuCount);
});

test("a plain line names every pool by its ratio, the lowest first", () => {
  assert.match(plainLine(viewOf(250)), /1:1 +\d+ pCPUs .* 2:1 +\d+ pCPUs .* 3:1 +\d+ pCPUs .* free \d+ +refused 12\n$/);
});

test("the screen gives the terminal back, once", () => {
  const written: string[] = [];
  const screen = openScreen({ write: (text) => written.push(text) });
  screen.draw(["a", "b"]);
  screen.close();
  screen.close();
  screen.draw(["late"]);
  assert.match(written[0]!, /\[\?1049h/);
  assert.equal(written.filter((text) => text.includes("[?1049l")).length, 1);
  assert.doesNotMatch(written.join(""), /late/);
});

test("the demonstration plays through a real agent and ends when it is told to", async () => {
  const written: string[] = [];
  const stopping = new AbortController();
  const terminal = {
    write: (text: string) => {
      written.push(text);
      if (/ [1-9]\d* VMs/.test(text)) stopping.abort();
    },
  };
  await runDemo({
    seconds: 36,
    seed: 1,
    policy: "headroom",
    port: 0,
    keep: true,
    plain: true,
    version: "0",
    signal: stopping.signal,
    terminal,
  });
  const text = written.join("");
  assert.match(text, /simulated host of 2 x 64 cores, 256 pCPUs/);
  assert.match(text, /bin\/headroom vm list --url http:\/\/127\.0\.0\.1:\d+/);
  assert.match(text, /VMs +\d+ deployed, \d+ removed, \d+ still run; 0 refused/);
});
