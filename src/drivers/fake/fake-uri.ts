/**
 * `fake:///PRESET?state=FILE&seed=N&speed=S&load=L`: a fake host by its address, for `headroom agent --hypervisor` and the
 * demonstration. PRESET is a topology by name (core/topology/presets.ts), by default the largest. `state` keeps the world in
 * a file across restarts, `seed` deals the guests' demands, `speed` is seconds of the world per second of the machine, `load`
 * is what every guest does (`mixed`: dealt in the shares of spec 7.1).
 */
import { isAbsolute } from "node:path";
import type { Topology } from "../../core/topology/model.js";
import { PRESETS, presetTopology } from "../../core/topology/presets.js";
import type { Clock } from "../../ports/clock.js";
import { OperationalError } from "../../ports/errors.js";
import { realClock } from "../linux/real-clock.js";
import { FakeHypervisor } from "./fake-hypervisor.js";
import { dealtProfile, USAGE_CLASSES, type UsageClass, type UsageProfile } from "./usage-profile.js";
import { scaledClock } from "./virtual-clock.js";
import { FakeWorld } from "./world.js";
import type { NewDomain } from "./world-core.js";
import { keepWorldIn, readWorldFile, restoreWorld } from "./world-file.js";

export const FAKE_LOADS = ["mixed", "idle", ...USAGE_CLASSES] as const;
export type FakeLoad = "mixed" | "idle" | UsageClass;

export interface FakeUri {
  readonly uri: string;
  readonly preset: string;
  readonly statePath: string | null;
  readonly seed: number;
  readonly speed: number;
  readonly load: FakeLoad;
}

export interface OpenedFake {
  /** Not yet connected. */
  readonly hypervisor: FakeHypervisor;
  /** The world's time: an agent on this world must live by it. */
  readonly clock: Clock;
  readonly topology: Topology;
}

interface FakeChoices {
  readonly clock?: Clock;
  readonly topology?: Topology;
  readonly hostname?: string;
}

const DEFAULT_PRESET = "epyc-7662-2s";
/** An hour in 4 seconds: a tick every 15 ms, about the fastest that leaves an agent time between two. */
const HIGHEST_SPEED = 1000;
const LARGEST_SEED = 2 ** 31 - 1;
const PARAMETERS = ["state", "seed", "speed", "load"];

/** Throws `bad-settings` naming the part that is wrong and what is allowed. */
export function parseFakeUri(uri: string): FakeUri {
  const parsed = URL.canParse(uri) ? new URL(uri) : null;
  if (parsed?.protocol !== "fake:" || parsed.host !== "" || parsed.hash !== "") {
    throw bad(uri, "it has the form fake:///PRESET?state=FILE&seed=N&speed=S&load=L");
  }
  for (const name of parsed.searchParams.keys()) {
    if (!PARAMETERS.includes(name)) throw bad(uri, `there is no parameter "${name}", only ${PARAMETERS.join(", ")}`);
    if (parsed.searchParams.getAll(name).length > 1) throw bad(uri, `"${name}" is given more than once`);
  }
  const preset = parsed.pathname.slice(1) || DEFAULT_PRESET;
  if (!PRESETS.has(preset)) {
    throw bad(uri, `there is no preset "${preset}", only ${[...PRESETS.keys()].join(", ")}`);
  }
  const statePath = parsed.searchParams.get("state");
  if (statePath !== null && !isAbsolute(statePath)) throw bad(uri, `state "${statePath}" is not an absolute path`);
  const seed = numberOf(uri, parsed, "seed", 1);
  if (!Number.isInteger(seed) || seed < 0 || seed > LARGEST_SEED) {
    throw bad(uri, `seed is a whole number from 0 to ${LARGEST_SEED}`);
  }
  const speed = numberOf(uri, parsed, "speed", 1);
  if (!(speed > 0 && speed <= HIGHEST_SPEED)) throw bad(uri, `speed is above 0 and at most ${HIGHEST_SPEED}`);
  const loadName = parsed.searchParams.get("load") ?? "mixed";
  const load = FAKE_LOADS.find((known) => known === loadName);
  if (load === undefined) throw bad(uri, `there is no load "${loadName}", only ${FAKE_LOADS.join(", ")}`);
  return { uri, preset, statePath, seed, speed, load };
}

/**
 * The world behind the address, and a connection to it. `topology` replaces the preset's, `hostname` the fake's own. Throws `bad-settings`, or
 * `state-corrupt` and `state-not-written` for its file.
 */
export function openFake(uri: string, options: FakeChoices = {}): OpenedFake {
  const settings = parseFakeUri(uri);
  const real = options.clock ?? realClock();
  const topology = options.topology ?? presetTopology(settings.preset);
  if (!topology) throw bad(uri, `there is no preset "${settings.preset}"`);
  const saved = settings.statePath === null ? null : readWorldFile(settings.statePath);
  const clock = worldClock(real, settings.speed, saved);
  const name = options.hostname === undefined ? {} : { hostname: options.hostname };
  const world = new FakeWorld({ topology, clock, seed: settings.seed, demandOf: demandOf(settings.load), ...name });
  if (saved) restoreWorld(world, saved);
  if (settings.statePath !== null) keepWorldIn(settings.statePath, world, () => real.now());
  return { hypervisor: new FakeHypervisor(world, uri), clock, topology };
}

/** A saved world's time went on while nobody looked. A new one at speed 1 just follows the machine's clock. */
function worldClock(real: Clock, speed: number, saved: { realMs: number; atMs: number } | null): Clock {
  if (!saved) return speed === 1 ? real : scaledClock(real, speed, real.now());
  const missedMs = Math.max(0, real.now() - saved.realMs) * speed;
  return scaledClock(real, speed, saved.atMs + missedMs);
}

function demandOf(load: FakeLoad): (domain: NewDomain) => UsageProfile {
  return ({ seed }) => {
    const dealt = dealtProfile(seed);
    return load === "mixed" ? dealt : { ...dealt, cpu: { kind: load } };
  };
}

function numberOf(uri: string, parsed: URL, name: string, whenAbsent: number): number {
  const text = parsed.searchParams.get(name);
  if (text === null) return whenAbsent;
  if (!/^\d+(\.\d+)?$/.test(text)) throw bad(uri, `${name} "${text}" is not a number`);
  return Number(text);
}

const bad = (uri: string, why: string): OperationalError =>
  new OperationalError("bad-settings", `the fake hypervisor's address "${uri}" is wrong: ${why}`, false);
