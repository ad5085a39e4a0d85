/**
 * What an agent has learnt of its pools, as a text that outlives it: a line that says what follows and its digest, and the state. Checked when it is
 * read: another form, other windows, a digest that does not fit, or an age at which it says nothing any more, and all is learnt anew.
 */
import { createHash } from "node:crypto";
import { z } from "zod";
import type { ForecasterState } from "../../core/dynamic/forecaster.js";
import type { DynamicSettings } from "../../core/dynamic/model.js";
import type { Acquaintances } from "../../core/dynamic/newcomers.js";
import { type Milliseconds, milliseconds, type Ratio, ratio } from "../../core/units.js";

const FORMAT = "headroom-forecasts";
/** Of the form, and of what the estimator remembers (core/estimator/headroom). */
const VERSION = 1;
/** What repeats daily is known again after a day. */
const OLDEST_MS = 86_400_000;

export interface Learnt {
  readonly at: Milliseconds;
  readonly acquaintances: Acquaintances;
  readonly forecasters: readonly { readonly ratio: Ratio; readonly state: ForecasterState }[];
}

const moment = z.number().transform((value) => milliseconds(value));
const whole = z.number().int();

const head = z.strictObject({ format: z.literal(FORMAT), version: z.number(), digest: z.string() });

const body = z.strictObject({
  at: moment,
  window: z.number(),
  history: whole,
  vms: z.array(
    z.strictObject({ uuid: z.string().min(1), since: moment, runs: z.boolean(), startedAt: moment.nullable() }),
  ),
  pools: z.array(
    z.strictObject({
      ratio: z
        .number()
        .min(1)
        .transform((value): Ratio => ratio(value)),
      state: z.strictObject({
        occurrence: whole,
        windows: whole.nonnegative(),
        samples: z.array(z.number()),
        forecast: z.strictObject({ peak: z.number(), deviation: z.number() }).nullable(),
        history: z.array(z.array(z.number())),
        estimator: z.unknown(),
      }),
    }),
  ),
});

const digestOf = (text: string): string => createHash("sha256").update(text, "utf8").digest("hex");

export function encodeLearnt({ at, acquaintances, forecasters }: Learnt, settings: DynamicSettings): string {
  const text = JSON.stringify({
    at,
    window: settings.window,
    history: settings.history,
    vms: [...acquaintances].map(([uuid, vm]) => ({ uuid, ...vm })),
    pools: forecasters,
  });
  return `${JSON.stringify({ format: FORMAT, version: VERSION, digest: digestOf(text) })}\n${text}\n`;
}

/** What is in it, or why it is of no use. */
export function decodeLearnt(text: string, settings: DynamicSettings, now: Milliseconds): Learnt | string {
  const [first = "", rest = ""] = text.split("\n");
  const said = head.safeParse(jsonOf(first));
  if (!said.success) return "they are not in a form that is known here";
  if (said.data.version !== VERSION) return `they are of version ${said.data.version}, and this is ${VERSION}`;
  if (said.data.digest !== digestOf(rest)) return "they are damaged: their digest does not fit";
  const parsed = body.safeParse(jsonOf(rest));
  if (!parsed.success) return `they are damaged: ${z.prettifyError(parsed.error)}`;
  const { at, window, history, vms, pools } = parsed.data;
  if (window !== settings.window || history !== settings.history) return "they are of windows of another length";
  if (now - at > OLDEST_MS) return "they are older than a day";
  if (at > now) return "they are of a later time than this: the clock was set back";
  return {
    at,
    acquaintances: new Map(vms.map(({ uuid, ...vm }) => [uuid, vm])),
    forecasters: pools,
  };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}
