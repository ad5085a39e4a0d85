/**
 * Remote write (protocol 1.0): samples as series, in one request. Prometheus refuses a request as a whole when one value in it
 * is out of its window or contradicts one that it has: such a request is halved until the culprits stand alone, so that the
 * others are kept.
 */
import { pushTimeseries, type Timeseries } from "prometheus-remote-write";
import { OperationalError } from "../../../../ports/errors.js";
import type { Sample } from "../../../../ports/sample-store.js";
import { type RemoteServer, refusal, send } from "../remote/http.js";
import { metricName } from "./names.js";

/** Values that are found one by one in a request; were there more, the request is refused with them. */
const MOST_CULPRITS = 20;

interface Point {
  readonly host: string;
  readonly vm: string | null;
  readonly key: string;
  readonly at: number;
  readonly value: number;
}

const pointsOf = (samples: readonly Sample[]): readonly Point[] =>
  samples.flatMap(({ host, vm, at, values }) =>
    Object.entries(values).map(([key, value]) => ({ host, vm, key, at, value })),
  );

/** Labels by name, samples by time, as the protocol wants them. */
function seriesOf(points: readonly Point[]): Timeseries[] {
  const series = new Map<string, Timeseries>();
  for (const { host, vm, key, at, value } of points) {
    const id = `${key}\0${host}\0${vm ?? ""}`;
    let one = series.get(id);
    if (one === undefined) {
      one = { labels: { __name__: metricName(key), host, ...(vm === null ? {} : { vm }) }, samples: [] };
      series.set(id, one);
    }
    one.samples.push({ value, timestamp: at });
  }
  for (const { samples } of series.values()) samples.sort((a, b) => (a.timestamp ?? 0) - (b.timestamp ?? 0));
  return [...series.values()];
}

/** Null: taken. Otherwise why these values are refused, for good. */
async function push(server: RemoteServer, writeUrl: string, points: readonly Point[]): Promise<string | null> {
  const { status, errorMessage = "" } = await pushTimeseries(seriesOf(points), {
    url: writeUrl,
    fetch: async (url, options) => {
      const { headers = {}, body } = options ?? {};
      // The library says ArrayBuffer and hands over bytes.
      const bytes = body === undefined ? new Uint8Array() : new Uint8Array(body);
      const answer = await send(server, { method: "POST", url, headers, body: bytes });
      const text = await answer.body.text();
      return { status: answer.statusCode, statusText: "", text: async () => text };
    },
  });
  if (status < 300) return null;
  const error = refusal({ name: server.name, url: writeUrl }, status, errorMessage);
  if (status === 400) return error.message;
  throw error;
}

/** Throws `store-failed` when some values were refused, after all others were taken; `store-unreachable` when none was sent. */
export async function remoteWrite(server: RemoteServer, writeUrl: string, samples: readonly Sample[]): Promise<void> {
  const culprits: Point[] = [];
  let why: string | null = null;
  const parts: (readonly Point[])[] = [pointsOf(samples)];
  for (let part = parts.pop(); part !== undefined; part = parts.pop()) {
    if (part.length === 0) continue;
    const refused = await push(server, writeUrl, part);
    if (refused === null) continue;
    why ??= refused;
    const middle = Math.ceil(part.length / 2);
    if (part.length === 1 || culprits.length >= MOST_CULPRITS) culprits.push(...part);
    else parts.push(part.slice(middle), part.slice(0, middle));
  }
  const [first] = culprits;
  if (first === undefined) return;
  const which = `${culprits.length} values, the first ${first.key} of ${first.vm ?? first.host} at ${first.at}`;
  throw new OperationalError("store-failed", `${why} (${which})`, false);
}
