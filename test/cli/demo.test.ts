/** The demonstrations: the same hour for the same seed, frames that fit any terminal, and a play through the real interface. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { stripVTControlCharacters } from "node:util";
import { renderCluster } from "../../src/cli/demo/cluster/frame.js";
import { runClusterDemo } from "../../src/cli/demo/cluster/run-cluster.js";
import { plainLine as clusterLine } from "../../src/cli/demo/cluster/story.js";
import { type ClusterView, hostLine, totalsLine } from "../../src/cli/demo/cluster/view.js";
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
import { mib, milliseconds, ratio } from "../../src/core/units.js";
import type { ClusterHostAnswer } from "../../src/http/scheduler/schemas/answers.js";

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
    open: () => Promise.resolve(false),
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

/** A cluster of hosts in every state, as its scheduler would show it. */
function clusterOf(count: number): ClusterView {
  const one = viewOf(count);
  const hostOf = (id: string, state: ClusterHostAnswer["state"]): ClusterHostAnswer => ({
    id,
    url: "http://127.0.0.1:65535",
    state,
    silence: state === "new" ? null : 1,
    cordoned: false,
    agentCordoned: false,
    draining: false,
    machineId: null,
    labels: {},
    vmCount: one.host.vmCount,
    reserved: 0,
    status: state === "new" ? null : { ...statusOf(one.host), host: id },
    clockSkew: null,
    problems: [],
  });
  return {
    url: one.url,
    atSeconds: one.atSeconds,
    speed: 60,
    hosts: [hostOf("up-1", "up"), hostOf("a-very-long-name", "suspect"), hostOf("gone", "down"), hostOf("late", "new")],
    ratios: one.ratios,
    history: one.history,
    events: [
      { atSeconds: 1, kind: "host", state: "down", text: "gone  the host is taken for down" },
      ...Array.from({ length: 40 }, (_, i) => ({ atSeconds: i + 2, kind: "arrived" as const, text: `vm-${i}` })),
      ...one.events,
    ],
    tally: { deployed: count, removed: 0, waiting: 3, refusals: new Map([["no-host-fits", 2]]), deployMs: 12 },
    elapsedSeconds: 30,
  };
}

function statusOf(host: DemoView["host"]): NonNullable<ClusterHostAnswer["status"]> {
  const { id, ...view } = host;
  const counts = {
    policy: host.policy,
    template: null,
    criticalSize: 0,
    totalPcpus: host.pcpus.total,
    usablePcpus: host.pcpus.total,
    freePcpus: host.pcpus.free,
    memoryCapacityMiB: host.memory.capacityMiB,
    memoryAllocatedMiB: host.memory.allocatedMiB,
    pools: [],
  };
  const identity = { machineId: "m", bootId: null, instance: "i", ready: true, labels: {}, images: null };
  return { ...view, host: id, ...identity, counts, ratiosOffered: null, migrationAddress: null };
}

describe("a frame of the cluster fits its terminal", () => {
  for (const [columns, rows] of [
    [80, 24],
    [100, 40],
    [250, 80],
  ] as const) {
    for (const coloured of [true, false]) {
      test(`${columns} x ${rows}, ${coloured ? "coloured" : "plain"}`, () => {
        for (const view of [clusterOf(0), clusterOf(250)]) {
          const lines = renderCluster(view, { columns, rows }, coloured ? ansi : plainPaint, coloured);
          assert.ok(lines.length <= rows, `${lines.length} lines`);
          for (const line of lines) assert.ok([...stripVTControlCharacters(line)].length <= columns, line);
        }
      });
    }
  }
});

test("a host's bar shows each pool's share by its sign, and its state beside it", () => {
  const view = clusterOf(250);
  const lines = renderCluster(view, { columns: 120, rows: 40 }, plainPaint, false);
  const line = lines.find((one) => one.startsWith("gone"))!;
  assert.match(line, /^gone +down +1+2+3+·* +\d+\/256 +\d+% +\d+$/);
  const status = view.hosts[0]!.status!;
  const width = [...(line.match(/[123·]{5,}/)?.[0] ?? "")].length;
  const drawn = [...line.match(/1+/)![0]].length;
  const pcpus = status.pools.find((pool) => pool.ratio === 1)!.pcpuCount;
  assert.ok(Math.abs(drawn / width - pcpus / status.pcpus.total) < 1 / width, line);
});

test("what happened to a host stays on the screen while VMs come and go", () => {
  const lines = renderCluster(clusterOf(10), { columns: 100, rows: 24 }, plainPaint, false).join("\n");
  assert.match(lines, /00:01 {2}● gone {2}the host is taken for down/);
  assert.match(lines, /✗ vm-002/);
});

test("refusals are counted by reason, silent hosts are named", () => {
  assert.equal(
    totalsLine(clusterOf(60)),
    "60 deployed (2.0/s, 12 ms each) · 0 removed, 3 wait for their host · 2 refused (2 no-host-fits)",
  );
  assert.match(clusterLine(clusterOf(60)), / suspect: a-very-long-name {2}down: gone {2}new: late\n$/);
});

test("events of VMs and leaders make no line of a host", () => {
  const event = { id: 1, at: milliseconds(0), vm: null, host: "a", message: "m" };
  assert.deepEqual(hostLine({ ...event, kind: "host-down" }, 5), {
    atSeconds: 5,
    kind: "host",
    state: "down",
    text: "a  m",
  });
  assert.equal(hostLine({ ...event, kind: "host-cordoned" }, 5)?.state, null);
  assert.equal(hostLine({ ...event, kind: "vm-placed", vm: "v" }, 5), null);
  assert.equal(hostLine({ ...event, kind: "leader-elected", host: null }, 5), null);
});

/** What the cluster's demonstration writes; null when its host was not seen down. */
async function demonstration(seconds: number): Promise<string | null> {
  const written: string[] = [];
  const options = {
    seconds,
    seed: 1,
    port: 0,
    keep: false,
    open: () => Promise.resolve(false),
    plain: true,
    version: "0",
    signal: new AbortController().signal,
    terminal: { write: (text: string) => written.push(text) },
  };
  await runClusterDemo(options, 0.2);
  const text = written.join("");
  return text.includes("down not seen") ? null : text;
}

test("the cluster's demonstration loses a host, keeps its VMs in mind, and gets it back", async () => {
  // On a machine that is too busy to see the host down within a short hour, a longer one is played.
  const text = (await demonstration(15)) ?? (await demonstration(90)) ?? assert.fail("the host was never seen down");
  assert.match(text, /a real scheduler and 6 real agents on simulated hosts/);
  assert.match(text, /bin\/headroom host list --url http:\/\/127\.0\.0\.1:\d+/);
  assert.match(text, /-\d {2}its agent dies with \d+ VMs? on the host/);
  assert.match(text, /-\d {2}the host is taken for down/);
  assert.match(text, /explain: 4 vCPUs at 2:1 would go to .*; not to [a-z]+-\d: the host is down/);
  assert.match(text, /-\d {2}the host is back/);
  const failure = /-\d with (\d+) VMs? fell silent: .*; (\d+) VMs accounted for then;\n +(\d+) VMs went to other/.exec(
    text,
  );
  assert.ok(failure !== null, text);
  const [before, whileDown, elsewhere] = failure.slice(1).map(Number) as [number, number, number];
  assert.ok(whileDown > 0 && whileDown <= before, `${before} VMs before, ${whileDown} while down`);
  assert.ok(elsewhere > 0);
});
