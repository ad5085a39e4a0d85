/**
 * InfluxDB 2 through its official client: line protocol to `/api/v2/write`, Flux to `/api/v2/query`. The texts are checked by
 * InfluxData's own parser in the tests (docs/stores.md says what was tested against what).
 */
import { HttpError, InfluxDB, RequestTimedOutError, toFluxValue } from "@influxdata/influxdb-client";
import { milliseconds } from "../../../../core/units.js";
import type { Sample, SourceSpan } from "../../../../ports/sample-store.js";
import { noAnswer, refusal } from "../remote/http.js";
import type { Piece, Wanted } from "../remote/pieces.js";
import type { Dialect, Values } from "./dialect.js";
import { HOST_MEASUREMENT, lineOf, measurementsOf, VM_MEASUREMENT, vmOf } from "./points.js";

export interface InfluxAddress {
  /** Without a slash at its end. */
  readonly url: string;
  readonly token: string | null;
  readonly org: string;
  readonly bucket: string;
  readonly deadlineMs: number;
}

const isoOf = (at: number): string => new Date(at).toISOString();
const anyOf = (column: string, values: readonly string[]): string =>
  values.map((value) => `r.${column} == ${toFluxValue(value)}`).join(" or ");
const filter = (condition: string): string => `  |> filter(fn: (r) => ${condition})`;

const source = (bucket: string, { from, to }: Piece): readonly string[] => [
  `from(bucket: ${toFluxValue(bucket)})`,
  `  |> range(start: ${isoOf(from)}, stop: ${isoOf(to)})`,
];

/** Rows of a value each: time, host, VM, name, number. Whole numbers and others have no column in common until they are floats. */
export function valuesFlux(bucket: string, { hosts, of, metrics }: Wanted, piece: Piece): string {
  return [
    ...source(bucket, piece),
    filter(anyOf("_measurement", measurementsOf(of))),
    filter(anyOf("url", hosts)),
    ...(typeof of === "string" ? [] : [filter(anyOf("domain", of))]),
    ...(metrics.length === 0 ? [] : [filter(anyOf("_field", metrics))]),
    "  |> toFloat()",
    `  |> keep(columns: ["_time", "_measurement", "url", "domain", "_field", "_value"])`,
    "  |> group()",
    `  |> sort(columns: ["_time"])`,
  ].join("\n");
}

/** A row for each host with samples of its own. */
export const hostsFlux = (bucket: string, range: Piece): string =>
  [
    ...source(bucket, range),
    filter(anyOf("_measurement", [HOST_MEASUREMENT])),
    `  |> keep(columns: ["url"])`,
    "  |> group()",
    `  |> distinct(column: "url")`,
  ].join("\n");

/** Two results, "first" and "last": a row for each source, with the time. */
export function spansFlux(bucket: string, range: Piece, host: string | null): string {
  const columns = `["_measurement", "url", "domain"]`;
  return [
    `data = ${source(bucket, range).join("\n")}`,
    filter(anyOf("_measurement", [HOST_MEASUREMENT, VM_MEASUREMENT])),
    ...(host === null ? [] : [filter(anyOf("url", [host]))]),
    `  |> keep(columns: ["_time", "_measurement", "url", "domain"])`,
    `  |> group(columns: ${columns})`,
    `data |> min(column: "_time") |> yield(name: "first")`,
    `data |> max(column: "_time") |> yield(name: "last")`,
  ].join("\n");
}

interface ValueRow {
  readonly _time: string;
  readonly _measurement: string;
  readonly url: string;
  readonly domain?: string | null;
  readonly _field: string;
  readonly _value: number;
}

interface SpanRow {
  readonly result: "first" | "last";
  readonly _measurement: string;
  readonly url: string;
  readonly domain?: string | null;
  readonly _time: string;
}

export function fluxDialect(address: InfluxAddress): Dialect {
  const { url, token, org, bucket, deadlineMs } = address;
  const client = new InfluxDB({ url, timeout: deadlineMs, ...(token === null ? {} : { token }) });
  const queries = client.getQueryApi({ org });

  const failure = (cause: unknown): Error => {
    if (cause instanceof HttpError) return refusal(server, cause.statusCode, cause.body ?? cause.statusMessage ?? "");
    if (cause instanceof RequestTimedOutError) return noAnswer(server, { name: "TimeoutError" });
    return noAnswer(server, cause);
  };
  const server = { name: "InfluxDB", url, deadlineMs };

  async function* rows<Row>(flux: string): AsyncIterable<Row> {
    try {
      for await (const { values, tableMeta } of queries.iterateRows(flux)) yield tableMeta.toObject(values) as Row;
    } catch (cause) {
      throw failure(cause);
    }
  }

  return {
    async write(samples: readonly Sample[]): Promise<void> {
      // One request per batch: repetition is the outbox's business.
      const options = { batchSize: samples.length + 1, flushInterval: 0, maxRetries: 0 };
      const api = client.getWriteApi(org, bucket, "ms", options);
      try {
        api.writeRecords(samples.map(lineOf));
        await api.close();
      } catch (cause) {
        throw failure(cause);
      }
    },
    async *values(wanted: Wanted, piece: Piece): AsyncIterable<Values> {
      for await (const row of rows<ValueRow>(valuesFlux(bucket, wanted, piece)))
        yield {
          host: row.url,
          vm: vmOf(row._measurement, row.domain),
          at: Date.parse(row._time),
          values: { [row._field]: row._value },
        };
    },
    async spans(range: Piece, host: string | null): Promise<readonly SourceSpan[]> {
      const spans = new Map<string, SourceSpan>();
      for await (const row of rows<SpanRow>(spansFlux(bucket, range, host))) {
        const vm = vmOf(row._measurement, row.domain);
        const key = JSON.stringify([row.url, vm]);
        const at = milliseconds(Date.parse(row._time));
        const known = spans.get(key) ?? { host: row.url, vm, first: at, last: at };
        spans.set(key, { ...known, [row.result]: at });
      }
      return [...spans.values()];
    },
    async hosts(range: Piece): Promise<readonly string[]> {
      const hosts: string[] = [];
      for await (const row of rows<{ _value: string }>(hostsFlux(bucket, range))) hosts.push(row._value);
      return hosts;
    },
    async close(): Promise<void> {
      // The client keeps no connections of its own.
    },
  };
}
