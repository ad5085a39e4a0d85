/** A moment as people write it: `2026-11-27`, `2026-11-27T12:30:00Z`, or so long ago: `90m`, `24h`, `7d`. */
import { type Milliseconds, milliseconds } from "../../core/units.js";
import { UsageError } from "../exit.js";

const UNIT_MS = { m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const DATE = /^\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?(?:Z|[+-]\d\d:?\d\d)?)?$/;

/** Without a zone it is UTC. Throws `UsageError`. */
export function parseMoment(text: string, option: string, now: Milliseconds): Milliseconds {
  const ago = /^(\d{1,6})([mhd])$/.exec(text);
  if (ago) return milliseconds(now - Number(ago[1]) * UNIT_MS[ago[2] as keyof typeof UNIT_MS]);
  const at = DATE.test(text)
    ? Date.parse(/T.*(?:Z|[+-]\d\d:?\d\d)$|^[^T]*$/.test(text) ? text : `${text}Z`)
    : Number.NaN;
  if (Number.isNaN(at) || at < 0)
    throw new UsageError(`${option}: "${text}" is no moment, such as 2026-11-27, 2026-11-27T12:30:00Z or 24h (ago)`);
  return milliseconds(at);
}
