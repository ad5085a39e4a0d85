/**
 * One decision about all pools of a host: from what each is asked for, measured and expected, what each should be counted with
 * and run on. Pure; `PoolPolicy.adjust` makes pools of it, as far as the host has the room. Who suffers most is served first.
 */
import type { CpuPool, HostState, PoolDynamics } from "../pool/model.js";
import type { Milliseconds, Ratio } from "../units.js";
import { borrowsNow, nextActive } from "./active.js";
import {
  type DynamicSettings,
  type Forecast,
  type PoolMemory,
  type PoolReading,
  suffers,
  waitingShare,
} from "./model.js";
import { type Circumstances, nextRatio } from "./ratio.js";

/** What is known of one pool. */
export interface PoolPicture {
  readonly reading: PoolReading;
  readonly forecast: Forecast | null;
}

export interface Decision {
  /** By ratio, the most urgent first; null: as the ratio makes the pool. */
  readonly wanted: ReadonlyMap<Ratio, PoolDynamics | null>;
  readonly memories: ReadonlyMap<Ratio, PoolMemory>;
}

/** A pool that nothing is remembered of: as it is now, or as it was sold. */
export const freshMemory = (
  { ratio, dynamics }: Pick<CpuPool, "ratio" | "dynamics">,
  now: Milliseconds,
): PoolMemory => ({
  wantedRatio: dynamics?.effectiveRatio ?? ratio,
  stirredAt: now,
  active: dynamics?.activePcpus ?? null,
  shortAt: now,
  borrows: false,
});

function remembered(
  memory: PoolMemory,
  { reading, forecast }: PoolPicture,
  settings: DynamicSettings,
  circumstances: Circumstances,
): PoolMemory {
  const { now } = circumstances;
  const moved = nextRatio(memory, reading, forecast, settings, circumstances);
  const rest = nextActive(memory, reading, forecast, settings, now);
  const calmFor = (now - Math.max(moved.stirredAt, rest.shortAt)) as Milliseconds;
  return { ...moved, ...rest, borrows: borrowsNow(memory.borrows, reading, settings, calmFor) };
}

const isAsSold = ({ wantedRatio, active, borrows }: PoolMemory, sold: Ratio): boolean =>
  wantedRatio === sold && active === null && !borrows;

const dynamicsOf = (memory: PoolMemory, sold: Ratio): PoolDynamics | null =>
  isAsSold(memory, sold)
    ? null
    : { effectiveRatio: memory.wantedRatio, activePcpus: memory.active, borrows: memory.borrows };

/** Pools that lack what was sold, then those that suffer, then the others; each by how long they wait, then in order. */
function urgency({ reading }: PoolPicture, settings: DynamicSettings): number {
  const isShort = reading.vcpus / reading.pcpus > reading.ratio;
  return (isShort ? 4 : 0) + (suffers(reading, settings) ? 2 : 0) + (waitingShare(reading) ?? 0);
}

/** `memories`: by ratio; pools without one begin as they are. */
export function decide(
  host: HostState,
  pictures: ReadonlyMap<Ratio, PoolPicture>,
  memories: ReadonlyMap<Ratio, PoolMemory>,
  settings: DynamicSettings,
  circumstances: Circumstances,
): Decision {
  const next = new Map<Ratio, PoolMemory>();
  const wanted: { ratio: Ratio; dynamics: PoolDynamics | null; urgency: number }[] = [];
  for (const pool of host.pools) {
    const { ratio, members } = pool;
    const picture = pictures.get(ratio);
    if (ratio === 1 || members.length === 0 || picture === undefined) continue;
    const before = memories.get(ratio) ?? freshMemory(pool, circumstances.now);
    const memory = remembered(before, picture, settings, circumstances);
    next.set(ratio, memory);
    wanted.push({ ratio, dynamics: dynamicsOf(memory, ratio), urgency: urgency(picture, settings) });
  }
  wanted.sort((a, b) => b.urgency - a.urgency);
  return { wanted: new Map(wanted.map((one) => [one.ratio, one.dynamics])), memories: next };
}
