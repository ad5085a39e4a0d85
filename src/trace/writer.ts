/** Writes records of a trace as the seeds did: tab separated, `None` for an empty cell, numbers as Python prints them. */
import { pythonFloat } from "./python-number.js";
import { TRACE_COLUMNS, type TraceRecord } from "./record.js";

export const TRACE_HEADER = `${TRACE_COLUMNS.join("\t")}\n`;

const NONE = "None";

/** Tabs and line ends would break the line; the seeds' names have none. */
const cell = (text: string | null): string => (text === null ? NONE : text.replace(/[\t\r\n]/g, " "));

/** A ratio of a CPU record: `1.0`. */
export const ratioCell = (ratio: number | null): string => (ratio === null ? NONE : pythonFloat(ratio));

/** One line, with its end. Counts and sizes are whole numbers; values and ratios doubles. */
export function formatTraceRecord(record: TraceRecord): string {
  return `${[
    String(record.timestamp),
    record.kind,
    record.resource,
    record.value === null ? NONE : pythonFloat(record.value),
    String(record.config),
    cell(record.pool),
    cell(record.vmUuid),
    cell(record.vmName),
    // The memory pool's own ratio is written as its name says: `subset-1` has 1, `subset-1.0` has 1.0.
    record.resource === "mem" && record.pool === "subset-1" ? "1" : ratioCell(record.ratio),
    record.unused === null ? NONE : String(record.unused),
    cell(record.description),
  ].join("\t")}\n`;
}
