/**
 * A trace as one record after another, for everything that is not a replay (which reads faster, see scanner.ts): analysis,
 * tests, conversion. Streams; lines that cannot be used are left out and said to `problems`.
 */
import { readHeader } from "./header.js";
import { decodeText, linePieces } from "./input.js";
import { Problems } from "./problems.js";
import { decimalOf } from "./python-number.js";
import type { RecordKind, Resource, TraceRecord } from "./record.js";

const KINDS: ReadonlySet<string> = new Set<RecordKind>(["global", "subset", "vm"]);
const RESOURCES: ReadonlySet<string> = new Set<Resource>(["cpu", "mem"]);

const isKind = (word: string): word is RecordKind => KINDS.has(word);
const isResource = (word: string): word is Resource => RESOURCES.has(word);
const orNull = (word: string | undefined): string | null =>
  word === undefined || word === "None" ? null : decodeText(word);
const numberOrNull = (word: string | undefined): number | null => (word === undefined ? null : decimalOf(word));

function recordOf(line: string, number: number, columns: number, problems: Problems): TraceRecord | null {
  const fields = line.split("\t");
  if (fields.length < columns) {
    problems.add(number, "tmp", "cut-line", `${fields.length} of ${columns} fields; the line is left out`);
    return null;
  }
  const [timestamp, kind, resource, value, config, pool, vmUuid, vmName, ratio, unused, description] = fields;
  const seconds = decimalOf(timestamp!);
  if (seconds === null || !Number.isInteger(seconds)) {
    problems.add(number, "tmp", "bad-field", `"${timestamp}" is no timestamp in whole seconds; the line is left out`);
    return null;
  }
  if (!isKind(kind!) || !isResource(resource!)) {
    problems.add(number, "rec", "unknown-record", `"${kind} ${resource}" is no record; the line is left out`);
    return null;
  }
  return {
    timestamp: seconds,
    kind,
    resource,
    value: numberOrNull(value),
    config: decimalOf(config!) ?? 0,
    pool: orNull(pool),
    vmUuid: orNull(vmUuid),
    vmName: orNull(vmName),
    ratio: numberOrNull(ratio),
    unused: numberOrNull(unused),
    description: orNull(description),
  };
}

/** Throws `OperationalError` (bad-input-file) where the file cannot be read, and where `strict` meets a problem. */
export async function* readTrace(
  path: string,
  strict = false,
  problems = new Problems(path, strict),
): AsyncGenerator<TraceRecord> {
  let columns = 0;
  let reorder: ((line: string) => string) | null = null;
  let number = 0;
  for await (const piece of linePieces(path)) {
    for (const raw of piece.toString("latin1").split("\n")) {
      const line = raw.replace(/\r$/, "");
      if (number > 0 && line === "") continue;
      number += 1;
      if (number === 1) {
        ({ columns, reorder } = readHeader(line, path, problems));
        continue;
      }
      const record = recordOf(reorder === null ? line : reorder(line), number, columns, problems);
      if (record !== null) yield record;
    }
  }
}
