/**
 * A fake host with guests that follow scripts of memory, the real coordinator on it, and a record of every round: for the
 * course's cases in their original size, and larger. Virtual time: an hour takes a moment.
 */
import { type BalloonReport, MemoryCoordinator } from "../../src/agent/balloon/coordinator.js";
import { type BalloonSettings, DEFAULT_BALLOON_SETTINGS } from "../../src/core/balloon/settings.js";
import { buildTopology } from "../../src/core/topology/presets.js";
import { mib } from "../../src/core/units.js";
import { type FakeHypervisor, fakeHypervisor } from "../../src/drivers/fake/fake-hypervisor.js";
import type { GuestTraits } from "../../src/drivers/fake/guest.js";
import type { MemoryPoint } from "../../src/drivers/fake/usage-profile.js";
import { type VirtualClock, virtualClock } from "../../src/drivers/fake/virtual-clock.js";
import { quietLog } from "../support/quiet-log.js";

export interface ScriptedGuest {
  readonly name: string;
  readonly memoryMiB: number;
  readonly maximumMiB: number;
  readonly script: readonly MemoryPoint[];
  readonly traits?: Partial<GuestTraits>;
}

export interface CourseOptions {
  readonly hostMiB: number;
  readonly guests: readonly ScriptedGuest[];
  readonly settings?: Partial<BalloonSettings>;
}

/** As they stood after a round. */
export interface Moment {
  readonly seconds: number;
  readonly report: BalloonReport;
  readonly availableMiB: number;
  /** By name: what it has, what is unused, how often its kernel killed, what it has swapped. */
  readonly guests: ReadonlyMap<
    string,
    { readonly sizeMiB: number; readonly unusedMiB: number; readonly outOfMemory: number; readonly swappedMiB: number }
  >;
}

/** Course guests run no programs that read files, and have no swap: what does not fit is killed. */
const COURSE_TRAITS: Partial<GuestTraits> = { cacheShare: 0, swap: false };

export class CourseHost {
  readonly moments: Moment[] = [];
  private constructor(
    readonly hypervisor: FakeHypervisor,
    readonly clock: VirtualClock,
    readonly coordinator: MemoryCoordinator,
    readonly settings: BalloonSettings,
  ) {}

  static async start({ hostMiB, guests, settings: given = {} }: CourseOptions): Promise<CourseHost> {
    const clock = virtualClock(Date.UTC(2026, 0, 1));
    const byName = new Map(guests.map((guest) => [guest.name, guest]));
    const hypervisor = fakeHypervisor({
      topology: buildTopology({
        packages: 1,
        cellsPerPackage: 1,
        coresPerCell: 4,
        threadsPerCore: 1,
        coresPerL3: 4,
        memoryMiB: mib(hostMiB),
      }),
      clock,
      demandOf: ({ name }) => ({
        cpu: { kind: "idle" },
        memory: { kind: "script", points: byName.get(name)?.script ?? [] },
      }),
      traitsOf: ({ name }) => ({ ...COURSE_TRAITS, ...byName.get(name)?.traits }),
    });
    await hypervisor.connect();
    for (const guest of guests) await startGuest(hypervisor, guest);
    const settings = { ...DEFAULT_BALLOON_SETTINGS, ...given };
    const probe = hypervisor.hostProbe();
    const coordinator = new MemoryCoordinator({ hypervisor, probe, clock, log: quietLog(), settings });
    return new CourseHost(hypervisor, clock, coordinator, settings);
  }

  /** Rounds for so long; each moment is taken just before the round that follows it. */
  async run(forSeconds: number): Promise<readonly Moment[]> {
    const first = this.moments.length;
    const rounds = Math.round((forSeconds * 1000) / this.settings.interval);
    for (let round = 0; round < rounds; round++) {
      const report = await this.coordinator.round();
      await this.clock.advance(this.settings.interval);
      if (report !== null) this.moments.push(this.#look(report));
    }
    return this.moments.slice(first);
  }

  #look(report: BalloonReport): Moment {
    const { world } = this.hypervisor;
    const guests: [string, Moment["guests"] extends ReadonlyMap<string, infer T> ? T : never][] = [];
    const { guests: inside, atMs } = world.contents();
    for (const [name, { live, traits }] of inside) {
      if (!live) continue;
      const { balloon } = live;
      guests.push([
        name,
        {
          sizeMiB: balloon.currentMiB,
          unusedMiB: traits.balloonDriver ? (balloon.report?.unusedMiB ?? Number.NaN) : Number.NaN,
          outOfMemory: balloon.outOfMemory,
          swappedMiB: balloon.swappedMiB,
        },
      ]);
    }
    const availableMiB = world.hostSample().memoryAvailableMiB;
    return { seconds: (atMs - Date.UTC(2026, 0, 1)) / 1000, report, availableMiB, guests: new Map(guests) };
  }
}

export async function startGuest(hypervisor: FakeHypervisor, guest: ScriptedGuest): Promise<void> {
  await hypervisor.define({
    name: guest.name,
    uuid: `uuid-of-${guest.name}`,
    vcpus: 1,
    maximumVcpus: 1,
    memoryMiB: mib(guest.memoryMiB),
    maximumMemoryMiB: mib(guest.maximumMiB),
    disk: null,
    pins: [],
    metadata: { vcpuRatios: [1], perVcpu: false, requestId: guest.name, image: null, overlay: null },
  });
  await hypervisor.start(guest.name);
}

/** Sizes of a guest over time. */
export const sizesOf = (moments: readonly Moment[], name: string): readonly number[] =>
  moments.map((moment) => moment.guests.get(name)?.sizeMiB ?? Number.NaN);

/** How often a series goes the other way by more than `band` from its last turning point. */
export function reversals(series: readonly number[], band: number): number {
  let [turns, direction, extreme] = [0, 0, series[0] ?? 0];
  for (const value of series) {
    const moved = value - extreme;
    if (direction === 0 && Math.abs(moved) > band) direction = Math.sign(moved);
    else if (direction !== 0 && moved * direction < -band) {
      turns++;
      direction = -direction;
    } else if (direction !== 0 && moved * direction <= 0) continue;
    else if (direction === 0) continue;
    extreme = value;
  }
  return turns;
}
