/**
 * What a scrape tells: takes the form apart by what stands in it, or by the prefix that the operator named. A refusal is a value:
 * of many endpoints some always answer with something else.
 */
import { ExpositionFault } from "./exposition.js";
import { flatPrefixes, readFlat } from "./flat-form.js";
import { readIdiomatic, TIMESTAMP_NAME } from "./idiomatic-form.js";
import type { Reading } from "./reading.js";

export type ScrapeResult =
  | { readonly ok: true; readonly reading: Reading; readonly form: "idiomatic" | "flat" }
  | { readonly ok: false; readonly fault: "not-text" | "no-values"; readonly problem: string };

/** `prefix`: of the flat form; null: whatever is there, the idiomatic form first. */
export function readScrape(text: string, prefix: string | null): ScrapeResult {
  try {
    return prefix === null ? readAny(text) : readPrefixed(text, prefix);
  } catch (error) {
    if (error instanceof ExpositionFault)
      return { ok: false, fault: "not-text", problem: `not a text exposition: ${error.message}` };
    throw error;
  }
}

const refused = (problem: string): ScrapeResult => ({ ok: false, fault: "no-values", problem });

function readAny(text: string): ScrapeResult {
  if (text.includes(`${TIMESTAMP_NAME} `)) {
    const reading = readIdiomatic(text);
    if (reading !== null) return { ok: true, reading, form: "idiomatic" };
  }
  const prefixes = flatPrefixes(text);
  if (prefixes.length > 1)
    return refused(`values of ${prefixes.length} probes (${prefixes.join(", ")}): name the one that is meant`);
  if (prefixes[0] !== undefined) return readPrefixed(text, prefixes[0]);
  // Whether it is an exposition at all.
  readIdiomatic(text);
  return refused("no values of a probe: neither headroom_probe_timestamp_seconds nor PREFIX_global_probe_epoch");
}

function readPrefixed(text: string, prefix: string): ScrapeResult {
  const reading = readFlat(text, prefix);
  if (reading !== null) return { ok: true, reading, form: "flat" };
  return refused(`no ${prefix}_global_probe_epoch: nothing of this prefix, or only a part`);
}
