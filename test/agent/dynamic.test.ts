/** An agent whose pools follow their usage: down at once, up slowly, back after a restart, elastic, and off unless asked for. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { PoolView } from "../../src/agent/service.js";
import type { AgentSettings } from "../../src/agent/settings.js";
import { checkHost } from "../../src/core/pool/invariants.js";
import { createPolicy } from "../../src/core/pool/registry.js";
import { milliseconds } from "../../src/core/units.js";
import { OperationalError } from "../../src/ports/errors.js";
import { SETTINGS, WINDOW } from "../dynamic/support.js";
import { policyFor, Rig, type RigOptions, silentLog } from "./support.js";

const MEMORY = { kind: "constant", fraction: 0.5 } as const;
const TICKS = WINDOW / 5_000;
const BOOT = milliseconds(WINDOW / 2 + 10_000);
const on = (more: Partial<typeof SETTINGS> = {}): RigOptions => ({ settings: { dynamic: { ...SETTINGS, ...more } } });

/** Guests of the pool of ratio 3, `vcpus` each. */
async function rigWith(options: RigOptions, guests: number, vcpus: number, load: number, of = 3): Promise<Rig> {
  const rig = await new Rig(options).start();
  for (let i = 0; i < guests; i++) await rig.deploy(`g${i}`, vcpus, of);
  setLoad(rig, load);
  return rig;
}

function setLoad(rig: Rig, fraction: number): void {
  for (const { name } of rig.agent.vms())
    rig.world.setDemand(name, { cpu: { kind: "constant", fraction }, memory: MEMORY });
}

async function windows(rig: Rig, count: number): Promise<void> {
  for (let i = 0; i < Math.ceil(count * TICKS); i++) {
    await rig.tick();
    rig.check();
  }
}

const pool = (rig: Rig, of = 3): PoolView => rig.agent.status().pools.find(({ ratio }) => ratio === of)!;

test("off unless asked for: however guests suffer, pools are what their ratios make them", async () => {
  const rig = await rigWith({}, 3, 4, 1);
  await windows(rig, 2);
  assert.equal(pool(rig).pcpuCount, 4);
  assert.equal(pool(rig).dynamics, undefined);
  assert.equal(rig.agent.metrics().actions.adjust, 0);
});

test("while guests want little, it is exactly as without", async () => {
  const [with_, without] = [await rigWith(on(), 5, 4, 0.05), await rigWith({}, 5, 4, 0.05)];
  await windows(with_, 7);
  await windows(without, 7);
  assert.deepEqual(with_.agent.host(), without.agent.host());
  assert.deepEqual(with_.agent.seedStatus(), without.agent.seedStatus());
  assert.equal(with_.agent.metrics().pinCalls, without.agent.metrics().pinCalls);
});

test("guests that suffer have more pCPUs within two ticks, and the room is nobody else's then", async () => {
  const rig = await rigWith(on(), 3, 4, 0.1);
  await rig.deploy("own", 8, 1);
  await windows(rig, 1);
  assert.equal(pool(rig).pcpuCount, 4);
  const own = rig.pins("own");
  setLoad(rig, 0.9);
  for (let i = 0; i < 3; i++) await rig.tick();
  rig.check();
  assert.equal(pool(rig).pcpuCount, 8, "all that is free");
  assert.equal(pool(rig).dynamics!.effectiveRatio, 1.5);
  const { lastMove, leastRatio, mostRatio } = pool(rig).dynamics!;
  assert.deepEqual([leastRatio, mostRatio, lastMove!.reason], [1, 3, "waiting"]);
  assert.ok(lastMove!.to < lastMove!.from, "and it says why");
  assert.deepEqual(rig.pins("own"), own, "who bought exclusive pCPUs keeps them");
  const refused = await rig.tryDeploy("late", 1, 3);
  assert.ok(!refused.ok && refused.refusal.code === "no-cpu-capacity");
  assert.match(refused.refusal.reason, /the pool of ratio 3 is busy and counted with 1\.5$/);
  assert.equal(rig.agent.explain({ name: "late", vcpus: 1, memoryMiB: 1 as never, ratio: 3 as never }).fits, false);
  assert.equal(pool(rig).freeVcpus, 0);
  assert.equal(rig.agent.hostStatus().counts.pools[0]!.effectiveRatio, 1.5);
});

test("when they are calm again it rises step by step, back to what was sold", async () => {
  const rig = await rigWith(on(), 3, 4, 0.9);
  await windows(rig, 1);
  const low = pool(rig).dynamics!.effectiveRatio;
  assert.ok(low < 1.2, `${low}`);
  setLoad(rig, 0.05);
  let before = low;
  for (let i = 0; i < 20; i++) {
    await windows(rig, 1);
    const now = pool(rig).dynamics!.effectiveRatio;
    assert.ok(now - before <= 0.301, `from ${before} to ${now} in a window`);
    before = now;
  }
  assert.equal(before, 3);
  assert.equal(rig.agent.host().pools[0]!.dynamics, undefined, "nothing is left to tell");
});

test("quiet pools go beyond their ratio where that is allowed, and come back at once when they wake", async () => {
  const policy = createPolicy("headroom", { ...policyFor({}).settings, retrievableShare: 1 });
  const rig = await rigWith({ ...on({ maximumFactor: 2 }), agent: { policy } }, 8, 2, 0.05, 2);
  assert.equal(pool(rig, 2).pcpuCount, 8);
  await windows(rig, 14);
  const quiet = pool(rig, 2);
  assert.equal(quiet.dynamics!.effectiveRatio, 4);
  assert.equal(quiet.pcpuCount, 4);
  assert.ok(quiet.dynamics!.expectedPeakPcpus! < 1.5);
  assert.equal(rig.agent.status().pcpus.free, 8, "what it gave up is kept for it");
  assert.equal((await rig.tryDeploy("big", 9, 1)).ok, false);
  await rig.deploy("big", 8, 1);
  setLoad(rig, 0.45);
  for (let i = 0; i < 3; i++) await rig.tick();
  rig.check();
  assert.equal(pool(rig, 2).pcpuCount, 8, "as it was sold");
  assert.ok(rig.agent.vms().every(({ usage, name }) => name === "big" || usage.waitPcpus! < 0.05));
});

test("a guest that boots in a full pool moves no ratio; what it does after its boot time does", async () => {
  const busy = (rig: Rig, name: string): void =>
    rig.world.setDemand(name, { cpu: { kind: "constant", fraction: 1 }, memory: MEMORY });
  const ratios: (number | undefined)[] = [];
  for (const bootTime of [BOOT, milliseconds(0)]) {
    const rig = await rigWith(on({ bootTime }), 2, 4, 0.3);
    await windows(rig, 3);
    await rig.deploy("new", 4, 3);
    busy(rig, "new");
    await windows(rig, 0.5);
    const waits = rig.agent.vms().some(({ usage }) => usage.waitPcpus! > 0.5);
    assert.equal(waits, bootTime > 0, "what is asked for and not given is waited for");
    ratios.push(pool(rig).dynamics!.effectiveRatio);
    await windows(rig, 1);
    assert.ok(pool(rig).dynamics!.effectiveRatio < 2);
  }
  assert.equal(ratios[0], 3);
  assert.ok(ratios[1]! < 2, `${ratios[1]}`);
});

test("what was decided survives a restart of the agent, and a lost journal falls back on what was sold", async () => {
  const rig = await rigWith(on(), 3, 4, 0.9);
  await windows(rig, 1);
  const { pcpuCount, dynamics, pcpus } = pool(rig);
  await rig.restart();
  rig.check();
  assert.deepEqual([pool(rig).pcpuCount, pool(rig).pcpus], [pcpuCount, pcpus]);
  assert.equal(pool(rig).dynamics!.effectiveRatio, dynamics!.effectiveRatio);
  rig.journal.text = null;
  rig.forecasts.text = null;
  await rig.restart();
  rig.check();
  assert.equal(pool(rig).pcpuCount, 4);
});

test("a restarted agent goes on with the forecasts, and what rests keeps resting", async () => {
  const rig = await rigWith(on({ ratios: false, elastic: "idle" }), 8, 2, 0.1, 2);
  await windows(rig, 7);
  const { expectedPeakPcpus, activePcpus } = pool(rig, 2).dynamics!;
  assert.ok(activePcpus < 4 && expectedPeakPcpus !== null);
  const calls = rig.agent.metrics().pinCalls;
  await rig.restart();
  assert.deepEqual([rig.agent.metrics().pinCalls, calls > 0], [0, true], "nothing is pinned anew");
  await windows(rig, 2);
  assert.equal(pool(rig, 2).dynamics!.activePcpus, activePcpus);
  assert.equal(rig.agent.metrics().pinCalls, 0);
  await rig.clock.advance(30 * WINDOW);
  await rig.restart();
  assert.equal(
    pool(rig, 2).dynamics!.expectedPeakPcpus,
    null,
    "what was expected of another time is not expected of now",
  );
  await windows(rig, 2);
  assert.notEqual(pool(rig, 2).dynamics!.expectedPeakPcpus, null, "one window is enough to go on from what was learnt");
});

test("a guest that reboots in the same domain boots: its pool keeps its ratio, until its boot time is over", async () => {
  const ratios: (number | undefined)[] = [];
  for (const isReboot of [true, false]) {
    const rig = await rigWith(on({ bootTime: BOOT }), 3, 4, 0.3);
    await windows(rig, 3);
    if (isReboot) rig.world.reboot("g1");
    rig.world.setDemand("g1", { cpu: { kind: "constant", fraction: 1 }, memory: MEMORY });
    await windows(rig, 0.5);
    ratios.push(pool(rig).dynamics!.effectiveRatio);
    await windows(rig, 1);
    assert.ok(pool(rig).dynamics!.effectiveRatio < 2, "what it does after that counts");
  }
  assert.deepEqual([ratios[0], ratios[1]! < 2], [3, true]);
});

/** What the pool of ratio 3 was measured to want for each of its vCPUs, in each window that has ended. */
const learntWindows = (rig: Rig): readonly (readonly number[])[] => {
  const [, text = ""] = rig.forecasts.text!.split("\n");
  const { pools } = JSON.parse(text) as { pools: { ratio: number; state: { history: number[][] } }[] };
  return pools.find(({ ratio }) => ratio === 3)!.state.history;
};

test("an agent that is killed within a window has lost none of the samples that it took of it", async () => {
  const course = async (dies: readonly number[]): Promise<readonly (readonly number[])[]> => {
    const rig = await rigWith(on(), 3, 4, 0.1);
    await windows(rig, 1);
    for (let i = 0; i < 2 * TICKS; i++) {
      setLoad(rig, 0.1 + (i % 7) / 100);
      await rig.tick();
      if (dies.includes(i)) await rig.restart();
    }
    await windows(rig, 1);
    return learntWindows(rig).slice(-3);
  };
  const whole = await course([]);
  assert.equal(whole.flat().length, 3 * TICKS);
  // A new process looks at once, at the time of its predecessor's last tick: between the two there was nothing to measure.
  assert.deepEqual(await course([1, Math.floor(TICKS / 2), TICKS + 2, TICKS + 3]), whole);
});

test("what was measured before the first window ended is there after a restart as well", async () => {
  const rig = await rigWith(on(), 3, 4, 0.1);
  await windows(rig, 0.5);
  assert.equal(rig.forecasts.text, null);
  await rig.restart();
  await windows(rig, 1);
  assert.ok(learntWindows(rig)[0]!.length > TICKS / 3, `${learntWindows(rig)[0]!.length} samples`);
});

test("samples that belong to other forecasts, or are damaged, are left out", async () => {
  const lines: string[] = [];
  const warn = (_: object, message: string): void => void lines.push(message);
  const rig = await rigWith({ ...on(), agent: { log: { ...silentLog, warn } } }, 3, 4, 0.1);
  await windows(rig, 2.2);
  const [before, early] = [learntWindows(rig), rig.openWindow.text!];
  await windows(rig, 1);
  rig.openWindow.text = early;
  await rig.restart();
  assert.deepEqual(lines, [], "a crash between the two texts is nobody's mistake");
  rig.openWindow.text = early.replace('"digest":"', '"digest":"x');
  await rig.restart();
  assert.deepEqual(lines, ["the samples of the window that had not ended are lost"]);
  await windows(rig, 1);
  assert.deepEqual(learntWindows(rig).slice(-4, -2), before.slice(-2));
});

/** Samples of the pool in a text of the open window. */
function openSamples(text: string): number {
  const [, begun, ...ticks] = text.trimEnd().split("\n");
  const { pools } = JSON.parse(begun!) as { pools: { open: { samples: number[] } }[] };
  const added = ticks.map(
    (line) => JSON.parse(line.slice(line.indexOf(" "))) as [number, unknown, [number, number, number[]][]],
  );
  return pools[0]!.open.samples.length + added.reduce((sum, [, , [pool]]) => sum + (pool?.[2].length ?? 0), 0);
}

test("a tick adds what it measured; one that is cut off is lost alone, and after one that failed all is written again", async () => {
  const rig = await rigWith(on(), 3, 4, 0.1);
  await windows(rig, 1);
  const [writes, text] = [rig.openWindow.writes, rig.openWindow.text!];
  for (let i = 0; i < 3; i++) await rig.tick();
  assert.equal(rig.openWindow.writes, writes);
  assert.ok(rig.openWindow.text!.startsWith(text));
  const whole = rig.openWindow.text!;
  rig.openWindow.failures.push(new OperationalError("state-not-written", "the disk is full", true));
  await rig.tick();
  await rig.tick();
  assert.equal(rig.openWindow.writes, writes + 1);
  rig.openWindow.text = whole.slice(0, -5);
  await rig.restart();
  assert.equal(openSamples(rig.openWindow.text!), openSamples(whole) - 1);
});

test("a guest that came before the restart is as known after it, and boots no longer than without", async () => {
  const rig = await rigWith(on({ bootTime: BOOT }), 2, 4, 0.3);
  await windows(rig, 3);
  await rig.deploy("new", 4, 3);
  rig.world.setDemand("new", { cpu: { kind: "constant", fraction: 1 }, memory: MEMORY });
  await windows(rig, 0.5);
  await rig.restart();
  assert.equal(pool(rig).dynamics!.effectiveRatio, 3, "it boots");
  await windows(rig, 0.5);
  assert.ok(pool(rig).dynamics!.effectiveRatio < 2, "it does not boot anew with each agent");
});

test("forecasts that cannot be used are learnt anew, and the log says why", async () => {
  const lines: string[] = [];
  const warn = (fields: object, message: string): void => void lines.push(`${message}: ${JSON.stringify(fields)}`);
  const rig = await rigWith({ ...on({ elastic: "idle" }), agent: { log: { ...silentLog, warn } } }, 8, 2, 0.1, 2);
  await windows(rig, 7);
  const sound = rig.forecasts.text!;
  const cases: [string, RegExp][] = [
    ["", /not in a form that is known/],
    ["{}", /not in a form that is known/],
    [sound.slice(0, sound.length / 2), /their digest does not fit/],
    [sound.replace('"peak":', '"peak":1'), /their digest does not fit/],
    [sound.replace('"version":2', '"version":99'), /they are of version 99, and this is 2/],
  ];
  for (const [text, reason] of cases) {
    lines.length = 0;
    rig.forecasts.text = text;
    await rig.restart();
    rig.check();
    assert.equal(lines.length, 1);
    assert.match(lines[0]!, /^the forecasts of the pools are learnt anew: /);
    assert.match(lines[0]!, reason);
    assert.equal(pool(rig, 2).dynamics!.expectedPeakPcpus, null);
    assert.equal(pool(rig, 2).pcpuCount, 8);
  }
  rig.forecasts.text = sound;
  await rig.clock.advance(2 * 86_400_000);
  await rig.restart();
  assert.match(lines.at(-1)!, /older than a day/);
  await windows(rig, 6);
  assert.notEqual(pool(rig, 2).dynamics!.expectedPeakPcpus, null, "learnt anew");
});

test("forecasts that cannot be written cost no tick anything, and are written with the next window", async () => {
  const rig = await rigWith(on(), 3, 4, 0.1);
  rig.forecasts.failures.push(new OperationalError("state-not-written", "the disk is full", true));
  await windows(rig, 1.5);
  assert.equal(rig.forecasts.writes, 0);
  await windows(rig, 3);
  assert.ok(rig.forecasts.writes >= 2 && rig.forecasts.writes <= 4, `${rig.forecasts.writes} writes: once in a window`);
});

test("switched off again, the pools are soon as they were sold", async () => {
  const rig = await rigWith(on({ elastic: "idle" }), 3, 4, 0.9);
  await windows(rig, 1);
  assert.ok(pool(rig).pcpuCount > 4);
  Object.assign(rig.options, { settings: {} satisfies Partial<AgentSettings> });
  await rig.restart();
  rig.check();
  assert.equal(pool(rig).pcpuCount, 4);
  assert.equal(pool(rig).dynamics, undefined);
});

test("an elastic pool keeps active what its guests are expected to need, and all of it as soon as they need that", async () => {
  const rig = await rigWith(on({ ratios: false, elastic: "idle" }), 8, 2, 0.1, 2);
  await windows(rig, 7);
  const calm = pool(rig, 2);
  assert.equal(calm.pcpuCount, 8, "it holds what it sold");
  assert.ok(calm.dynamics!.activePcpus >= 2 && calm.dynamics!.activePcpus <= 3, `${calm.dynamics!.activePcpus}`);
  assert.equal(rig.pins("g0")[0], calm.pinnedTo);
  const calls = rig.agent.metrics().pinCalls;
  await windows(rig, 2);
  assert.equal(rig.agent.metrics().pinCalls, calls, "nothing moves while nothing changes");
  setLoad(rig, 0.5);
  for (let i = 0; i < 2; i++) await rig.tick();
  rig.check();
  assert.equal(pool(rig, 2).dynamics!.activePcpus, 8);
  await windows(rig, 1);
  assert.equal(pool(rig, 2).dynamics!.activePcpus, 8, "for a window at least");
});

test("a newcomer ends the rest of its pool before it starts", async () => {
  const rig = await rigWith(on({ ratios: false, elastic: "idle" }), 8, 2, 0.1, 2);
  await windows(rig, 7);
  assert.ok(pool(rig, 2).dynamics!.activePcpus < 4);
  await rig.deploy("new", 4, 2);
  rig.check();
  assert.equal(pool(rig, 2).dynamics!.activePcpus, 10);
});

test("what rests serves a pool that is short, and is taken back before its own guests run there again", async () => {
  const rig = await rigWith(on({ ratios: false, elastic: "lend" }), 6, 3, 0.05, 2);
  for (let i = 0; i < 3; i++) await rig.deploy(`h${i}`, 4, 3);
  setLoad(rig, 0.05);
  await windows(rig, 7);
  for (let i = 0; i < 3; i++)
    rig.world.setDemand(`h${i}`, { cpu: { kind: "constant", fraction: 0.9 }, memory: MEMORY });
  await windows(rig, 1);
  const resting = pool(rig, 2).pcpuCount - pool(rig, 2).dynamics!.activePcpus;
  assert.ok(resting >= 4, `${resting}`);
  const runsOn = rig.world.pinsOf("h0")![0]!;
  assert.ok(runsOn.length >= 4 + resting, `its guests run on ${runsOn.length} pCPUs`);
  for (let i = 0; i < 6; i++)
    rig.world.setDemand(`g${i}`, { cpu: { kind: "constant", fraction: 0.6 }, memory: MEMORY });
  for (let i = 0; i < 2; i++) await rig.tick();
  rig.check();
  assert.deepEqual(checkHost(rig.policy, rig.agent.host()), []);
  assert.equal(pool(rig, 2).dynamics!.activePcpus, 9);
});
