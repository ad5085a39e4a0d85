/**
 * DuckDB as the engine over files: it holds no data of its own. Bounded memory (what does not fit goes to the spill folder),
 * nothing fetched from the network. Decides which of its failures mean that a file is gone, damaged, or could not be written.
 */
import {
  DOUBLE,
  type DuckDBConnection,
  DuckDBDataChunk,
  DuckDBInstance,
  type DuckDBValue,
  VARCHAR,
} from "@duckdb/node-api";
import { OperationalError } from "../../../../ports/errors.js";

/** Sorting a day of a large site spills beyond it; a window of one host fits many times over. */
const MEMORY_LIMIT = "512MiB";
const THREADS = "2";
const ROWS_PER_CHUNK = 2048;

export type Cell = string | number | null;

/** A file of a query has been replaced by another meanwhile: the caller looks again. */
export class FileGone extends Error {}

export const quote = (text: string): string => `'${text.replaceAll("'", "''")}'`;
export const column = (name: string): string => `"${name.replaceAll('"', '""')}"`;

/** What files have, as one table; a column that a file lacks is null. */
export const scan = (paths: readonly string[]): string =>
  `read_parquet([${paths.map(quote).join(", ")}], union_by_name = true)`;

const messageOf = (cause: unknown): string =>
  (cause instanceof Error ? cause.message : String(cause)).split("\n")[0] ?? "";

/** The failure of a query, for people and callers. */
function failure(cause: unknown): Error {
  const text = messageOf(cause);
  if (/No files found|Cannot open file .*No such file/.test(text)) return new FileGone(text);
  const isDamage = /Invalid Input|Parquet|magic bytes|decompress|TProtocol|Thrift/i.test(text);
  const code = isDamage ? "state-corrupt" : "store-failed";
  return new OperationalError(code, `the sample store's files: ${text}`, !isDamage, { cause });
}

/** Rows of text columns first, then numbers; column by column. */
export interface Table {
  readonly texts: readonly string[];
  readonly numbers: readonly string[];
  /** Batches of rows. */
  readonly rows: Iterable<readonly Cell[]> | AsyncIterable<readonly Cell[]>;
}

export class Engine {
  private constructor(private readonly instance: DuckDBInstance) {}

  static async open(spillFolder: string): Promise<Engine> {
    const instance = await DuckDBInstance.create(":memory:", {
      threads: THREADS,
      memory_limit: MEMORY_LIMIT,
      temp_directory: spillFolder,
      autoinstall_known_extensions: "false",
      autoload_known_extensions: "false",
    });
    return new Engine(instance);
  }

  /** Runs statements for what they do. */
  async run(sql: string): Promise<void> {
    await this.connected(async (connection) => {
      await connection.run(sql);
    });
  }

  /** The rows of a small answer. */
  rows(sql: string, values: readonly Cell[] = []): Promise<readonly (readonly DuckDBValue[])[]> {
    return this.connected(async (connection) => (await connection.runAndReadAll(sql, [...values])).getRows());
  }

  /** Names and types of the columns that these files have together. */
  async columns(paths: readonly string[]): Promise<readonly (readonly [name: string, type: string])[]> {
    const rows = await this.rows(`DESCRIBE SELECT * FROM ${scan(paths)}`);
    return rows.map(([name, type]) => [String(name), String(type)]);
  }

  /** The answer in batches, each a list of columns. */
  async *stream(sql: string, values: readonly Cell[]): AsyncIterable<Batch> {
    const connection = await this.instance.connect();
    try {
      const result = await connection.stream(sql, [...values]);
      const names = result.columnNames();
      for (
        let chunk = await result.fetchChunk();
        chunk !== null && chunk.rowCount > 0;
        chunk = await result.fetchChunk()
      )
        yield { names, columns: chunk.getColumns(), count: chunk.rowCount };
    } catch (cause) {
      throw failure(cause);
    } finally {
      connection.closeSync();
    }
  }

  /** Makes `table` the temporary table "rows" of a connection, and runs `sql` on it. */
  async withTable(table: Table, sql: string): Promise<void> {
    await this.connected(async (connection) => {
      const columns = [
        ...table.texts.map((name) => `${column(name)} VARCHAR`),
        ...table.numbers.map((name) => `${column(name)} DOUBLE`),
      ];
      await connection.run(`CREATE TEMP TABLE rows (${columns.join(", ")})`);
      await append(connection, table);
      await connection.run(sql);
    });
  }

  close(): void {
    this.instance.closeSync();
  }

  private async connected<T>(use: (connection: DuckDBConnection) => Promise<T>): Promise<T> {
    const connection = await this.instance.connect();
    try {
      return await use(connection);
    } catch (cause) {
      throw cause instanceof OperationalError ? cause : failure(cause);
    } finally {
      connection.closeSync();
    }
  }
}

export interface Batch {
  readonly names: readonly string[];
  readonly columns: readonly (readonly DuckDBValue[])[];
  readonly count: number;
}

/** Chunk by chunk, with a turn of the event loop after each: a chunk takes some ten milliseconds. */
async function append(connection: DuckDBConnection, { texts, numbers, rows }: Table): Promise<void> {
  const types = [...texts.map(() => VARCHAR), ...numbers.map(() => DOUBLE)];
  const appender = await connection.createAppender("rows", null, "temp");
  let columns: Cell[][] = types.map(() => []);
  const send = (): void => {
    const chunk = DuckDBDataChunk.create(types, columns[0]?.length ?? 0);
    for (const [i, values] of columns.entries()) chunk.setColumnValues(i, values);
    appender.appendDataChunk(chunk);
    columns = types.map(() => []);
  };
  for await (const row of rows) {
    for (let i = 0; i < types.length; i++) columns[i]!.push(row[i] ?? null);
    if (columns[0]!.length < ROWS_PER_CHUNK) continue;
    send();
    await new Promise((resolve) => setImmediate(resolve));
  }
  if (columns[0]!.length > 0) send();
  appender.closeSync();
}
