/**
 * InfluxDB 1.x, 2.x by its compatibility interface, and 3: line protocol to `/write`, InfluxQL to `/query`, whose answer comes in
 * pieces of some thousand rows, a line of JSON each.
 */
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { Agent } from "undici";
import { milliseconds } from "../../../../core/units.js";
import { OperationalError } from "../../../../ports/errors.js";
import type { Sample, SourceSpan } from "../../../../ports/sample-store.js";
import { noAnswer, type RemoteServer, send, textOf } from "../remote/http.js";
import type { Piece, Wanted } from "../remote/pieces.js";
import type { Dialect, Values } from "./dialect.js";
import type { InfluxAddress } from "./flux.js";
import { HOST_MEASUREMENT, lineOf, measurementsOf, VM_MEASUREMENT, vmOf } from "./points.js";

const ROWS_PER_PIECE = "5000";

const text = (value: string): string => `'${value.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
const within = ({ from, to }: Piece): string => `time >= ${from}ms AND time < ${to}ms`;

const anyOf = (tag: string, values: readonly string[]): string =>
  `(${values.map((value) => `"${tag}" = ${text(value)}`).join(" OR ")})`;

/** A statement for each measurement that holds some of it; rows tell their host where there may be several. */
export function valuesInfluxQl({ hosts, of, metrics }: Wanted, piece: Piece): string {
  const columns = [...metrics, ...(of === "host" ? [] : ["domain"]), ...(hosts.length === 1 ? [] : ["url"])];
  const wanted = metrics.length === 0 ? "*" : columns.map((name) => `"${name}"`).join(", ");
  const which = [anyOf("url", hosts), ...(typeof of === "string" ? [] : [anyOf("domain", of)]), within(piece)];
  return measurementsOf(of)
    .map((measurement) => `SELECT ${wanted} FROM "${measurement}" WHERE ${which.join(" AND ")}`)
    .join("; ");
}

export function spansInfluxQl(measurement: string, edge: "ASC" | "DESC", range: Piece, host: string | null): string {
  const only = host === null ? "" : `"url" = ${text(host)} AND `;
  const by = measurement === HOST_MEASUREMENT ? `"url"` : `"url", "domain"`;
  return `SELECT * FROM "${measurement}" WHERE ${only}${within(range)} GROUP BY ${by} ORDER BY time ${edge} LIMIT 1`;
}

interface Series {
  /** The measurement. */
  readonly name: string;
  readonly tags?: Readonly<Record<string, string>>;
  readonly columns: readonly string[];
  readonly values: readonly (readonly (string | number | null)[])[];
}

interface Answer {
  readonly error?: string;
  readonly results?: readonly { readonly error?: string; readonly series?: readonly Series[] }[];
}

class InfluxQlDialect implements Dialect {
  private readonly dispatcher = new Agent({ connect: { timeout: 5_000 } });
  private readonly server: RemoteServer;

  constructor(private readonly address: InfluxAddress) {
    const { url, token, deadlineMs } = address;
    const authorization = token === null ? null : `Token ${token}`;
    this.server = { url, name: "InfluxDB", authorization, deadlineMs, dispatcher: this.dispatcher };
  }

  async write(samples: readonly Sample[]): Promise<void> {
    const query = new URLSearchParams({ db: this.address.bucket, precision: "ms" });
    const url = `${this.server.url}/write?${query}`;
    const headers = { "content-type": "text/plain; charset=utf-8" };
    const body = samples.map(lineOf).join("\n");
    await textOf(this.server, await send(this.server, { method: "POST", url, headers, body }));
  }

  async *values(wanted: Wanted, piece: Piece): AsyncIterable<Values> {
    const [only] = wanted.hosts;
    for await (const { name: measurement, columns, values: rows } of this.ask(valuesInfluxQl(wanted, piece))) {
      const [domain, url] = [columns.indexOf("domain"), columns.indexOf("url")];
      const fields = columns.flatMap((name, i) =>
        ["time", "url", "domain"].includes(name) ? [] : [[name, i] as const],
      );
      for (const row of rows) {
        const values: Record<string, number> = {};
        for (const [name, i] of fields) if (typeof row[i] === "number") values[name] = row[i];
        const host = url === -1 ? only! : String(row[url] ?? "");
        yield { host, vm: vmOf(measurement, row[domain] as string | null | undefined), at: Number(row[0]), values };
      }
    }
  }

  async spans(range: Piece, host: string | null): Promise<readonly SourceSpan[]> {
    const spans: SourceSpan[] = [];
    for (const measurement of [HOST_MEASUREMENT, VM_MEASUREMENT]) {
      const [first, last] = [
        await this.edges(measurement, "ASC", range, host),
        await this.edges(measurement, "DESC", range, host),
      ];
      for (const [key, { source, at }] of first)
        spans.push({ ...source, first: milliseconds(at), last: milliseconds(last.get(key)?.at ?? at) });
    }
    return spans;
  }

  async hosts(range: Piece): Promise<readonly string[]> {
    return [...(await this.edges(HOST_MEASUREMENT, "ASC", range, null)).values()].map(({ source }) => source.host);
  }

  async close(): Promise<void> {
    await this.dispatcher.close();
  }

  private async edges(measurement: string, edge: "ASC" | "DESC", range: Piece, host: string | null) {
    const found = new Map<string, { source: { host: string; vm: string | null }; at: number }>();
    for await (const { tags = {}, values } of this.ask(spansInfluxQl(measurement, edge, range, host))) {
      const source = { host: tags.url ?? "", vm: vmOf(measurement, tags.domain) };
      const at = values[0]?.[0];
      if (typeof at === "number") found.set(JSON.stringify(source), { source, at });
    }
    return found;
  }

  private async *ask(question: string): AsyncIterable<Series> {
    const form = { db: this.address.bucket, q: question, epoch: "ms", chunked: "true", chunk_size: ROWS_PER_PIECE };
    const answer = await send(this.server, {
      method: "POST",
      url: `${this.server.url}/query`,
      headers: { "content-type": "application/x-www-form-urlencoded" },
      body: new URLSearchParams(form).toString(),
    });
    if (answer.statusCode >= 400) await textOf(this.server, answer);
    for await (const line of this.lines(answer.body)) {
      const { error, results = [] } = this.parsed(line);
      const problem = error ?? results.find((result) => result.error !== undefined)?.error;
      if (problem !== undefined) throw this.refused(problem, null);
      for (const { series = [] } of results) yield* series;
    }
  }

  private async *lines(body: Readable): AsyncIterable<string> {
    try {
      for await (const line of createInterface({ input: body, crlfDelay: Number.POSITIVE_INFINITY }))
        if (line !== "") yield line;
      // The line reader ends quietly when what it reads fails.
      if (body.errored !== null) throw body.errored;
    } catch (cause) {
      throw noAnswer(this.server, cause);
    }
  }

  private parsed(line: string): Answer {
    try {
      return JSON.parse(line) as Answer;
    } catch (cause) {
      throw this.refused("it answers, but not as InfluxDB does: is it the right address?", cause);
    }
  }

  private refused(why: string, cause: unknown): OperationalError {
    return new OperationalError("store-failed", `InfluxDB at ${this.server.url}: ${why}`, false, { cause });
  }
}

export const influxQlDialect = (address: InfluxAddress): Dialect => new InfluxQlDialect(address);
