/**
 * The idiomatic form of a reading: `headroom_domain_cpu_seconds_total{domain="web"} 12.5`, base units, HELP and TYPE; written and
 * read back. Values that are not there have no series.
 */
import { type Milliseconds, milliseconds } from "../units.js";
import { familyHead, type Labels, quoteLabel, readExposition } from "./exposition.js";
import {
  DOMAIN_INFO,
  DOMAIN_METRICS,
  fromBase,
  HOST_METRICS,
  PERF_NAMES,
  READING_METRICS,
  type ReadingMetric,
  toBase,
} from "./metrics.js";
import { type DomainReading, EMPTY_VALUES, type Reading, type SubjectReading } from "./reading.js";

/** Its presence tells an exposition of ours. */
export const TIMESTAMP_NAME = "headroom_probe_timestamp_seconds";

export function printIdiomatic(reading: Reading): string {
  return [...hostLines(reading.host), ...domainLines(reading)].join("");
}

/** Label text of each domain, made once: names repeat in every family. */
type Named = readonly (readonly [label: string, domain: DomainReading])[];

function* hostLines(host: SubjectReading): Generator<string> {
  let family = "";
  for (const { key, name, labels, unit, kind, help } of HOST_METRICS) {
    const value = host.values[key];
    if (value === undefined) continue;
    if (name !== family) yield familyHead(name, help, kind);
    family = name;
    const text = Object.entries(labels).map(([label, content]) => `${label}=${quoteLabel(content)}`);
    yield `${name}${text.length === 0 ? "" : `{${text.join(",")}}`} ${toBase(value, unit)}\n`;
  }
  const events = Object.entries(host.perfTotals);
  if (events.length > 0) yield familyHead(PERF_NAMES.host.name, PERF_NAMES.host.help, "counter");
  for (const [event, count] of events) yield `${PERF_NAMES.host.name}{event=${quoteLabel(event)}} ${count}\n`;
}

function* domainLines(reading: Reading): Generator<string> {
  const named: Named = [...reading.domains].map(([name, domain]) => [`domain=${quoteLabel(name)}`, domain]);
  yield* family(DOMAIN_INFO.name, DOMAIN_INFO.help, "gauge", named, (label, { uuid }) =>
    uuid === null ? "" : `${DOMAIN_INFO.name}{${label},uuid=${quoteLabel(uuid)}} 1\n`,
  );
  for (const { key, name, unit, kind, help } of DOMAIN_METRICS)
    yield* family(name, help, kind, named, (label, { values }) => {
      const value = values[key];
      return value === undefined ? "" : `${name}{${label}} ${toBase(value, unit)}\n`;
    });
  const perf = PERF_NAMES.domain;
  yield* family(perf.name, perf.help, "counter", named, (label, { perfTotals }) =>
    Object.entries(perfTotals)
      .map(([event, count]) => `${perf.name}{${label},event=${quoteLabel(event)}} ${count}\n`)
      .join(""),
  );
}

function* family(
  name: string,
  help: string,
  kind: string,
  named: Named,
  line: (label: string, domain: DomainReading) => string,
): Generator<string> {
  const lines = named.map(([label, domain]) => line(label, domain)).join("");
  if (lines !== "") yield familyHead(name, help, kind) + lines;
}

/** What a line of a name means: one metric, or one per value of its fixed labels. */
interface Family {
  readonly labels: readonly string[];
  readonly byLabels: ReadonlyMap<string, ReadingMetric>;
}

const SEPARATOR = "\0";
const FAMILIES: ReadonlyMap<string, Family> = familiesOf(READING_METRICS);

function familiesOf(metrics: readonly ReadingMetric[]): ReadonlyMap<string, Family> {
  const families = new Map<string, { labels: readonly string[]; byLabels: Map<string, ReadingMetric> }>();
  for (const metric of metrics) {
    const labels = Object.keys(metric.labels);
    const known = families.get(metric.name) ?? { labels, byLabels: new Map<string, ReadingMetric>() };
    known.byLabels.set(Object.values(metric.labels).join(SEPARATOR), metric);
    families.set(metric.name, known);
  }
  return families;
}

const isWanted = (name: string): boolean =>
  FAMILIES.has(name) || name === DOMAIN_INFO.name || name === PERF_NAMES.host.name || name === PERF_NAMES.domain.name;

/** A subject while it is read. */
export class Gathered {
  readonly values: Record<string, number> = {};
  readonly perf: Record<string, number> = {};
  uuid: string | null = null;
}

/** The values of an exposition; null where it has no time stamp. Throws `ExpositionFault`. */
export function readIdiomatic(text: string): Reading | null {
  const host = new Gathered();
  const domains = new Map<string, Gathered>();
  const subject = ({ domain }: Labels): Gathered => {
    if (domain === undefined) return host;
    const known = domains.get(domain) ?? new Gathered();
    domains.set(domain, known);
    return known;
  };
  readExposition(text, {
    wants: isWanted,
    series: (name, labels, value) => {
      if (!Number.isFinite(value)) return;
      if (name === DOMAIN_INFO.name) subject(labels).uuid = labels.uuid ?? null;
      else if (name === PERF_NAMES.host.name || name === PERF_NAMES.domain.name) {
        if (labels.event !== undefined) subject(labels).perf[labels.event] = value;
      } else {
        const family = FAMILIES.get(name);
        const metric = family?.byLabels.get(family.labels.map((label) => labels[label] ?? "").join(SEPARATOR));
        if (metric !== undefined) subject(labels).values[metric.key] = fromBase(value, metric.unit);
      }
    },
  });
  const at = host.values.probe_epoch;
  return at === undefined ? null : readingOf(milliseconds(at), host, domains, "perfTotals");
}

/** `perf`: what the gathered counts of events are. */
export function readingOf(
  at: Milliseconds,
  host: Gathered,
  domains: ReadonlyMap<string, Gathered>,
  perf: "perfTotals" | "perfRecent",
): Reading {
  const none = { perfTotals: EMPTY_VALUES, perfRecent: EMPTY_VALUES };
  const subject = (gathered: Gathered) => ({ ...none, values: gathered.values, [perf]: gathered.perf });
  return {
    at,
    host: subject(host),
    domains: new Map([...domains].map(([name, gathered]) => [name, { ...subject(gathered), uuid: gathered.uuid }])),
  };
}
