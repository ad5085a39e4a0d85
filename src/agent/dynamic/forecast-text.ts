/**
 * What an agent has learnt of its pools, as texts that outlive it: one of all that it knew when a window ended, and a small one of what came since, to which each
 * tick adds a line with a checksum of its own. Each
 * has a line that says what follows and its digest, and the state. Checked when they are read: another form, other windows, a digest that does not
 * fit, or an age at which it says nothing any more, and all is learnt anew.
 */
import { createHash } from "node:crypto";
import { crc32 } from "node:zlib";
import { z } from "zod";
import type { ForecasterState, OpenWindow } from "../../core/dynamic/forecaster.js";
import type { DynamicSettings } from "../../core/dynamic/model.js";
import type { Acquaintances } from "../../core/dynamic/newcomers.js";
import { jsonOf } from "../../core/json.js";
import { type Milliseconds, milliseconds, type Ratio, ratio } from "../../core/units.js";

const LEARNT = "headroom-forecasts";
const OPEN = "headroom-open-window";
/** Of the form, and of what the estimator remembers (core/estimator/headroom). */
const VERSION = 2;
/** What repeats daily is known again after a day. */
const OLDEST_MS = 86_400_000;
/** What says what follows, and what follows. */
const SEALED_LINES = 2;

export interface Learnt {
  readonly at: Milliseconds;
  readonly acquaintances: Acquaintances;
  readonly forecasters: readonly { readonly ratio: Ratio; readonly state: ForecasterState }[];
}

/** What came after something learnt. */
export interface SinceLearnt {
  readonly at: Milliseconds;
  /** When that was learnt which it goes with; null: nothing was before. */
  readonly after: Milliseconds | null;
  /** Those that changed since. */
  readonly acquaintances: Acquaintances;
  readonly windows: readonly { readonly ratio: Ratio; readonly open: OpenWindow }[];
}

const moment = z.number().transform((value) => milliseconds(value));
const whole = z.number().int();
const poolRatio = z
  .number()
  .min(1)
  .transform((value): Ratio => ratio(value));
const vms = z.array(
  z.strictObject({ uuid: z.string().min(1), since: moment, runs: z.boolean(), startedAt: moment.nullable() }),
);
const openWindow = { occurrence: whole, samples: z.array(z.number()) };

const head = z.strictObject({ format: z.string(), version: z.number(), digest: z.string() });

const learntBody = z.strictObject({
  at: moment,
  window: z.number(),
  history: whole,
  vms,
  pools: z.array(
    z.strictObject({
      ratio: poolRatio,
      state: z.strictObject({
        ...openWindow,
        windows: whole.nonnegative(),
        forecast: z.strictObject({ peak: z.number(), deviation: z.number() }).nullable(),
        history: z.array(z.array(z.number())),
        estimator: z.unknown(),
      }),
    }),
  ),
});

const openBody = z.strictObject({
  at: moment,
  after: moment.nullable(),
  window: z.number(),
  vms,
  pools: z.array(z.strictObject({ ratio: poolRatio, open: z.strictObject(openWindow) })),
});

const digestOf = (text: string): string => createHash("sha256").update(text, "utf8").digest("hex");

function sealed(format: string, content: object): string {
  const text = JSON.stringify(content);
  return `${JSON.stringify({ format, version: VERSION, digest: digestOf(text) })}\n${text}\n`;
}

/** What was sealed, or why it is of no use. */
function unsealed<T>(format: string, body: z.ZodType<T>, sealedText: string): T | string {
  const [first = "", rest = ""] = sealedText.split("\n");
  const said = head.safeParse(jsonOf(first));
  if (!said.success || said.data.format !== format) return "they are not in a form that is known here";
  if (said.data.version !== VERSION) return `they are of version ${said.data.version}, and this is ${VERSION}`;
  if (said.data.digest !== digestOf(rest)) return "they are damaged: their digest does not fit";
  const parsed = body.safeParse(jsonOf(rest));
  return parsed.success ? parsed.data : `they are damaged: ${z.prettifyError(parsed.error)}`;
}

const listed = (acquaintances: Acquaintances) => [...acquaintances].map(([uuid, vm]) => ({ uuid, ...vm }));
const byUuid = (list: z.infer<typeof vms>): Acquaintances => new Map(list.map(({ uuid, ...vm }) => [uuid, vm]));

export const encodeLearnt = ({ at, acquaintances, forecasters }: Learnt, settings: DynamicSettings): string =>
  sealed(LEARNT, {
    at,
    window: settings.window,
    history: settings.history,
    vms: listed(acquaintances),
    pools: forecasters,
  });

/** What is in it, or why it is of no use. */
export function decodeLearnt(text: string, settings: DynamicSettings, now: Milliseconds): Learnt | string {
  const body = unsealed(LEARNT, learntBody, text);
  if (typeof body === "string") return body;
  const { at, window, history, vms: met, pools } = body;
  if (window !== settings.window || history !== settings.history) return "they are of windows of another length";
  if (now - at > OLDEST_MS) return "they are older than a day";
  if (at > now) return "they are of a later time than this: the clock was set back";
  return { at, acquaintances: byUuid(met), forecasters: pools };
}

export const encodeSince = ({ at, after, acquaintances, windows }: SinceLearnt, { window }: DynamicSettings): string =>
  sealed(OPEN, { at, after, window, vms: listed(acquaintances), pools: windows });

const tickBody = z.tuple([moment, vms, z.array(z.tuple([poolRatio, whole, z.array(z.number())]))]);

/** What a tick adds. */
export function encodeTick({ at, acquaintances, windows }: Omit<SinceLearnt, "after">): string {
  const pools = windows.map(({ ratio: of, open }) => [of, open.occurrence, open.samples]);
  const text = JSON.stringify([at, listed(acquaintances), pools]);
  return `${crc32(text)} ${text}\n`;
}

/** Ticks that were added to `since`, up to the first that is not whole: what a process was killed at, or a power cut. */
function withTicks(since: SinceLearnt, lines: readonly string[]): SinceLearnt {
  const acquaintances = new Map(since.acquaintances);
  const windows = new Map(since.windows.map(({ ratio: of, open }) => [of, open]));
  let { at } = since;
  for (const line of lines) {
    const [sum, text = ""] = [line.slice(0, line.indexOf(" ")), line.slice(line.indexOf(" ") + 1)];
    const tick = sum === String(crc32(text)) ? tickBody.safeParse(jsonOf(text)) : null;
    if (tick?.success !== true) break;
    const [time, met, pools] = tick.data;
    at = time;
    for (const [uuid, vm] of byUuid(met)) acquaintances.set(uuid, vm);
    for (const [of, occurrence, samples] of pools) {
      const open = windows.get(of);
      const before = open?.occurrence === occurrence ? open.samples : [];
      windows.set(of, { occurrence, samples: [...before, ...samples] });
    }
  }
  return { ...since, at, acquaintances, windows: [...windows].map(([of, open]) => ({ ratio: of, open })) };
}

/** What is in it; null: it goes with something else that was learnt, as after a crash between the two. Or why it is of no use. */
export function decodeSince(
  text: string,
  learntAt: Milliseconds | null,
  settings: DynamicSettings,
  now: Milliseconds,
): SinceLearnt | string | null {
  const body = unsealed(OPEN, openBody, text);
  if (typeof body === "string") return body;
  const { after, window, vms: met, pools } = body;
  const begun = { at: body.at, after, acquaintances: byUuid(met), windows: pools };
  const since = withTicks(begun, text.split("\n").slice(SEALED_LINES, -1));
  const isOfNow = now - since.at <= OLDEST_MS && since.at <= now;
  return after === learntAt && window === settings.window && isOfNow ? since : null;
}
