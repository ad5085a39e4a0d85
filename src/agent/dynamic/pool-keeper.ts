/**
 * Pools that follow their usage: tells the forecasts what each pool's vCPUs asked for since the last tick, has the pools decided
 * anew (core/dynamic), and puts the result into the state; the tick's pins follow. Effective ratios are in the journal with their pools;
 * forecasts are learnt anew by every process, and until they are, nothing goes beyond what was sold.
 */
import { decide, type PoolPicture } from "../../core/dynamic/decide.js";
import { expectedPcpus } from "../../core/dynamic/expected.js";
import { Forecaster } from "../../core/dynamic/forecaster.js";
import { type DynamicSettings, demandOf, type PoolMemory, type PoolReading } from "../../core/dynamic/model.js";
import { type CpuPool, type HostState, type PoolDynamics, runsOn } from "../../core/pool/model.js";
import { orderPinChanges } from "../../core/reconcile/pin-order.js";
import { movesBetween } from "../../core/reconcile/pins.js";
import { type Milliseconds, milliseconds, type Pcpus, pcpus, type Ratio } from "../../core/units.js";
import { type AgentContext, pinsOf } from "../context.js";
import { isMoving, withVms } from "../state.js";
import { poolUsage, type UsageReport } from "../usage.js";

/** Windows through which a VM must have been there to be known: the one in which it came says little. */
const FRESH_WINDOWS = 2;

export class PoolKeeper {
  readonly #settings: DynamicSettings | null;
  /** Monotonic time plus this is wall time, as of the start: windows are those of the day, and never go back. */
  readonly #offset: number;
  readonly #forecasters = new Map<Ratio, Forecaster>();
  /** Window in which each VM was first seen, by uuid. */
  #firstSeen: ReadonlyMap<string, number> = new Map();
  #memories: ReadonlyMap<Ratio, PoolMemory> = new Map();

  constructor(private readonly context: AgentContext) {
    const { settings, clock } = context;
    this.#settings = settings.dynamic;
    this.#offset = clock.now() - clock.monotonic();
  }

  /** One tick; gives the number of changes of the state, 0 or 1. */
  keep(report: UsageReport | null, pressure: number | null): number {
    const { store } = this.context;
    const { host } = store.state;
    if (this.#settings === null) return this.#take(host, asSold(host));
    const now = milliseconds(this.context.clock.monotonic() + this.#offset);
    this.#meetVms(now, this.#settings.window);
    const pictures = new Map(
      host.pools.flatMap((pool) =>
        pool.ratio === 1 || pool.members.length === 0
          ? []
          : [[pool.ratio, this.#pictureOf(pool, report, now, this.#settings!)] as const],
      ),
    );
    const decision = decide(host, pictures, this.#memories, this.#settings, { now, pressure });
    this.#memories = decision.memories;
    return this.#take(host, decision.wanted);
  }

  /** What pools are expected to need, newcomers counted as sold; null: pools do not follow their usage. */
  expectedPeaks(host: HostState): ReadonlyMap<Ratio, Pcpus | null> | null {
    if (this.#settings === null) return null;
    return new Map(
      host.pools.map((pool) => {
        const forecast = this.#forecasters.get(pool.ratio)?.forecast ?? null;
        const peak = expectedPcpus(readingOf(pool, null, 0), forecast, 0);
        return [pool.ratio, peak === null ? null : pcpus(peak)];
      }),
    );
  }

  #meetVms(now: Milliseconds, window: Milliseconds): void {
    const current = Math.floor(now / window);
    const seen = new Map<string, number>();
    for (const { uuid } of this.context.store.state.vms.values()) seen.set(uuid, this.#firstSeen.get(uuid) ?? current);
    this.#firstSeen = seen;
  }

  #pictureOf(pool: CpuPool, report: UsageReport | null, now: Milliseconds, settings: DynamicSettings): PoolPicture {
    let forecaster = this.#forecasters.get(pool.ratio);
    if (forecaster === undefined) {
      forecaster = new Forecaster(settings.window, settings.history);
      this.#forecasters.set(pool.ratio, forecaster);
    }
    const { vms } = this.context.store.state;
    const known = Math.floor(now / settings.window) - FRESH_WINDOWS;
    let fresh = 0;
    for (const { vm, vcpuIndexes } of pool.members) {
      const first = this.#firstSeen.get(vms.get(vm)?.uuid ?? "");
      if (first === undefined || first > known) fresh += vcpuIndexes.length;
    }
    const reading = readingOf(pool, report, fresh);
    const demand = demandOf(reading);
    if (demand !== null) forecaster.observe(now, demand, reading.vcpus);
    return { reading, forecast: forecaster.forecast };
  }

  /** Nothing is changed while a request is unsettled or a VM that would have to be pinned anew is on its way. */
  #take(host: HostState, wanted: ReadonlyMap<Ratio, PoolDynamics | null>): number {
    const { policy, store, pinner, counters } = this.context;
    if (policy.adjust === undefined || wanted.size === 0) return 0;
    const next = policy.adjust(host, wanted);
    if (next === host) return 0;
    const { state } = store;
    if ([...state.tasks.keys()].some((name) => !isMoving(state, name))) return 0;
    if (state.tasks.size > 0) {
      const moves = orderPinChanges(movesBetween(pinsOf(policy, host), pinsOf(policy, next)));
      if (pinner.heldIn(moves) !== null) return 0;
    }
    store.set(withVms(state, next, state.vms));
    counters.action("adjust");
    return 1;
  }
}

/** What is left over from a time when pools followed their usage. */
function asSold(host: HostState): ReadonlyMap<Ratio, null> {
  const left = host.pools.filter(({ dynamics }) => dynamics !== undefined);
  return new Map(left.map(({ ratio }) => [ratio, null]));
}

function readingOf(pool: CpuPool, report: UsageReport | null, freshVcpus: number): PoolReading {
  return {
    ratio: pool.ratio,
    pcpus: pool.pcpus.length,
    runsOn: runsOn(pool).length,
    vcpus: pool.allocatedVcpus,
    largestVm: pool.members.reduce((most, { vcpuIndexes }) => Math.max(most, vcpuIndexes.length), 0),
    freshVcpus,
    ...(report === null ? { usagePcpus: null, waitPcpus: null } : poolUsage(pool, report)),
  };
}
