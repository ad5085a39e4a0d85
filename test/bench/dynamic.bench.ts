/**
 * What pools that follow their usage cost an agent's tick: the same 200 VMs on 256 pCPUs, with HEADROOM_DYNAMIC and HEADROOM_ELASTIC on and off,
 * tick by tick in turn, so that all see the same machine. CPU time of the whole process, in a steady state of several windows; the tick at a
 * window's end, which learns and writes, is shown apart. The baseline is the agent with both off.
 */
import type { DynamicSettings } from "../../src/core/dynamic/model.js";
import { milliseconds } from "../../src/core/units.js";
import { DYNAMIC_DEFAULTS } from "../../src/simulator/plan.js";
import { PCPUS, type SteadyHost, steadyHost, TICK_MS, VMS } from "./steady-host.js";
import { printTable } from "./table.js";

/** As the settings are where nothing is said. */
const WINDOW_MS = 300_000;
const DEFAULTS: DynamicSettings = {
  ...DYNAMIC_DEFAULTS,
  ratios: true,
  maximumFactor: 1,
  window: milliseconds(WINDOW_MS),
  history: 12,
  bootTime: milliseconds(60_000),
};
const TICKS_IN_WINDOW = WINDOW_MS / TICK_MS;
/** A history is full after twelve windows. */
const WARM_WINDOWS = 13;
const WINDOWS = 5;

interface Subject {
  readonly name: string;
  readonly host: SteadyHost;
  readonly usual: number[];
  readonly closing: number[];
}

const subject = async (name: string, dynamic: DynamicSettings | null): Promise<Subject> => ({
  name,
  host: await steadyHost({ dynamic }),
  usual: [],
  closing: [],
});

const subjects = [
  await subject("both off", null),
  await subject("HEADROOM_DYNAMIC=yes", DEFAULTS),
  await subject("HEADROOM_ELASTIC=idle", { ...DEFAULTS, ratios: false, elastic: "idle" }),
  await subject("both, lend", { ...DEFAULTS, elastic: "lend" }),
];

async function tick({ host, usual, closing }: Subject, isMeasured: boolean): Promise<void> {
  await host.clock.advance(TICK_MS);
  const window = Math.floor(host.clock.now() / WINDOW_MS);
  const isClosing = window !== Math.floor((host.clock.now() - TICK_MS) / WINDOW_MS);
  const before = process.cpuUsage();
  await host.agent.tick();
  const { user, system } = process.cpuUsage(before);
  if (isMeasured) (isClosing ? closing : usual).push((user + system) / 1_000);
}

for (let i = 0; i < (WARM_WINDOWS + WINDOWS) * TICKS_IN_WINDOW; i++) {
  if (i === WARM_WINDOWS * TICKS_IN_WINDOW) for (const { host } of subjects) host.hypervisor.calls.clear();
  for (const one of subjects) await tick(one, i >= WARM_WINDOWS * TICKS_IN_WINDOW);
}

const at = (times: readonly number[], part: number): number =>
  [...times].sort((a, b) => a - b)[Math.floor(times.length * part)]!;
const [off] = subjects;
const base = at(off!.usual, 0.5);
console.log(`${VMS} VMs on ${PCPUS} pCPUs, ${WINDOWS} windows of ${TICKS_IN_WINDOW} ticks; CPU milliseconds a tick`);
printTable(
  ["", "median", "95 %", "at a window's end", "ratio to both off", "kept, KiB", "pin calls"],
  subjects.map(({ name, host, usual, closing }) => [
    name,
    at(usual, 0.5).toFixed(2),
    at(usual, 0.95).toFixed(2),
    at(closing, 0.5).toFixed(2),
    (at(usual, 0.5) / base).toFixed(2),
    ((host.forecasts.text?.length ?? 0) / 1024).toFixed(0),
    String(host.hypervisor.calls.count("pinVcpu")),
  ]),
);
for (const { host, name } of subjects) {
  if (host.placed < VMS) throw new Error(`${name}: only ${host.placed} VMs found room`);
}
