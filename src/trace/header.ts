/** The header line of a trace: which columns it has, and how to bring other layouts into the order of `TRACE_COLUMNS`. */
import { badTrace, type Problems } from "./problems.js";
import { TRACE_COLUMNS } from "./record.js";

/** Columns that a replay can do without; an empty cell stands in for them. */
const OPTIONAL = new Set(["sb_unused", "sb_dsc"]);

export interface Layout {
  /** Fields that a whole line has at least, once brought into the standard order. */
  readonly columns: number;
  /** Brings a line into the order of `TRACE_COLUMNS`; null where the file has it already (extra columns may follow). */
  readonly reorder: ((line: string) => string) | null;
}

/** Stands for a line that is too short to be brought into order: one field, so that it is taken for cut. */
const CUT = "(cut)";

/** Throws `OperationalError` (bad-input-file) where a needed column is missing, strict or not. */
export function readHeader(line: string, path: string, problems: Problems): Layout {
  const names = line.replace(/\r?\n?$/, "").split("\t");
  const missing = TRACE_COLUMNS.find((column) => !OPTIONAL.has(column) && !names.includes(column));
  if (missing !== undefined) {
    const found = names.length > 1 ? `columns are ${names.join(", ")}` : "no header line with tab-separated columns";
    const message = `the column is missing (${found})`;
    throw badTrace(path, { line: 1, field: missing, kind: "unknown-column", message });
  }
  for (const name of names)
    if (!(TRACE_COLUMNS as readonly string[]).includes(name))
      problems.add(1, name, "unknown-column", "a column that traces do not have; it is ignored");
  const present = TRACE_COLUMNS.filter((column) => names.includes(column));
  if (present.every((column, i) => names[i] === column)) return { columns: present.length, reorder: null };
  const places = TRACE_COLUMNS.map((column) => names.indexOf(column));
  const reorder = (text: string): string => {
    const fields = text.split("\t");
    if (fields.length < names.length) return CUT;
    return places.map((place) => (place < 0 ? "None" : fields[place]!)).join("\t");
  };
  return { columns: TRACE_COLUMNS.length, reorder };
}
