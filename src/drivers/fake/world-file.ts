/**
 * A fake world in a file, so that it outlives the process: the agent can be killed and started again and finds its guests as
 * libvirt's would be, with counters that went on meanwhile. The file is replaced whole after every change, before the
 * caller gets its answer. It survives a killed process, not a power cut (nothing is synced: it is a toy's state).
 * One process at a time: nothing guards the file against two.
 */
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { z } from "zod";
import { type CpuSet, formatCpuSet, parseCpuSet } from "../../core/cpuset.js";
import { mib } from "../../core/units.js";
import { COURSES } from "../../core/workload/course.js";
import { OperationalError } from "../../ports/errors.js";
import type { VmMetadata } from "../../ports/hypervisor.js";
import { ORDINARY_MEMORY } from "./balloon.js";
import type { Definition, Guest, Live } from "./guest.js";
import { cpuDemand, seedOf, USAGE_CLASSES, type UsageClass, type UsageProfile } from "./usage-profile.js";
import type { FakeWorld } from "./world.js";

const fraction = z.number();
const positive = z.number().positive();
const sine = z.strictObject({
  kind: z.literal("sine"),
  mean: fraction,
  amplitude: fraction,
  periodSeconds: positive.exactOptional(),
});
const constant = z.strictObject({ kind: z.literal("constant"), fraction });

const drawnRules = {
  seed: z.int(),
  momentsPerDay: positive,
  correlation: fraction.exactOptional(),
  course: z.enum(COURSES).exactOptional(),
};

const profileSchema: z.ZodType<UsageProfile> = z.strictObject({
  cpu: z.union([
    z.strictObject({ kind: z.literal("idle") }),
    constant,
    sine,
    z.strictObject({
      kind: z.literal("bursts"),
      low: fraction,
      high: fraction,
      everySeconds: positive,
      lastSeconds: positive,
    }),
    z.strictObject({
      kind: z.literal("steps"),
      steps: z.array(z.strictObject({ afterSeconds: z.number(), fraction })),
    }),
    z.strictObject({
      kind: z.literal("drawn"),
      index: z.int(),
      meanPercent: z.number(),
      p95Percent: z.number(),
      periodic: z.boolean(),
      ...drawnRules,
      momentSeconds: positive,
      originMs: z.number(),
    }),
    z.strictObject({ kind: z.literal("series"), stepSeconds: positive, fractions: z.array(fraction).min(1) }),
    z.strictObject({ kind: z.custom<UsageClass>((value) => USAGE_CLASSES.some((name) => name === value)) }),
  ]),
  memory: z.union([
    constant,
    sine,
    z.strictObject({
      kind: z.literal("grow"),
      fromFraction: fraction,
      mibPerSecond: z.number(),
      limitFraction: fraction,
    }),
    z.strictObject({
      kind: z.literal("script"),
      points: z.array(z.strictObject({ atSeconds: z.number(), usedMiB: z.number() })),
    }),
    z.strictObject({
      kind: z.literal("drawn"),
      index: z.int(),
      ...drawnRules,
      momentSeconds: positive,
      everyMoments: positive,
      originMs: z.number(),
    }),
  ]),
});

const count = z.number().int().nonnegative();

const definitionSchema = z.strictObject({
  name: z.string(),
  uuid: z.string(),
  vcpus: count,
  maximumVcpus: count,
  memoryMiB: positive,
  maximumMemoryMiB: positive,
  disk: z.strictObject({ path: z.string(), format: z.enum(["qcow2", "raw"]) }).nullable(),
  /** One CPU set per possible vCPU, as `0-3,8`. */
  pins: z.array(z.string()),
  metadata: z
    .strictObject({
      vcpuRatios: z.array(z.number()),
      perVcpu: z.boolean(),
      memoryMiB: positive.optional(),
      requestId: z.string(),
      image: z.string().nullable(),
      overlay: z.string().nullable(),
    })
    .nullable(),
});

const balloonSchema = z.strictObject({
  maximumMiB: positive,
  targetMiB: positive,
  currentMiB: positive,
  swappedMiB: z.number(),
  swapInMiB: z.number(),
  swapOutMiB: z.number(),
  outOfMemory: z.number().default(0),
  starved: z.boolean().default(false),
  touchedMiB: z.number(),
  reports: z.strictObject({ periodSeconds: positive, sinceMs: z.number() }).nullable(),
  report: z
    .strictObject({
      atMs: z.number(),
      unusedMiB: z.number(),
      availableMiB: z.number(),
      usableMiB: z.number(),
      swapInMiB: z.number(),
      swapOutMiB: z.number(),
    })
    .nullable()
    .default(null),
});

const guestSchema = z.strictObject({
  stored: definitionSchema,
  persistent: z.boolean(),
  crashed: z.boolean(),
  profile: profileSchema,
  traits: z.strictObject({
    balloonDriver: z.boolean(),
    balloonRefuses: z.enum(["nothing", "inflate", "deflate", "both"]).default(ORDINARY_MEMORY.balloonRefuses),
    cacheShare: z.number().min(0).max(1).default(ORDINARY_MEMORY.cacheShare),
    swap: z.boolean().default(ORDINARY_MEMORY.swap),
    obeysShutdown: z.boolean(),
    shutdownMs: z.number().nonnegative(),
    vcpuUnplug: z.boolean(),
  }),
  live: z
    .strictObject({
      definition: definitionSchema,
      bootMs: z.number(),
      stopsAtMs: z.number().nullable(),
      paused: z.boolean(),
      balloon: balloonSchema,
      balloonAtMs: z.number(),
      timeNs: z.array(z.number()),
      delayNs: z.array(z.number()),
    })
    .nullable(),
});

const worldSchema = z.strictObject({
  format: z.literal("headroom-fake-world"),
  version: z.literal(1),
  /** The machine's time at which it was written, and the world's own, ms since the epoch. */
  realMs: z.number(),
  atMs: z.number(),
  busyNs: z.number(),
  guests: z.array(guestSchema),
});

export type SavedWorld = z.infer<typeof worldSchema>;

/** The saved world; null when there is none. Throws `state-corrupt`. */
export function readWorldFile(path: string): SavedWorld | null {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && cause.code === "ENOENT") return null;
    throw corrupt(path, cause);
  }
  try {
    return worldSchema.parse(JSON.parse(text));
  } catch (cause) {
    throw corrupt(path, cause);
  }
}

/** Puts the saved world's guests into `world`, whose clock must not be behind it. */
export function restoreWorld(world: FakeWorld, saved: SavedWorld): void {
  const pins = new Map<string, CpuSet>();
  const guests = saved.guests.map((guest) => guestFrom(guest, world.seed, pins));
  world.restore({ atMs: saved.atMs, busyNs: saved.busyNs, guests });
}

/**
 * Writes the world to `path` after every change, and at once where there is no file yet. An existing one is left until then:
 * somebody may only be looking. `realNow`: the machine's time, ms. Gives the end of it. Throws `state-not-written`.
 */
export function keepWorldIn(path: string, world: FakeWorld, realNow: () => number): () => void {
  const save = () => {
    const { atMs, busyNs, guests } = world.contents();
    const saved: SavedWorld = {
      format: "headroom-fake-world",
      version: 1,
      realMs: realNow(),
      atMs,
      busyNs,
      guests: [...guests.values()].map(guestJson),
    };
    try {
      writeFileSync(`${path}.new`, JSON.stringify(saved));
      renameSync(`${path}.new`, path);
    } catch (cause) {
      throw new OperationalError("state-not-written", `cannot write the fake world to ${path}`, false, { cause });
    }
  };
  if (!existsSync(path)) save();
  return world.onChange(save);
}

type SavedGuest = SavedWorld["guests"][number];

function guestJson({ stored, persistent, crashed, profile, traits, live }: Guest): SavedGuest {
  return {
    stored: definitionJson(stored),
    persistent,
    crashed,
    profile,
    traits,
    live: live && {
      definition: definitionJson(live.definition),
      bootMs: live.bootMs,
      stopsAtMs: live.stopsAtMs,
      paused: live.paused,
      balloon: live.balloon,
      balloonAtMs: live.balloonAtMs,
      timeNs: [...live.timeNs],
      delayNs: [...live.delayNs],
    },
  };
}

function definitionJson(definition: Definition): SavedGuest["stored"] {
  const { metadata } = definition;
  return {
    ...definition,
    pins: definition.pins.map(formatCpuSet),
    metadata: metadata && { ...metadata, vcpuRatios: [...metadata.vcpuRatios] },
  };
}

function guestFrom(saved: SavedGuest, worldSeed: number, pins: Map<string, CpuSet>): Guest {
  const seed = seedOf(worldSeed, saved.stored.name);
  const live: Live | null = saved.live && {
    ...saved.live,
    // A hand-over does not outlive the process that did it.
    moving: false,
    definition: definitionFrom(saved.live.definition, pins),
    demand: cpuDemand(saved.profile.cpu, seed),
    timeNs: Float64Array.from(saved.live.timeNs),
    delayNs: Float64Array.from(saved.live.delayNs),
  };
  const { persistent, crashed, profile, traits } = saved;
  return { stored: definitionFrom(saved.stored, pins), persistent, crashed, live, seed, profile, traits };
}

/** `pins`: sets read so far, so that equal ones are one object. */
function definitionFrom(saved: SavedGuest["stored"], pins: Map<string, CpuSet>): Definition {
  const cpuSet = (text: string): CpuSet => {
    const set = pins.get(text) ?? parseCpuSet(text);
    pins.set(text, set);
    return set;
  };
  return {
    ...saved,
    memoryMiB: mib(saved.memoryMiB),
    maximumMemoryMiB: mib(saved.maximumMemoryMiB),
    pins: saved.pins.map(cpuSet),
    metadata: saved.metadata && metadataFrom(saved.metadata),
  };
}

function metadataFrom({ memoryMiB, ...mark }: NonNullable<SavedGuest["stored"]["metadata"]>): VmMetadata {
  return memoryMiB === undefined ? mark : { ...mark, memoryMiB: mib(memoryMiB) };
}

function corrupt(path: string, cause: unknown): OperationalError {
  const why = cause instanceof z.ZodError ? z.prettifyError(cause) : cause instanceof Error ? cause.message : cause;
  return new OperationalError("state-corrupt", `${path} holds no fake world: ${why}`, false, { cause });
}
