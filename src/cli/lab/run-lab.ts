/**
 * One case of the course on real guests: a libvirtd of its own, guests that are told what to do, and the monitor's output every
 * interval, until the signal or the end. Everything is gone afterwards.
 */
import { randomUUID } from "node:crypto";
import { cpuSetOf } from "../../core/cpuset.js";
import { type MiB, type Milliseconds, mib, milliseconds, seconds } from "../../core/units.js";
import { libvirtHypervisor } from "../../drivers/libvirt/driver.js";
import { realClock } from "../../drivers/linux/real-clock.js";
import type { DomainStats, Hypervisor } from "../../ports/hypervisor.js";
import type { Log } from "../../ports/log.js";
import { CommandFailure } from "../exit.js";
import { LAB_PACKAGES, prepareLab } from "./lab.js";
import type { LabHost } from "./lab-host.js";
import { cpuMonitor, memoryMonitor, usageOf } from "./monitor.js";
import type { Happening, Scene, SceneGuest } from "./scenes.js";

export interface LabOptions {
  readonly kind: "cpu" | "memory";
  readonly scene: Scene;
  readonly pcpus: readonly number[];
  readonly interval: Milliseconds;
  /** Null: until the signal. */
  readonly duration: Milliseconds | null;
  readonly cacheFolder: string;
  /** What to type in another terminal, given the URI of the lab's libvirt. */
  readonly controllerCommand: (uri: string) => string;
  readonly signal: AbortSignal;
  readonly log: Log;
  readonly say: (line: string) => void;
}

const BOOT_TIMEOUT_MS = 120_000;
const clock = realClock();

/** Throws `CommandFailure` that says what the machine lacks. */
export async function runLab(options: LabOptions): Promise<void> {
  const { scene, say, log } = options;
  say("preparing: the first time a kernel is fetched (26 MB)");
  const lab = await prepareLab(options.cacheFolder);
  if (lab.skip !== false)
    throw new CommandFailure(
      `${lab.skip}. As root on Debian or Ubuntu: apt-get install --no-install-recommends ${LAB_PACKAGES}`,
    );
  const host = await lab.startLibvirtd({ endsWithSignals: false });
  const hypervisor = libvirtHypervisor({ uri: host.uri, log, templatePath: host.templatePath });
  try {
    await hypervisor.connect();
    const late = new Set(scene.happenings.flatMap((one) => (one.kind === "start" ? [one.guest] : [])));
    for (const guest of scene.guests) await define(hypervisor, guest, options.pcpus);
    const first = scene.guests.filter(({ name }) => !late.has(name));
    for (const { name } of first) await hypervisor.start(name);
    for (const { name } of first) await host.guestCommand(name, "stat", BOOT_TIMEOUT_MS);
    say(`${first.length} guests run on a libvirt of their own: ${host.uri}`);
    say(`case: ${scene.title}`);
    say(`expected: ${scene.expected}`);
    say(`in another terminal: ${options.controllerCommand(host.uri)}`);
    await watch(options, host, hypervisor);
  } finally {
    await hypervisor.close();
    await host.stop();
    say("the lab is gone, and its guests with it");
  }
}

async function define(hypervisor: Hypervisor, guest: SceneGuest, pcpus: readonly number[]): Promise<void> {
  const memoryMiB: MiB = mib(guest.memoryMiB);
  await hypervisor.define({
    name: guest.name,
    uuid: randomUUID(),
    vcpus: 1,
    maximumVcpus: 1,
    memoryMiB,
    maximumMemoryMiB: mib(guest.maximumMiB),
    disk: null,
    pins: [cpuSetOf(guest.pcpu === null ? pcpus : [pcpus[guest.pcpu]!])],
    metadata: null,
  });
}

async function watch(options: LabOptions, host: LabHost, hypervisor: Hypervisor): Promise<void> {
  const { scene, interval, duration, signal, say, kind } = options;
  const began = clock.monotonic();
  let waiting: readonly Happening[] = scene.happenings;
  let before: { readonly stats: readonly DomainStats[]; readonly at: number } | null = null;
  while (!signal.aborted) {
    const passed = clock.monotonic() - began;
    if (duration !== null && passed >= duration) return;
    const due = waiting.filter(({ atSeconds }) => atSeconds * 1000 <= passed);
    waiting = waiting.filter((one) => !due.includes(one));
    for (const happening of due) await happen(happening, host, hypervisor, say);
    if (kind === "memory" && before === null) await reportMemory(hypervisor, scene);
    const [stats, at] = [await hypervisor.stats(), clock.monotonic()];
    if (before !== null || kind === "memory") {
      say(`---- ${new Date(clock.now()).toISOString().slice(11, 19)}`);
      for (const line of kind === "memory"
        ? memoryMonitor(stats)
        : await cpuLines(hypervisor, options, before!, { stats, at }))
        say(line);
    }
    before = { stats, at };
    await clock.sleep(interval, signal);
  }
}

interface Reading {
  readonly stats: readonly DomainStats[];
  readonly at: number;
}

async function cpuLines(
  hypervisor: Hypervisor,
  { pcpus }: LabOptions,
  before: Reading,
  now: Reading,
): Promise<readonly string[]> {
  const pins = await hypervisor.pins(now.stats.map(({ name }) => name));
  return cpuMonitor(pcpus, usageOf(before.stats, now.stats, now.at - before.at), pins);
}

/** The monitor sees unused memory without a coordinator too. */
async function reportMemory(hypervisor: Hypervisor, { guests }: Scene): Promise<void> {
  for (const { name } of guests) await hypervisor.setMemoryStatsPeriod(name, seconds(1));
}

async function happen(
  happening: Happening,
  host: LabHost,
  hypervisor: Hypervisor,
  say: (line: string) => void,
): Promise<void> {
  const { guest } = happening;
  if (happening.kind === "command") {
    await host.guestCommand(guest, happening.command, BOOT_TIMEOUT_MS);
    say(`${guest}: ${happening.command}`);
    return;
  }
  if (happening.kind === "start") await hypervisor.start(guest);
  else await hypervisor.destroy(guest);
  say(`${guest}: ${happening.kind === "start" ? "started" : "stopped"}`);
}

export const intervalOf = (interval: number): Milliseconds => milliseconds(interval * 1000);
