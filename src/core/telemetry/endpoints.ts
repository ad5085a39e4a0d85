/**
 * What a collector scrapes: the lists in which operators name it. The seed's `AGGREG_STUB_LIST` is JSON, `[["url", "prefix"], ...]`;
 * people write a comma list; Prometheus' file_sd has groups of targets with labels, of which those that shape the URL count, and two
 * of Headroom's own.
 */
import { jsonOf } from "../json.js";

export interface Endpoint {
  readonly url: string;
  /** The host's name in the store; the URL where nobody named it, as the seed has it. */
  readonly host: string;
  /** Of the flat form; null: whatever is there. */
  readonly prefix: string | null;
}

export type EndpointList =
  | { readonly ok: true; readonly endpoints: readonly Endpoint[] }
  | { readonly ok: false; readonly problem: string };

const HTTP_URL = /^https?:\/\/[^\s/?#@]+(?:[/?][^\s#]*)?$/;
const PREFIX = /^[A-Za-z_:][A-Za-z0-9_:]*$/;
/** Labels of file_sd that say what Prometheus' customs do not. */
const HOST_LABEL = "host";
const PREFIX_LABEL = "flat_prefix";

const refused = (problem: string): EndpointList => ({ ok: false, problem });

/** Null: it is none. */
function endpoint(url: unknown, prefix: unknown, host: unknown): Endpoint | null {
  if (typeof url !== "string" || !HTTP_URL.test(url)) return null;
  const named = typeof prefix === "string" && prefix !== "" ? prefix : null;
  if (named !== null && !PREFIX.test(named)) return null;
  return { url, host: typeof host === "string" && host !== "" ? host : url, prefix: named };
}

/** `[["http://w:9100/metrics", "example"]]`, or `http://a:8101/metrics,http://b:8101/metrics`. */
export function parseEndpointList(text: string): EndpointList {
  const items: unknown = text.trim().startsWith("[") ? jsonOf(text) : text.split(",").map((part) => part.trim());
  if (!Array.isArray(items)) return refused("it is not JSON of the form [[url, prefix], ...]");
  const endpoints: Endpoint[] = [];
  for (const item of items as readonly unknown[]) {
    if (item === "") continue;
    const [url, prefix] = Array.isArray(item) ? item : [item, null];
    const one = endpoint(url, prefix, null);
    if (one === null) return refused(`${JSON.stringify(item)} is no http URL, or no URL with a prefix`);
    endpoints.push(one);
  }
  return { ok: true, endpoints };
}

type Labels = Readonly<Record<string, string>>;

/** A file of file_sd as its parser gave it: `[{ targets: ["host:port"], labels: { ... } }]`. */
export function readTargetGroups(groups: unknown): EndpointList {
  if (groups === null || groups === undefined) return { ok: true, endpoints: [] };
  if (!Array.isArray(groups)) return refused("it must be a list of groups with targets");
  const endpoints: Endpoint[] = [];
  for (const [index, group] of groups.entries()) {
    const { targets, labels } = (group ?? {}) as { targets?: unknown; labels?: unknown };
    if (!Array.isArray(targets)) return refused(`group ${index + 1} has no list "targets"`);
    const known = labelsOf(labels ?? {});
    if (known === null) return refused(`group ${index + 1}: labels must be texts by name`);
    for (const target of targets) {
      const one = targetEndpoint(target, known);
      if (one === null)
        return refused(`group ${index + 1}: ${JSON.stringify(target)} is no host:port, or its labels make no URL`);
      endpoints.push(one);
    }
  }
  return { ok: true, endpoints };
}

function labelsOf(labels: unknown): Labels | null {
  if (typeof labels !== "object" || labels === null || Array.isArray(labels)) return null;
  const entries = Object.entries(labels);
  return entries.every(([, value]) => typeof value === "string") ? Object.fromEntries(entries) : null;
}

function targetEndpoint(target: unknown, labels: Labels): Endpoint | null {
  if (typeof target !== "string" || !/^[^\s/?#@]+$/.test(target)) return null;
  const scheme = labels.__scheme__ ?? "http";
  const path = labels.__metrics_path__ ?? "/metrics";
  const parameters = Object.entries(labels)
    .filter(([name]) => name.startsWith("__param_"))
    .map(([name, value]) => `${encodeURIComponent(name.slice("__param_".length))}=${encodeURIComponent(value)}`);
  const query = parameters.length === 0 ? "" : `?${parameters.join("&")}`;
  return endpoint(`${scheme}://${target}${path}${query}`, labels[PREFIX_LABEL], labels[HOST_LABEL]);
}

/** Each URL and each host once: of two that say the same host the first counts, and the others are told. */
export function distinctEndpoints(endpoints: readonly Endpoint[]): {
  readonly endpoints: readonly Endpoint[];
  /** Sentences. */
  readonly doubled: readonly string[];
} {
  const kept = new Map<string, Endpoint>();
  const doubled: string[] = [];
  for (const one of endpoints) {
    const before = kept.get(one.host);
    if (before === undefined) kept.set(one.host, one);
    else if (before.url !== one.url || before.prefix !== one.prefix)
      doubled.push(`${before.url} and ${one.url} both stand for host ${one.host}: the first counts`);
  }
  return { endpoints: [...kept.values()], doubled };
}
