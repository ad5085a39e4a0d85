/**
 * Tables of text with a header: comma, semicolon or tab between fields, told by the header; fields in double quotes where they hold
 * one (RFC 4180); plain or compressed. Columns are asked for by any of their names, in any case. Says file, line and field of what is wrong.
 */
import { OperationalError } from "../../ports/errors.js";
import { linePieces } from "../input.js";

export interface TableRow {
  /** From 1, the header's. */
  readonly line: number;
  readonly fields: readonly string[];
}

const SEPARATORS = [",", ";", "\t"] as const;

export const badTable = (path: string, line: number, what: string): OperationalError =>
  new OperationalError("bad-input-file", `${path}: line ${line}: ${what}`, false);

export class Table {
  private constructor(
    readonly path: string,
    readonly header: readonly string[],
    readonly rows: AsyncIterable<TableRow>,
  ) {}

  /** Reads the header; the rows are read as they are asked for. Throws `bad-input-file`. */
  static async open(path: string): Promise<Table> {
    const lines = linesOf(path);
    const first = await lines.next();
    if (first.done) throw new OperationalError("bad-input-file", `${path}: is empty; a header line is needed`, false);
    const text = first.value.text.replace(/^\uFEFF/, "");
    const separator = SEPARATORS.reduce((best, each) =>
      text.split(each).length > text.split(best).length ? each : best,
    );
    const header = fieldsOf(text, separator, path, 1).map((name) => name.trim().toLowerCase());
    return new Table(path, header, rowsOf(lines, separator, path, header.length));
  }

  /** Place of the column that has one of the names, the first that is there; -1: none. */
  column(...names: readonly string[]): number {
    for (const name of names) {
      const place = this.header.indexOf(name);
      if (place >= 0) return place;
    }
    return -1;
  }

  /** The same; throws `bad-input-file` where there is none. */
  needed(what: string, ...names: readonly string[]): number {
    const place = this.column(...names);
    if (place >= 0) return place;
    const has = this.header.join(", ");
    throw badTable(this.path, 1, `no column for ${what}: expected one named ${names.join(" or ")}; it has ${has}`);
  }
}

async function* linesOf(path: string): AsyncGenerator<{ readonly line: number; readonly text: string }> {
  let line = 0;
  for await (const piece of linePieces(path)) {
    const lines = piece.toString("utf8").split("\n");
    if (lines.at(-1) === "") lines.pop();
    for (const text of lines) yield { line: ++line, text: text.replace(/\r$/, "") };
  }
}

async function* rowsOf(
  lines: AsyncIterable<{ readonly line: number; readonly text: string }>,
  separator: string,
  path: string,
  columns: number,
): AsyncGenerator<TableRow> {
  for await (const { line, text } of lines) {
    if (text.trim() === "") continue;
    const fields = fieldsOf(text, separator, path, line);
    if (fields.length !== columns)
      throw badTable(path, line, `${fields.length} fields, the header names ${columns} columns`);
    yield { line, fields };
  }
}

function fieldsOf(text: string, separator: string, path: string, line: number): string[] {
  if (!text.includes('"')) return text.split(separator);
  const fields: string[] = [];
  let at = 0;
  while (at <= text.length) {
    if (text[at] === '"') {
      const end = closingQuote(text, at + 1);
      if (end < 0) throw badTable(path, line, "a quoted field has no end on this line");
      fields.push(text.slice(at + 1, end).replaceAll('""', '"'));
      at = end + 1;
      if (at < text.length && text[at] !== separator)
        throw badTable(path, line, `after a quoted field comes ${JSON.stringify(text[at])} instead of the next field`);
    } else {
      const end = text.indexOf(separator, at);
      fields.push(text.slice(at, end < 0 ? text.length : end));
      at = end < 0 ? text.length : end;
    }
    at++;
  }
  return fields;
}

function closingQuote(text: string, from: number): number {
  for (let at = text.indexOf('"', from); at >= 0; at = text.indexOf('"', at + 2)) if (text[at + 1] !== '"') return at;
  return -1;
}
