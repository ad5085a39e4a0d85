/**
 * Takes a trace apart, line by line, at the speed of text comparison (see vm-rows.ts), and hands each record to a visitor.
 * What cannot be used is said by line and field (problems.ts) and left out: a cut line, an unknown kind of record, a timestamp
 * that goes back, a field that is no number. Keeps nothing but rows of VMs.
 */

import type { Layout } from "./header.js";
import type { Problems } from "./problems.js";
import { decimalOf } from "./python-number.js";
import { type Resource, TRACE_COLUMNS } from "./record.js";
import type { VmRow, VmRows } from "./vm-rows.js";

/** Gets the records in the order of the file. A value is the text between `from` and `to` of `text`: a number or `None`. */
export interface TraceVisitor {
  /** A new timestamp, later than all before. */
  timestamp(seconds: number, line: number): void;
  global(resource: Resource, text: string, from: number, to: number, line: number): void;
  pool(resource: Resource, pool: string, text: string, from: number, to: number, line: number): void;
  vm(row: VmRow, text: string, from: number, to: number, line: number): void;
}

const TAB = "\t";
const NEWLINE = "\n";
const NONE = "None";
const DIGIT_0 = 48;
const DIGIT_9 = 57;
const DOT = 46;

export class TraceScanner {
  line = 1;
  #stamp = Number.NEGATIVE_INFINITY;
  #stampText = "\n";
  /** Before the first VM row; its `next` starts the chain. */
  #previous: VmRow | null = null;

  constructor(
    private readonly rows: VmRows,
    private readonly visitor: TraceVisitor,
    private readonly problems: Problems,
    private readonly layout: Layout,
  ) {}

  /** Reads the lines of `piece` from `start` on; a last one without line end is taken for cut unless it is whole. */
  scan(piece: string, start: number): void {
    const { reorder } = this.layout;
    let text = reorder === null ? piece : reordered(piece.slice(start), reorder);
    let at = reorder === null ? start : 0;
    if (!text.endsWith(NEWLINE)) text += NEWLINE;
    while (at < text.length) {
      this.line += 1;
      at = this.#scanLine(text, at);
    }
  }

  /** Returns where the next line begins. */
  #scanLine(text: string, at: number): number {
    if (!text.startsWith(this.#stampText, at) && !this.#newStamp(text, at)) return nextLine(text, at);
    const from = at + this.#stampText.length;
    if (text.startsWith("vm\tcpu\t", from)) return this.#scanVm("cpu", text, from + 7);
    if (text.startsWith("vm\tmem\t", from)) return this.#scanVm("mem", text, from + 7);
    const end = nextLine(text, at);
    this.#scanOther(text, from, end);
    return end;
  }

  /** Reads another timestamp than that of the line before; false where the line cannot be used. */
  #newStamp(text: string, at: number): boolean {
    const end = nextLine(text, at);
    const tab = text.indexOf(TAB, at);
    if (tab < 0 || tab >= end) {
      if (text.slice(at, end).trim() !== "")
        this.#report("tmp", "cut-line", "the line has one field only; it is left out");
      return false;
    }
    const word = text.slice(at, tab);
    if (!/^\d{1,15}$/.test(word)) {
      this.#report("tmp", "bad-field", `"${word}" is no timestamp in whole seconds; the line is left out`);
      return false;
    }
    const seconds = Number(word);
    if (seconds < this.#stamp) {
      this.#report("tmp", "back-in-time", `${seconds} comes after ${this.#stamp}; the line is left out`);
      return false;
    }
    const isLater = seconds > this.#stamp;
    this.#stamp = seconds;
    this.#stampText = `${word}${TAB}`;
    if (isLater) this.visitor.timestamp(seconds, this.line);
    return true;
  }

  #scanVm(resource: Resource, text: string, from: number): number {
    const to = text.indexOf(TAB, from);
    const rest = to + 1;
    const expected = this.#previous?.next ?? null;
    let row: VmRow;
    if (expected !== null && expected.resource === resource && text.startsWith(expected.rest, rest)) row = expected;
    else {
      const end = nextLine(text, from);
      const found = to < 0 || to >= end ? null : this.#findRow(resource, text.slice(rest, end));
      if (found === null) {
        if (to < 0 || to >= end) this.#isCut(4);
        return end;
      }
      row = found;
      if (this.#previous !== null) this.#previous.next = row;
    }
    this.#previous = row;
    if (isPlainNumber(text, from, to) || this.#isValue(text.slice(from, to)))
      this.visitor.vm(row, text, from, to, this.line);
    else this.visitor.vm(row, NONE, 0, NONE.length, this.line);
    return rest + row.rest.length;
  }

  #findRow(resource: Resource, rest: string): VmRow | null {
    const known = this.rows.find(resource, rest);
    if (known !== undefined) return known;
    const fields = rest.replace(/\r?\n$/, "").split(TAB);
    // tmp, rec, res and val stand before the rest.
    if (this.#isCut(fields.length + 4)) return null;
    const [config, pool, uuid, name, ratioText] = fields as [string, string, string, string, string];
    const size = decimalOf(config);
    if (size === null || size < 0 || (resource === "cpu" && !(Number.isInteger(size) && size > 0))) {
      const allowed = resource === "cpu" ? "a whole number of vCPUs from 1" : "an amount of memory";
      this.#report("config", "bad-field", `"${config}" is not ${allowed}; the line is left out`);
      return null;
    }
    const ratio = decimalOf(ratioText);
    if (ratio === null && resource === "cpu") {
      this.#report("sb_oc", "bad-field", `"${ratioText}" is no ratio; the line is left out`);
      return null;
    }
    for (const [column, value] of [
      ["subset", pool],
      ["vm_uuid", uuid],
      ["vm_cmn", name],
    ] as const) {
      if (value !== NONE && value !== "") continue;
      this.#report(column, "bad-field", `"${value}" where a vm record has a name; the line is left out`);
      return null;
    }
    return this.rows.add({ resource, pool, uuid, name, ratio, config: size, rest });
  }

  /** `global` and `subset` records, and what is none. */
  #scanOther(text: string, from: number, end: number): void {
    const line = text.slice(from, end).replace(/\r?\n$/, "");
    const fields = line.split(TAB);
    const [kind, resource, value, , pool] = fields;
    if (kind !== "global" && kind !== "subset" && kind !== "vm") {
      this.#report("rec", "unknown-record", `"${kind}" is none of global, subset and vm; the line is left out`);
    } else if (this.#isCut(fields.length + 1)) {
      // Said already; tmp stands before the fields.
    } else if (resource !== "cpu" && resource !== "mem") {
      this.#report("res", "unknown-record", `"${resource}" is neither cpu nor mem; the line is left out`);
    } else if (kind === "subset" && (pool === undefined || pool === NONE || pool === "")) {
      this.#report("subset", "bad-field", "a pool record without its pool; the line is left out");
    } else {
      const shown = this.#isValue(value!) ? value! : NONE;
      if (kind === "subset") this.visitor.pool(resource, pool!, shown, 0, shown.length, this.line);
      else this.visitor.global(resource, shown, 0, shown.length, this.line);
    }
  }

  /** True, and reported by the first field that is missing, where a line has fewer than the header's columns. */
  #isCut(columns: number): boolean {
    if (columns >= this.layout.columns) return false;
    this.#report(TRACE_COLUMNS[columns] ?? "tmp", "cut-line", "the line ends before this field; it is left out");
    return true;
  }

  /** True for `None` and for finite numbers. */
  #isValue(word: string): boolean {
    if (word === NONE || decimalOf(word) !== null) return true;
    this.#report("val", "bad-field", `"${word}" is neither a number nor None; it is read as None`);
    return false;
  }

  #report(field: string, kind: Parameters<Problems["add"]>[2], message: string): void {
    this.problems.add(this.line, field, kind, message);
  }
}

const reordered = (lines: string, reorder: (line: string) => string): string =>
  lines.replace(/[^\r\n]+/g, (line) => reorder(line));

function nextLine(text: string, at: number): number {
  return text.indexOf(NEWLINE, at) + 1;
}

/** Digits with at most one dot: what nearly every value is. */
function isPlainNumber(text: string, from: number, to: number): boolean {
  let dots = 0;
  for (let i = from; i < to; i++) {
    const code = text.charCodeAt(i);
    if (code === DOT) dots += 1;
    else if (code < DIGIT_0 || code > DIGIT_9) return false;
  }
  return to - from > dots && dots <= 1;
}
