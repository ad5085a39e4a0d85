/**
 * Ballooning from the sample store, across hosts: each round reads every VM's memory of the last while, and squeezes those of which
 * the host gets enough back (core/balloon/squeeze.ts). A squeezed VM is given its full size back after half a minute, and at once when the
 * signal comes: nobody is left behind small.
 */
import { type Squeeze, type SqueezeSettings, squeezeOf } from "../../core/balloon/squeeze.js";
import { type MiB, type Milliseconds, milliseconds } from "../../core/units.js";
import type { Clock } from "../../ports/clock.js";
import { OperationalError } from "../../ports/errors.js";
import type { Hypervisor } from "../../ports/hypervisor.js";
import type { SampleStore } from "../../ports/sample-store.js";
import type { Controller } from "../controller/loop.js";

export interface StoreBallooningOptions {
  readonly store: SampleStore;
  /** By the name under which the store knows the host. Not yet connected. */
  readonly hosts: ReadonlyMap<string, Hypervisor>;
  readonly clock: Clock;
  readonly scope: Milliseconds;
  readonly settings: SqueezeSettings;
  readonly dryRun: boolean;
  readonly signal: AbortSignal;
}

export interface SqueezeOutcome {
  readonly host: string;
  readonly vm: string;
  readonly decision: Squeeze;
  /** What went wrong; null: nothing. */
  readonly problem: string | null;
}

export interface StoreReport {
  readonly at: Milliseconds;
  readonly outcomes: readonly SqueezeOutcome[];
  /** Hosts that could not be looked at, and why. */
  readonly problems: readonly string[];
  readonly dryRun: boolean;
}

/** How long the guest has to give its pages up: QEMU guests were seen to give 1 to 2 GiB a second, busy ones much less. */
const SQUEEZE_MS = 30_000;
const USED = "mem_usage";
const RESIDENT = "mem_rss";

interface History {
  readonly used: number[];
  resident: number | null;
}

export class StoreBallooning implements Controller<StoreReport> {
  /** When a VM was squeezed last, by host and name; of this process, as in the earlier system. */
  readonly #squeezed = new Map<string, Milliseconds>();
  #totals = { squeezes: 0, failures: 0, rounds: 0 };

  constructor(private readonly options: StoreBallooningOptions) {}

  get totals(): { readonly squeezes: number; readonly failures: number; readonly rounds: number } {
    return this.#totals;
  }

  async round(): Promise<StoreReport> {
    const { hosts, clock, dryRun } = this.options;
    const at = clock.now();
    const looked = await Promise.all([...hosts].map(([host, hypervisor]) => this.#look(host, hypervisor, at)));
    this.#totals.rounds++;
    return {
      at,
      outcomes: looked.flatMap(({ outcomes }) => outcomes),
      problems: looked.flatMap(({ problem }) => (problem === null ? [] : [problem])),
      dryRun,
    };
  }

  async #look(
    host: string,
    hypervisor: Hypervisor,
    at: Milliseconds,
  ): Promise<{ readonly outcomes: readonly SqueezeOutcome[]; readonly problem: string | null }> {
    try {
      const histories = await this.#histories(host, at);
      const decided = [...histories].map(([vm, history]) => {
        const last = this.#squeezed.get(`${host} ${vm}`) ?? null;
        const { used, resident } = history;
        return { vm, decision: squeezeOf({ used, residentMiB: resident }, last, at, this.options.settings) };
      });
      if (decided.some(({ decision }) => decision.kind === "squeeze")) await hypervisor.connect();
      const maxima = await this.#maxima(hypervisor);
      const outcomes = await Promise.all(
        decided.map(async ({ vm, decision }) => ({
          host,
          vm,
          decision,
          problem:
            decision.kind === "squeeze"
              ? await this.#carryOut(host, hypervisor, vm, decision.targetMiB, maxima, at)
              : null,
        })),
      );
      return { outcomes, problem: null };
    } catch (error) {
      if (!(error instanceof OperationalError)) throw error;
      this.#totals.failures++;
      return { outcomes: [], problem: `${host}: ${error.message}` };
    }
  }

  async #histories(host: string, at: Milliseconds): Promise<ReadonlyMap<string, History>> {
    const { store, scope } = this.options;
    const histories = new Map<string, History>();
    const range = { from: milliseconds(at - scope), to: milliseconds(at + 1) };
    for await (const { vm, values } of store.read({ host, of: "vms", metrics: [USED, RESIDENT], ...range })) {
      if (vm === null) continue;
      const history = histories.get(vm) ?? { used: [], resident: null };
      histories.set(vm, history);
      if (values[USED] !== undefined) history.used.push(values[USED]);
      history.resident = values[RESIDENT] ?? history.resident;
    }
    return histories;
  }

  /** Full sizes of the VMs that run. */
  async #maxima(hypervisor: Hypervisor): Promise<ReadonlyMap<string, MiB>> {
    if (!hypervisor.isConnected()) return new Map();
    const stats = await hypervisor.stats();
    return new Map(stats.flatMap(({ name, memory }) => (memory === null ? [] : [[name, memory.maximumMiB] as const])));
  }

  async #carryOut(
    host: string,
    hypervisor: Hypervisor,
    vm: string,
    targetMiB: MiB,
    maxima: ReadonlyMap<string, MiB>,
    at: Milliseconds,
  ): Promise<string | null> {
    const { clock, dryRun, signal } = this.options;
    const fullMiB = maxima.get(vm);
    if (fullMiB === undefined) return "it does not run there";
    if (targetMiB >= fullMiB) return null;
    if (dryRun) return null;
    this.#squeezed.set(`${host} ${vm}`, at);
    try {
      await hypervisor.setMemory(vm, targetMiB);
      await clock.sleep(milliseconds(SQUEEZE_MS), signal);
      this.#totals.squeezes++;
    } catch (error) {
      if (!(error instanceof OperationalError)) throw error;
      this.#totals.failures++;
      // It may have been squeezed without an answer: the full size is harmless where it was not.
      return (await giveBack(hypervisor, vm, fullMiB)) ?? error.message;
    }
    return giveBack(hypervisor, vm, fullMiB);
  }
}

/** Null when it has its full size again; else why not. */
async function giveBack(hypervisor: Hypervisor, vm: string, fullMiB: MiB): Promise<string | null> {
  try {
    await hypervisor.setMemory(vm, fullMiB);
    return null;
  } catch (error) {
    if (!(error instanceof OperationalError)) throw error;
    return `it did not get its ${fullMiB} MiB back: ${error.message}`;
  }
}
