/**
 * Keeps what pools were seen to need across restarts, in two texts: all of it at the end of each window, and what came since then, to which
 * every tick adds what it measured. A process that is killed loses that of its last tick at most; a power cut may cost the window that had not ended, and all guests with it.
 */
import { Forecaster, type OpenWindow } from "../../core/dynamic/forecaster.js";
import type { DynamicSettings } from "../../core/dynamic/model.js";
import { type Acquaintances, changesSince } from "../../core/dynamic/newcomers.js";
import type { Milliseconds, Ratio } from "../../core/units.js";
import { OperationalError } from "../../ports/errors.js";
import type { DurableText } from "../../ports/host.js";
import type { AgentContext } from "../context.js";
import {
  decodeLearnt,
  decodeSince,
  encodeLearnt,
  encodeSince,
  encodeTick,
  type Learnt,
  type SinceLearnt,
} from "./forecast-text.js";

export type Forecasters = ReadonlyMap<Ratio, Forecaster>;

interface Kept {
  readonly acquaintances: Acquaintances;
  readonly forecasters: Forecasters;
}

/** How many samples of which window. */
interface WrittenWindow {
  readonly occurrence: number;
  readonly samples: number;
}

const NOTHING = { at: null, acquaintances: new Map() } as const;

export class KeptForecasts {
  /** Window in which what was learnt was written down. */
  #savedIn: number | null = null;
  /** What is written down, and when; null: it could not be, and nothing can go with it. */
  #base: { readonly at: Milliseconds | null; readonly acquaintances: Acquaintances } | null = NOTHING;
  #isOpenWindowKept = true;
  /** What stands in the text of the open window; null: it is begun anew. */
  #written: {
    readonly acquaintances: Acquaintances;
    readonly windows: ReadonlyMap<Ratio, WrittenWindow>;
  } | null = null;

  constructor(
    private readonly context: AgentContext,
    private readonly settings: DynamicSettings,
  ) {}

  /** Null: nothing is kept that is of use. */
  async load(now: Milliseconds): Promise<Kept | null> {
    const { log, forecasts, openWindow } = this.context;
    const learnt = await read(forecasts, (text) => decodeLearnt(text, this.settings, now));
    const learntAt = typeof learnt === "string" ? null : (learnt?.at ?? null);
    const since = await read(openWindow, (text) => decodeSince(text, learntAt, this.settings, now));
    if (typeof learnt === "string") log.warn({ reason: learnt }, "the forecasts of the pools are learnt anew");
    if (typeof since === "string") log.warn({ reason: since }, "the samples of the window that had not ended are lost");
    return this.#resumed(typeof learnt === "string" ? null : learnt, typeof since === "string" ? null : since, now);
  }

  #resumed(learnt: Learnt | null, since: SinceLearnt | null, now: Milliseconds): Kept | null {
    if (learnt === null && since === null) return null;
    this.#base = learnt ?? NOTHING;
    const forecasters = new Map<Ratio, Forecaster>();
    for (const { ratio, state } of learnt?.forecasters ?? []) {
      const forecaster = this.#forecasterOf(forecasters, ratio);
      forecaster.restore(state, now);
    }
    for (const { ratio, open } of since?.windows ?? []) this.#forecasterOf(forecasters, ratio).reopen(open);
    const ageMs = now - (since?.at ?? learnt?.at ?? now);
    this.context.log.info({ pools: forecasters.size, ageMs }, "the forecasts of the pools go on");
    return { acquaintances: new Map([...this.#base.acquaintances, ...(since?.acquaintances ?? [])]), forecasters };
  }

  #forecasterOf(forecasters: Map<Ratio, Forecaster>, ratio: Ratio): Forecaster {
    const { window, history } = this.settings;
    const forecaster = forecasters.get(ratio) ?? new Forecaster(window, history);
    forecasters.set(ratio, forecaster);
    return forecaster;
  }

  /** At the end of each tick. What cannot be written is learnt anew by the next process. */
  async save(at: Milliseconds, { acquaintances, forecasters }: Kept): Promise<void> {
    const current = Math.floor(at / this.settings.window);
    const isAtEnd = this.#savedIn !== null && this.#savedIn !== current;
    this.#savedIn = current;
    if (isAtEnd) await this.#saveAll(at, { acquaintances, forecasters });
    else await this.#saveOpen(at, { acquaintances, forecasters });
  }

  async #saveAll(at: Milliseconds, { acquaintances, forecasters }: Kept): Promise<void> {
    const { forecasts, log } = this.context;
    this.#written = null;
    const states = [...forecasters].map(([ratio, one]) => ({ ratio, state: one.snapshot() }));
    try {
      await forecasts?.write(encodeLearnt({ at, acquaintances, forecasters: states }, this.settings));
      this.#base = { at, acquaintances };
    } catch (error) {
      if (!(error instanceof OperationalError)) throw error;
      this.#base = null;
      log.warn({ err: error }, "the forecasts of the pools could not be written; the next window tries again");
    }
  }

  /** The first time all that came since; then what this tick brought. */
  async #saveOpen(at: Milliseconds, { acquaintances, forecasters }: Kept): Promise<void> {
    const { openWindow, log } = this.context;
    if (this.#base === null) return;
    const windows = [...forecasters].map(([ratio, { open }]) => ({ ratio, open }));
    const written = this.#written;
    // Until it is there, nothing can be added to it.
    this.#written = null;
    try {
      if (written === null) {
        const changed = changesSince(this.#base.acquaintances, acquaintances);
        const since = { at, after: this.#base.at, acquaintances: changed, windows };
        await openWindow?.write(encodeSince(since, this.settings));
      } else {
        const changed = changesSince(written.acquaintances, acquaintances);
        const added = windows.flatMap(({ ratio, open }) => notIn(written.windows.get(ratio), ratio, open));
        await openWindow?.append(encodeTick({ at, acquaintances: changed, windows: added }));
      }
      const counts = windows.map(({ ratio, open }) => [ratio, { ...open, samples: open.samples.length }] as const);
      this.#written = { acquaintances, windows: new Map(counts) };
      this.#isOpenWindowKept = true;
    } catch (error) {
      if (!(error instanceof OperationalError)) throw error;
      if (this.#isOpenWindowKept) log.warn({ err: error }, "the samples of this window could not be written");
      this.#isOpenWindowKept = false;
    }
  }
}

/** What `open` has more than what was written of it; nothing, where that is all. */
function notIn(written: WrittenWindow | undefined, ratio: Ratio, open: OpenWindow): SinceLearnt["windows"] {
  const from = written?.occurrence === open.occurrence ? written.samples : 0;
  if (written !== undefined && from === open.samples.length) return [];
  return [{ ratio, open: { ...open, samples: open.samples.slice(from) } }];
}

/** Null: nothing was ever written. Or why what was is of no use. */
async function read<T>(kept: DurableText | null, decode: (text: string) => T): Promise<T | string | null> {
  try {
    const text = await kept?.read();
    return text === undefined || text === null ? null : decode(text);
  } catch (error) {
    if (!(error instanceof OperationalError)) throw error;
    return error.message;
  }
}
