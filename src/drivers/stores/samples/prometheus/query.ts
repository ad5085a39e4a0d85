/** Questions in PromQL, and what comes back: raw values of series, and which sources have values when. */
import { OperationalError } from "../../../../ports/errors.js";
import type { SampleSource } from "../../../../ports/sample-store.js";
import { type RemoteServer, send, textOf } from "../remote/http.js";
import type { Piece } from "../remote/pieces.js";
import { HOSTS_SELECTOR, sourceSelector } from "./names.js";

export interface Series {
  readonly metric: Readonly<Record<string, string>>;
  /** Seconds since the epoch, and the value as text. */
  readonly values: readonly (readonly [seconds: number, value: string])[];
}

const MS_PER_SECOND = 1000;
export const millisecondsOf = (seconds: number): number => Math.round(seconds * MS_PER_SECOND);
const inSeconds = (ms: number): string => (ms / MS_PER_SECOND).toFixed(3);

async function ask(server: RemoteServer, path: string, form: Readonly<Record<string, string>>): Promise<Series[]> {
  const answer = await send(server, {
    method: "POST",
    url: `${server.url}/api/v1/${path}`,
    headers: { "content-type": "application/x-www-form-urlencoded", accept: "application/json" },
    body: new URLSearchParams(form).toString(),
  });
  const text = await textOf(server, answer);
  try {
    const { data } = JSON.parse(text) as { readonly data: { readonly result: Series[] } };
    if (Array.isArray(data.result)) return data.result;
  } catch (cause) {
    throw noPrometheus(server, cause);
  }
  throw noPrometheus(server, null);
}

const noPrometheus = ({ name, url }: RemoteServer, cause: unknown): OperationalError =>
  new OperationalError("store-failed", `${url} answers, but not as ${name} does: is it the right address?`, false, {
    cause,
  });

/** Values as they were written, from the first millisecond of the piece to before its last; a few others may be among them. */
export const rawValues = (server: RemoteServer, selector: string, { from, to }: Piece): Promise<readonly Series[]> =>
  ask(server, "query", { query: `${selector}[${to - from}ms]`, time: inSeconds(to - 1) });

/** Which hosts have values of their own in the range, or a millisecond before: servers differ in whether its beginning belongs to it. */
export async function presentHosts(server: RemoteServer, { from, to }: Piece): Promise<readonly string[]> {
  const query = `count by (host) (last_over_time(${HOSTS_SELECTOR}[${to - from}ms]))`;
  const series = await ask(server, "query", { query, time: inSeconds(to - 1) });
  return series.map(({ metric }) => metric.host ?? "");
}

export interface Presence extends SampleSource {
  /** Ends of the windows that have values, ascending. */
  readonly windowEnds: readonly number[];
}

/** Which sources have values in which of the windows of `step` that the range consists of. */
export async function presence(
  server: RemoteServer,
  host: string | null,
  { from, to }: Piece,
  step: number,
): Promise<readonly Presence[]> {
  const windows = Math.ceil((to - from) / step);
  const first = from + step - 1;
  const series = await ask(server, "query_range", {
    // Keeps the names of metrics, without which two of a source would be one and the same.
    query: `count by (host, vm) (last_over_time(${sourceSelector(host)}[${step}ms]))`,
    start: inSeconds(first),
    end: inSeconds(first + (windows - 1) * step),
    step: `${step}ms`,
  });
  return series.map(({ metric, values }) => ({
    host: metric.host ?? "",
    vm: metric.vm ?? null,
    windowEnds: values.filter(([, count]) => Number(count) > 0).map(([at]) => millisecondsOf(at)),
  }));
}
