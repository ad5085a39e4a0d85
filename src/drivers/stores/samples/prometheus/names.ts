/**
 * Samples as Prometheus has them: one metric for each name of a value, `headroom_sample_cpu_usage`, with the labels `host` and,
 * for VMs, `vm`. Also the selectors that ask for them.
 */
import type { Wanted } from "../remote/pieces.js";

const PREFIX = "headroom_sample_";

export const metricName = (key: string): string => `${PREFIX}${key}`;
export const keyOf = (metric: string): string => metric.slice(PREFIX.length);

/** A string of PromQL; its escapes are Go's, of which JSON's are a part. */
export const text = (value: string): string => JSON.stringify(value);

/** RE2's special characters, in a pattern that is anchored at both ends. */
const literal = (value: string): string => value.replace(/[\\^$.|?*+()[\]{}]/g, "\\$&");

const oneOf = (values: readonly string[]): string => values.map(literal).join("|");

const matcher = (label: string, values: readonly string[]): string =>
  values.length === 1 ? `${label}=${text(values[0]!)}` : `${label}=~${text(oneOf(values))}`;

function vmMatcher(of: Wanted["of"]): readonly string[] {
  if (of === "all") return [];
  if (of === "host") return [`vm=""`];
  return [of === "vms" ? `vm!=""` : matcher("vm", of)];
}

export function selector({ hosts, of, metrics }: Wanted): string {
  const names = metrics.length === 0 ? `${PREFIX}.+` : oneOf(metrics.map(metricName));
  return `{${[`__name__=~${text(names)}`, matcher("host", hosts), ...vmMatcher(of)].join(",")}}`;
}

/** Of all hosts, without their VMs. */
export const HOSTS_SELECTOR = `{__name__=~${text(`${PREFIX}.+`)},vm=""}`;

/** Of everything, or of one host. */
export const sourceSelector = (host: string | null): string =>
  `{__name__=~${text(`${PREFIX}.+`)}${host === null ? "" : `,host=${text(host)}`}}`;
