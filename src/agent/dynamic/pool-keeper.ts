/**
 * Pools that follow their usage: tells the forecasts what each pool's vCPUs asked for since the last tick, has the pools decided
 * anew (core/dynamic), and puts the result into the state; the tick's pins follow. Effective ratios are in the journal with their pools,
 * forecasts in texts of their own (kept-forecasts.ts).
 */
import { decide, type PoolPicture } from "../../core/dynamic/decide.js";
import { expectedPcpus } from "../../core/dynamic/expected.js";
import { Forecaster } from "../../core/dynamic/forecaster.js";
import { type DynamicSettings, demandOf, type PoolMemory, type PoolReading } from "../../core/dynamic/model.js";
import { type Acquaintances, isBooting, isFresh, meet } from "../../core/dynamic/newcomers.js";
import { ceilingOf } from "../../core/dynamic/ratio.js";
import { type CpuPool, type HostState, type PoolDynamics, runsOn } from "../../core/pool/model.js";
import { isPlaced } from "../../core/reconcile/model.js";
import { orderPinChanges } from "../../core/reconcile/pin-order.js";
import { movesBetween } from "../../core/reconcile/pins.js";
import { type Milliseconds, milliseconds, pcpus, type Ratio, ratio } from "../../core/units.js";
import { type AgentContext, pinsOf } from "../context.js";
import type { PoolDynamicsView } from "../service.js";
import { isMoving, withVms } from "../state.js";
import { poolUsage, type UsageReport, type UsageState } from "../usage.js";
import { KeptForecasts } from "./kept-forecasts.js";

/** What the pools themselves do not say. */
export type PoolOutlook = Omit<PoolDynamicsView, "effectiveRatio" | "activePcpus">;

export class PoolKeeper {
  readonly #settings: DynamicSettings | null;
  /** Null: pools do not follow their usage. */
  readonly #kept: KeptForecasts | null;
  /** Monotonic time plus this is wall time, as of the start: windows are those of the day, and never go back. */
  readonly #offset: number;
  readonly #forecasters = new Map<Ratio, Forecaster>();
  #acquaintances: Acquaintances | null = null;
  #memories: ReadonlyMap<Ratio, PoolMemory> = new Map();
  /** What was wanted of which pools when these were found to be so already: as long as both stay, nothing is to be worked out. */
  #settled: { readonly host: HostState; readonly wanted: ReadonlyMap<Ratio, PoolDynamics | null> } | null = null;

  private constructor(private readonly context: AgentContext) {
    const { settings, clock } = context;
    this.#settings = settings.dynamic;
    this.#kept = settings.dynamic === null ? null : new KeptForecasts(context, settings.dynamic);
    this.#offset = clock.now() - clock.monotonic();
  }

  /** Goes on with what an earlier process learnt, where that was kept and is of use. */
  static async open(context: AgentContext): Promise<PoolKeeper> {
    const keeper = new PoolKeeper(context);
    const kept = await keeper.#kept?.load(keeper.#now());
    if (kept === undefined || kept === null) return keeper;
    keeper.#acquaintances = kept.acquaintances;
    for (const [of, forecaster] of kept.forecasters) keeper.#forecasters.set(of, forecaster);
    return keeper;
  }

  /** One tick; gives the number of changes of the state, 0 or 1. `rebooted`: uuids of guests that did since the last one. */
  keep(usage: UsageState | null, rebooted: ReadonlySet<string>, pressure: number | null): number {
    const { store } = this.context;
    const { host } = store.state;
    if (this.#settings === null) return this.#take(host, asSold(host));
    const now = this.#now();
    this.#meetVms(now, usage?.restarted ?? [], rebooted);
    const pictures = new Map(
      host.pools.flatMap((pool) =>
        pool.ratio === 1 || pool.members.length === 0
          ? []
          : [[pool.ratio, this.#pictureOf(pool, usage?.report ?? null, now, this.#settings!)] as const],
      ),
    );
    const decision = decide(host, pictures, this.#memories, this.#settings, { now, pressure });
    this.#memories = decision.memories;
    return this.#take(host, decision.wanted);
  }

  /** Writes down what was learnt. */
  async save(): Promise<void> {
    if (this.#acquaintances === null) return;
    await this.#kept?.save(this.#now(), { acquaintances: this.#acquaintances, forecasters: this.#forecasters });
  }

  #now(): Milliseconds {
    return milliseconds(this.context.clock.monotonic() + this.#offset);
  }

  #forecasterOf(of: Ratio, settings: DynamicSettings): Forecaster {
    let forecaster = this.#forecasters.get(of);
    if (forecaster === undefined) {
      forecaster = new Forecaster(settings.window, settings.history);
      this.#forecasters.set(of, forecaster);
    }
    return forecaster;
  }

  /** How pools that follow their usage stand, newcomers counted as sold; null: they do not follow it. */
  outlooks(host: HostState): ReadonlyMap<Ratio, PoolOutlook> | null {
    const settings = this.#settings;
    if (settings === null) return null;
    return new Map(
      host.pools.map((pool) => {
        const forecast = this.#forecasters.get(pool.ratio)?.forecast ?? null;
        const peak = expectedPcpus(readingOf(pool, null, NOBODY, NOBODY), forecast, 0);
        const moved = this.#memories.get(pool.ratio)?.moved;
        const outlook = {
          expectedPeakPcpus: peak === null ? null : pcpus(peak),
          leastRatio: settings.ratios ? ratio(1) : pool.ratio,
          mostRatio: settings.ratios ? ceilingOf(pool.ratio, settings) : pool.ratio,
          lastMove: moved === undefined ? null : { ...moved, at: milliseconds(Math.round(moved.at)) },
        };
        return [pool.ratio, outlook];
      }),
    );
  }

  #meetVms(now: Milliseconds, restarted: readonly string[], rebooted: ReadonlySet<string>): void {
    const anew = new Set(restarted);
    const present = [...this.context.store.state.vms.values()].map((vm) => ({
      uuid: vm.uuid,
      runs: isPlaced(vm),
      restarted: anew.has(vm.name) || rebooted.has(vm.uuid),
    }));
    this.#acquaintances = meet(this.#acquaintances, present, now);
  }

  #pictureOf(pool: CpuPool, report: UsageReport | null, now: Milliseconds, settings: DynamicSettings): PoolPicture {
    const forecaster = this.#forecasterOf(pool.ratio, settings);
    const { vms } = this.context.store.state;
    const [fresh, booting] = [new Set<string>(), new Set<string>()];
    for (const { vm } of pool.members) {
      const met = this.#acquaintances?.get(vms.get(vm)?.uuid ?? "");
      if (isFresh(met, now, settings.window)) fresh.add(vm);
      if (isBooting(met, now, settings.bootTime)) booting.add(vm);
    }
    const reading = readingOf(pool, report, fresh, booting);
    const demand = demandOf(reading);
    if (demand !== null) forecaster.observe(now, demand, reading.vcpus - reading.bootingVcpus);
    return { reading, forecast: forecaster.forecast };
  }

  /** Nothing is changed while a request is unsettled or a VM that would have to be pinned anew is on its way. */
  #take(host: HostState, wanted: ReadonlyMap<Ratio, PoolDynamics | null>): number {
    const { policy, store, pinner, counters } = this.context;
    if (policy.adjust === undefined || wanted.size === 0) return 0;
    if (this.#settled?.host === host && isSame(this.#settled.wanted, wanted)) return 0;
    const next = policy.adjust(host, wanted);
    if (next === host) {
      this.#settled = { host, wanted };
      return 0;
    }
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

function isSame(
  before: ReadonlyMap<Ratio, PoolDynamics | null>,
  wanted: ReadonlyMap<Ratio, PoolDynamics | null>,
): boolean {
  if (before.size !== wanted.size) return false;
  for (const [of, one] of wanted) {
    const was = before.get(of);
    if (was === undefined) return false;
    if (was?.effectiveRatio !== one?.effectiveRatio || was?.borrows !== one?.borrows) return false;
    if (was?.activePcpus !== one?.activePcpus) return false;
  }
  return true;
}

/** What is left over from a time when pools followed their usage. */
function asSold(host: HostState): ReadonlyMap<Ratio, null> {
  const left = host.pools.filter(({ dynamics }) => dynamics !== undefined);
  return new Map(left.map(({ ratio }) => [ratio, null]));
}

const NOBODY: ReadonlySet<string> = new Set();

const vcpusOf = (pool: CpuPool, vms: ReadonlySet<string>): number =>
  pool.members.reduce((sum, { vm, vcpuIndexes }) => sum + (vms.has(vm) ? vcpuIndexes.length : 0), 0);

function readingOf(
  pool: CpuPool,
  report: UsageReport | null,
  fresh: ReadonlySet<string>,
  booting: ReadonlySet<string>,
): PoolReading {
  return {
    ratio: pool.ratio,
    pcpus: pool.pcpus.length,
    runsOn: runsOn(pool).length,
    vcpus: pool.allocatedVcpus,
    largestVm: pool.members.reduce((most, { vcpuIndexes }) => Math.max(most, vcpuIndexes.length), 0),
    freshVcpus: vcpusOf(pool, fresh),
    bootingVcpus: vcpusOf(pool, booting),
    ...(report === null ? { usagePcpus: null, waitPcpus: null } : poolUsage(pool, report, booting)),
  };
}
