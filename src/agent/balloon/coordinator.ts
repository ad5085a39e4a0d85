/**
 * The memory coordinator at work: reads all guests in one call and the host's own memory, has core/balloon decide, and asks the
 * balloons for their targets. Switches each guest's statistics on by itself, once for each of its lives. Works alone as a
 * controller (a round every interval), or inside the agent, which hands it what its tick has read.
 */
import type { BalloonMemory, BalloonPlan, GuestMemory, GuestPlan, HostMemory } from "../../core/balloon/model.js";
import { NOTHING_REMEMBERED } from "../../core/balloon/model.js";
import { coordinate, withoutTarget } from "../../core/balloon/plan.js";
import type { BalloonSettings } from "../../core/balloon/settings.js";
import type { MiB } from "../../core/units.js";
import type { Clock } from "../../ports/clock.js";
import { OperationalError } from "../../ports/errors.js";
import type { HostProbe } from "../../ports/host.js";
import type { DomainStats, Hypervisor } from "../../ports/hypervisor.js";
import type { Log } from "../../ports/log.js";
import type { Controller } from "../controller/loop.js";
import type { PageMerging } from "./page-merging.js";

export interface CoordinatorOptions {
  readonly hypervisor: Hypervisor;
  /** Null: the hypervisor is asked, which may be on another machine. */
  readonly probe: HostProbe | null;
  readonly clock: Clock;
  readonly log: Log;
  readonly settings: BalloonSettings;
  /** Nothing is asked of any guest, statistics neither. */
  readonly dryRun?: boolean;
  readonly pageMerging?: PageMerging | null;
}

/** What was asked of one guest, and what came of it. */
export interface BalloonChange {
  readonly name: string;
  readonly fromMiB: MiB;
  readonly toMiB: MiB;
  /** Why the hypervisor did not take it; null: it did, or it was a dry run. */
  readonly problem: string | null;
}

export interface BalloonReport {
  /** Wall time, ms. */
  readonly at: number;
  readonly plan: BalloonPlan;
  readonly changes: readonly BalloonChange[];
  readonly dryRun: boolean;
  /** Whether the kernel merges equal pages; null: not managed here. */
  readonly pageMerging: boolean | null;
}

/** Since the start. */
export interface BalloonTotals {
  readonly inflations: number;
  readonly deflations: number;
  readonly failures: number;
  readonly rounds: number;
}

export class MemoryCoordinator implements Controller<BalloonReport> {
  readonly #options: CoordinatorOptions;
  #memory: BalloonMemory = NOTHING_REMEMBERED;
  /** Uuids of guests whose statistics are on, or cannot be. */
  readonly #reporting = new Set<string>();
  #totals = { inflations: 0, deflations: 0, failures: 0, rounds: 0 };
  #latest: BalloonReport | null = null;

  constructor(options: CoordinatorOptions) {
    this.#options = options;
    options.hypervisor.subscribe((event) => {
      if (event.kind === "started") this.#reporting.delete(event.uuid);
    });
  }

  get totals(): BalloonTotals {
    return this.#totals;
  }

  get latest(): BalloonReport | null {
    return this.#latest;
  }

  async round(): Promise<BalloonReport | null> {
    const { hypervisor, dryRun } = this.#options;
    const [stats, host] = await Promise.all([hypervisor.stats(), this.#hostMemory()]);
    const first = this.#totals.rounds === 0;
    const switchedOn = dryRun === true ? 0 : await this.#startReporting(stats);
    const report = await this.decide(stats.flatMap(guestMemoryOf), host);
    // With statistics that have only just been asked for, nothing is known yet.
    return first && switchedOn > 0 ? null : report;
  }

  /** One decision about these guests, carried out. */
  async decide(guests: readonly GuestMemory[], host: HostMemory | null): Promise<BalloonReport> {
    const { clock, settings, pageMerging, dryRun = false } = this.#options;
    const reading = { wallTime: clock.now(), at: clock.monotonic(), guests, host };
    const { memory, plan } = coordinate(this.#memory, reading, settings);
    this.#memory = memory;
    const moving = plan.guests.filter((guest) => guest.targetMiB !== null);
    const changes = await Promise.all(moving.map((guest) => this.#ask(guest, dryRun)));
    this.#totals.rounds++;
    const merging = pageMerging && host ? await pageMerging.follow(host, dryRun) : null;
    this.#latest = { at: reading.wallTime, plan, changes, dryRun, pageMerging: merging };
    return this.#latest;
  }

  async #ask({ name, currentMiB, targetMiB }: GuestPlan, dryRun: boolean): Promise<BalloonChange> {
    const change = { name, fromMiB: currentMiB, toMiB: targetMiB! };
    // Nothing was asked, so nothing is waited for.
    if (dryRun) this.#memory = withoutTarget(this.#memory, name);
    if (dryRun) return { ...change, problem: null };
    try {
      await this.#options.hypervisor.setMemory(name, targetMiB!);
    } catch (error) {
      if (!(error instanceof OperationalError)) throw error;
      this.#memory = withoutTarget(this.#memory, name);
      this.#totals.failures++;
      return { ...change, problem: error.message };
    }
    if (change.toMiB < change.fromMiB) this.#totals.inflations++;
    else this.#totals.deflations++;
    return { ...change, problem: null };
  }

  async #hostMemory(): Promise<HostMemory | null> {
    const { probe, hypervisor, log } = this.#options;
    try {
      const sample = probe === null ? await hypervisor.memory() : await probe.sample();
      if (sample === null) return null;
      return "memoryTotalMiB" in sample
        ? { totalMiB: sample.memoryTotalMiB, availableMiB: sample.memoryAvailableMiB }
        : sample;
    } catch (error) {
      if (!(error instanceof OperationalError) || error.code === "hypervisor-unreachable") throw error;
      log.debug({ err: error }, "the host's memory could not be read");
      return null;
    }
  }

  async #startReporting(stats: readonly DomainStats[]): Promise<number> {
    const { hypervisor, settings, log } = this.#options;
    const silent = stats.filter((domain) => domain.state === "running" && !this.#reporting.has(domain.uuid));
    await Promise.all(
      silent.map(async ({ name, uuid }) => {
        try {
          await hypervisor.setMemoryStatsPeriod(name, settings.statsPeriod);
        } catch (error) {
          if (!(error instanceof OperationalError)) throw error;
          log.debug({ err: error, vm: name }, "the guest's memory statistics could not be switched on");
          if (error.retryable || error.code === "domain-not-found") return;
        }
        this.#reporting.add(uuid);
      }),
    );
    return silent.length;
  }
}

/** A running domain as the decision sees it; none where it does not run or its hypervisor tells nothing of its memory. */
export function guestMemoryOf({ name, uuid, state, memory }: DomainStats): GuestMemory[] {
  if (state !== "running" || memory === null) return [];
  return [{ name, uuid, ...memory }];
}
