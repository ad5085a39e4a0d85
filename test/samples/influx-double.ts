/**
 * A double of InfluxDB 2's HTTP interface, as its documentation describes it: line protocol to `/api/v2/write`, Flux to
 * `/api/v2/query` with annotated CSV as the answer. It understands the three questions that our driver asks, and no others.
 */
import { createServer, type IncomingMessage, type Server } from "node:http";
import { gunzipSync } from "node:zlib";

interface Row {
  readonly measurement: string;
  readonly url: string;
  readonly domain: string | null;
  readonly field: string;
  readonly at: number;
  readonly value: number;
}

const TOKEN = "Token secret";

/** `a\,b,c=d e` split at a character that no backslash hides. */
const splitAt = (text: string, character: string): readonly string[] =>
  text.split(new RegExp(`(?<!\\\\)${character}`, "u"));
const unescaped = (text: string): string => text.replace(/\\([ ,=])/g, "$1");

function rowsOf(line: string): readonly Row[] {
  const [head = "", fields = "", at = ""] = splitAt(line, " ");
  const [measurement = "", ...tagTexts] = splitAt(head, ",");
  const tags = new Map(tagTexts.map((tag) => splitAt(tag, "=").map(unescaped) as [string, string]));
  return splitAt(fields, ",").map((field) => {
    const [name = "", value = ""] = splitAt(field, "=");
    return {
      measurement,
      url: tags.get("url") ?? "",
      domain: tags.get("domain") ?? null,
      field: unescaped(name),
      at: Number(at),
      value: Number(value.replace(/i$/, "")),
    };
  });
}

const STRING = /"((?:[^"\\]|\\.)*)"/;
/** Flux escapes: backslash, quote, line ends, tab, and `\${` against interpolation. */
const fluxString = (text: string): string =>
  text.replace(/\\(.)/g, (_, character: string) => ({ n: "\n", r: "\r", t: "\t" })[character] ?? character);

/** Values that a column may have, by all filters; null: any. */
function allowed(flux: string, column: string): ReadonlySet<string> | null {
  const found = [...flux.matchAll(new RegExp(`r\\.${column} == ${STRING.source}`, "g"))];
  return found.length === 0 ? null : new Set(found.map((match) => fluxString(match[1]!)));
}

const cell = (text: string): string => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

function csv(
  name: string,
  columns: readonly (readonly [string, string])[],
  rows: readonly (readonly string[])[],
): string {
  if (rows.length === 0) return "";
  return [
    `#datatype,string,long,${columns.map(([, type]) => type).join(",")}`,
    `#group,false,false,${columns.map(() => "false").join(",")}`,
    `#default,${name},,${columns.map(() => "").join(",")}`,
    `,result,table,${columns.map(([column]) => column).join(",")}`,
    ...rows.map((row) => `,,0,${row.map(cell).join(",")}`),
    "\r\n",
  ].join("\r\n");
}

const iso = (at: number): string => new Date(at).toISOString();

export class InfluxDouble {
  private readonly rows = new Map<string, Row>();

  private constructor(private readonly server: Server) {
    server.on("request", async (request: IncomingMessage, response) => {
      const { status, text } = this.answer(request, await body(request));
      response.writeHead(status, { "content-type": status === 200 ? "text/csv" : "application/json" }).end(text);
    });
  }

  static async start(): Promise<InfluxDouble> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return new InfluxDouble(server);
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as { port: number }).port}`;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private answer(request: IncomingMessage, text: string): { status: number; text: string } {
    const { pathname, searchParams } = new URL(request.url ?? "", this.url);
    if (request.headers.authorization !== TOKEN)
      return { status: 401, text: JSON.stringify({ code: "unauthorized", message: "unauthorized access" }) };
    if (searchParams.get("org") !== "lab") return { status: 404, text: JSON.stringify({ code: "not found" }) };
    if (pathname === "/api/v2/write") {
      if (searchParams.get("precision") !== "ms") return { status: 400, text: "precision" };
      for (const row of text.split("\n").flatMap(rowsOf))
        this.rows.set(JSON.stringify([row.measurement, row.url, row.domain, row.field, row.at]), row);
      return { status: 204, text: "" };
    }
    const { query } = JSON.parse(text) as { query: string };
    if (query.startsWith("data = ")) return { status: 200, text: this.spans(query) };
    return { status: 200, text: query.includes("distinct") ? this.hosts(query) : this.values(query) };
  }

  private selected(flux: string): readonly Row[] {
    const [, start = "", stop = ""] = /range\(start: (\S+), stop: (\S+)\)/.exec(flux) ?? [];
    const measurements = allowed(flux, "_measurement");
    const [urls, domains, fields] = [allowed(flux, "url"), allowed(flux, "domain"), allowed(flux, "_field")];
    return [...this.rows.values()].filter(
      (row) =>
        row.at >= Date.parse(start) &&
        row.at < Date.parse(stop) &&
        measurements?.has(row.measurement) !== false &&
        urls?.has(row.url) !== false &&
        (domains === null || domains.has(row.domain ?? "")) &&
        fields?.has(row.field) !== false,
    );
  }

  private values(flux: string): string {
    const rows = this.selected(flux).toSorted((a, b) => a.at - b.at);
    const columns = [
      ["_time", "dateTime:RFC3339"],
      ["_value", "double"],
      ["_field", "string"],
      ["_measurement", "string"],
      ["url", "string"],
      ["domain", "string"],
    ] as const;
    return csv(
      "_result",
      columns,
      rows.map(({ at, value, field, measurement, url, domain }) => [
        iso(at),
        String(value),
        field,
        measurement,
        url,
        domain ?? "",
      ]),
    );
  }

  private hosts(flux: string): string {
    const urls = new Set(this.selected(flux).map(({ url }) => url));
    return csv(
      "_result",
      [["_value", "string"]],
      [...urls].map((url) => [url]),
    );
  }

  private spans(flux: string): string {
    const groups = new Map<string, Row[]>();
    for (const row of this.selected(flux)) {
      const key = JSON.stringify([row.measurement, row.url, row.domain]);
      groups.set(key, [...(groups.get(key) ?? []), row]);
    }
    const columns = [
      ["_measurement", "string"],
      ["url", "string"],
      ["domain", "string"],
      ["_time", "dateTime:RFC3339"],
    ] as const;
    const result = (name: string, edge: (...times: readonly number[]) => number): string =>
      csv(
        name,
        columns,
        [...groups.values()].map((rows) => {
          const [{ measurement, url, domain } = rows[0]!] = rows;
          return [measurement, url, domain ?? "", iso(edge(...rows.map(({ at }) => at)))];
        }),
      );
    return result("first", Math.min) + result("last", Math.max);
  }
}

async function body(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  const bytes = Buffer.concat(chunks);
  return (request.headers["content-encoding"] === "gzip" ? gunzipSync(bytes) : bytes).toString();
}
