/**
 * Keeps what pools were seen to need across restarts, in two texts: all of it at the end of each window, and at every tick what came since then, which
 * is little. A process that is killed has lost nothing that it measured; a power cut may cost the window that had not ended, and all guests with it.
 */
import { Forecaster } from "../../core/dynamic/forecaster.js";
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
  type Learnt,
  type SinceLearnt,
} from "./forecast-text.js";

export type Forecasters = ReadonlyMap<Ratio, Forecaster>;

interface Kept {
  readonly acquaintances: Acquaintances;
  readonly forecasters: Forecasters;
}

const NOTHING = { at: null, acquaintances: new Map() } as const;

export class KeptForecasts {
  /** Window in which what was learnt was written down. */
  #savedIn: number | null = null;
  /** What is written down, and when; null: it could not be, and nothing can go with it. */
  #base: { readonly at: Milliseconds | null; readonly acquaintances: Acquaintances } | null = NOTHING;
  #isOpenWindowKept = true;

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

  async #saveOpen(at: Milliseconds, { acquaintances, forecasters }: Kept): Promise<void> {
    const { openWindow, log } = this.context;
    if (this.#base === null) return;
    const windows = [...forecasters].map(([ratio, { open }]) => ({ ratio, open }));
    const changed = changesSince(this.#base.acquaintances, acquaintances);
    try {
      await openWindow?.write(
        encodeSince({ at, after: this.#base.at, acquaintances: changed, windows }, this.settings),
      );
      this.#isOpenWindowKept = true;
    } catch (error) {
      if (!(error instanceof OperationalError)) throw error;
      if (this.#isOpenWindowKept) log.warn({ err: error }, "the samples of this window could not be written");
      this.#isOpenWindowKept = false;
    }
  }
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
