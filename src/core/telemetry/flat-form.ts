/**
 * The seed's flat form of a reading (spec 6.1): `<prefix>_global_cpu_total 64`, `<prefix>_domain_<name>_memory_rss 12345`; written,
 * and read as the seed's probe writes it, as Headroom does, and as node_exporter's textfile collector passes both on. A prefix may
 * hold `_`, and so may a VM's name: lines are taken apart from both ends, by the metrics that are known.
 */
import { milliseconds } from "../units.js";
import { ExpositionFault, readExposition } from "./exposition.js";
import { flatNames, readFlatName } from "./flat-names.js";
import { Gathered, readingOf } from "./idiomatic-form.js";
import { DOMAIN_METRICS, HOST_METRICS, PERF_PREFIX, type ReadingMetric } from "./metrics.js";
import type { Reading, SubjectReading } from "./reading.js";

const GLOBAL = "_global_";
const DOMAIN = "_domain_";

/** A prefix that makes valid names and can be found again. */
export const FLAT_PREFIX = /^[A-Za-z][A-Za-z0-9_]{0,63}$/;

export function printFlat(reading: Reading, prefix: string): string {
  const names = flatNames(reading.domains.keys());
  const lines = subjectLines(`${prefix}${GLOBAL}`, HOST_METRICS, reading.host);
  for (const [name, domain] of reading.domains)
    lines.push(...subjectLines(`${prefix}${DOMAIN}${names.get(name) ?? name}_`, DOMAIN_METRICS, domain));
  return lines.join("");
}

function subjectLines(start: string, metrics: readonly ReadingMetric[], subject: SubjectReading): string[] {
  const lines: string[] = [];
  for (const { key } of metrics) {
    const value = subject.values[key];
    if (value !== undefined) lines.push(`${start}${key} ${value}\n`);
  }
  for (const [event, count] of Object.entries(subject.perfRecent))
    lines.push(`${start}${PERF_PREFIX}${event} ${count}\n`);
  return lines;
}

const EPOCH = /^([A-Za-z_:][A-Za-z0-9_:]*?)_global_probe_epoch[ \t{]/gm;

/** Prefixes of the hosts that an exposition tells of. */
export const flatPrefixes = (text: string): readonly string[] => [
  ...new Set([...text.matchAll(EPOCH)].map((match) => match[1]!)),
];

const HOST_KEYS: ReadonlySet<string> = new Set(HOST_METRICS.map(({ key }) => key));
/** By the last word of the key: few are left to compare. */
const DOMAIN_KEYS = new Map<string, string[]>();
for (const { key } of DOMAIN_METRICS) {
  const last = key.slice(key.lastIndexOf("_") + 1);
  DOMAIN_KEYS.set(last, [...(DOMAIN_KEYS.get(last) ?? []), key]);
}
const PERF_TAIL = /^(.+)_perf_([A-Za-z0-9-]+)$/;

/** `vm_1_cpu_alloc`: of `vm_1`, `cpu_alloc`. Null for metrics that nobody knows. */
function splitDomain(rest: string): { readonly name: string; readonly key: string } | null {
  const last = rest.slice(rest.lastIndexOf("_") + 1);
  for (const key of DOMAIN_KEYS.get(last) ?? []) {
    const end = rest.length - key.length - 1;
    if (end > 0 && rest[end] === "_" && rest.endsWith(key)) return { name: rest.slice(0, end), key };
  }
  const perf = PERF_TAIL.exec(rest);
  return perf === null ? null : { name: perf[1]!, key: PERF_PREFIX + perf[2]! };
}

/** The values below a prefix; null where they have no time. Throws `ExpositionFault`. */
export function readFlat(text: string, prefix: string): Reading | null {
  const host = new Gathered();
  const domains = new Map<string, Gathered>();
  const [global, domain] = [prefix + GLOBAL, prefix + DOMAIN];
  readExposition(text, {
    wants: (name) => name.startsWith(global) || name.startsWith(domain),
    series: (name, _labels, value) => {
      if (!Number.isFinite(value)) return;
      if (name.startsWith(global)) {
        const key = name.slice(global.length);
        if (HOST_KEYS.has(key) || key.startsWith(PERF_PREFIX)) put(host, key, value);
      } else {
        const split = splitDomain(name.slice(domain.length));
        if (split === null) return;
        const known = domains.get(split.name) ?? new Gathered();
        domains.set(split.name, known);
        put(known, split.key, value);
      }
    },
  });
  const at = host.values.probe_epoch;
  return at === undefined ? null : readingOf(milliseconds(Math.trunc(at)), host, trueNames(domains), "perfRecent");
}

function put(subject: Gathered, key: string, value: number): void {
  if (key.startsWith(PERF_PREFIX)) subject.perf[key.slice(PERF_PREFIX.length)] = value;
  else subject.values[key] = value;
}

/** Two flat names of one VM are two probes under one prefix: neither can be believed. */
function trueNames(domains: ReadonlyMap<string, Gathered>): ReadonlyMap<string, Gathered> {
  const named = new Map<string, Gathered>();
  for (const [flat, gathered] of domains) {
    const name = readFlatName(flat);
    if (named.has(name)) throw new ExpositionFault(`tells twice of the VM ${name}`);
    named.set(name, gathered);
  }
  return named;
}
