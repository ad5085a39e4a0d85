/**
 * Takes a trace apart, line by line, at the speed of comparing bytes (see vm-rows.ts), and hands each record to a visitor.
 * What cannot be used is said by line and field (problems.ts) and left out: a cut line, an unknown kind of record, a timestamp
 * that goes back, a field that is no number. Keeps nothing but rows of VMs.
 */

import { startsWith } from "./bytes.js";
import type { Layout } from "./header.js";
import type { Problems } from "./problems.js";
import { decimalOf } from "./python-number.js";
import { type Resource, TRACE_COLUMNS } from "./record.js";
import type { VmRow, VmRows } from "./vm-rows.js";

/** Gets the records in the order of the file. A value is a number or `None`, as it stands in the file. */
export interface TraceVisitor {
  /** A new timestamp, later than all before. */
  timestamp(seconds: number, line: number): void;
  global(resource: Resource, value: string, line: number): void;
  pool(resource: Resource, pool: string, value: string, line: number): void;
  /** The value is the text from `from` to `to` of `bytes`, which are the visitor's for this call only. */
  vm(row: VmRow, bytes: Buffer, from: number, to: number, line: number): void;
}

const TAB = 9;
const NEWLINE = 10;
const DOT = 46;
const DIGIT_0 = 48;
const DIGIT_9 = 57;
const NONE = "None";
const NONE_BYTES = Buffer.from(NONE);
/** rec, res, val, config and subset. */
const POOL_FIELDS = 5;
const CPU_VM = Buffer.from("vm\tcpu\t");
const MEM_VM = Buffer.from("vm\tmem\t");

export class TraceScanner {
  line = 1;
  #stamp = Number.NEGATIVE_INFINITY;
  /** The timestamp as it stands before the lines, with the tab after it; empty before the first. */
  #stampBytes: Buffer = Buffer.alloc(0);
  /** The row of the VM record before. */
  #previous: VmRow | null = null;

  constructor(
    private readonly rows: VmRows,
    private readonly visitor: TraceVisitor,
    private readonly problems: Problems,
    private readonly layout: Layout,
  ) {}

  /** Reads the lines of `piece` from `start` on. */
  scan(piece: Buffer, start: number): void {
    const lines = withLastLineEnd(this.layout.reorder === null ? piece.subarray(start) : this.#reordered(piece, start));
    let at = 0;
    while (at < lines.length) {
      this.line += 1;
      at = this.#scanLine(lines, at);
    }
  }

  #reordered(piece: Buffer, start: number): Buffer {
    const lines = piece.toString("latin1", start).replace(/[^\r\n]+/g, (line) => this.layout.reorder!(line));
    return Buffer.from(lines, "latin1");
  }

  /** Returns where the next line begins. */
  #scanLine(lines: Buffer, at: number): number {
    const stamp = this.#stampBytes;
    if ((stamp.length === 0 || !startsWith(lines, at, stamp)) && !this.#newStamp(lines, at)) return nextLine(lines, at);
    const from = at + this.#stampBytes.length;
    if (startsWith(lines, from, CPU_VM)) return this.#scanVm("cpu", lines, from + CPU_VM.length);
    if (startsWith(lines, from, MEM_VM)) return this.#scanVm("mem", lines, from + MEM_VM.length);
    const end = nextLine(lines, from);
    this.#scanOther(lines, from, end);
    return end;
  }

  /** Reads another timestamp than that of the line before; false where the line cannot be used. */
  #newStamp(lines: Buffer, at: number): boolean {
    const end = nextLine(lines, at);
    const tab = lines.indexOf(TAB, at);
    if (tab < 0 || tab >= end) {
      const isBlank = lines.toString("latin1", at, end).trim() === "";
      if (!isBlank) this.#report("tmp", "cut-line", "the line has one field only; it is left out");
      return false;
    }
    const word = lines.toString("latin1", at, tab);
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
    this.#stampBytes = Buffer.from(lines.subarray(at, tab + 1));
    if (isLater) this.visitor.timestamp(seconds, this.line);
    return true;
  }

  #scanVm(resource: Resource, lines: Buffer, from: number): number {
    let to = from;
    let dots = 0;
    let strange = 0;
    for (let code = lines[to]!; code !== TAB && code !== NEWLINE; code = lines[++to]!) {
      if (code === DOT) dots += 1;
      else if (code < DIGIT_0 || code > DIGIT_9) strange += 1;
    }
    if (lines[to] === NEWLINE) {
      this.#isCut(4);
      return to + 1;
    }
    const rest = to + 1;
    const expected = this.#previous?.next ?? null;
    let row: VmRow;
    if (expected !== null && expected.resource === resource && startsWith(lines, rest, expected.rest)) row = expected;
    else {
      const end = nextLine(lines, rest);
      const found = this.#findRow(resource, lines.toString("latin1", rest, end));
      if (found === null) return end;
      row = found;
      if (this.#previous !== null) this.#previous.next = row;
    }
    this.#previous = row;
    const isPlain = strange === 0 && dots <= 1 && to - from > dots;
    if (isPlain || this.#isValue(lines.toString("latin1", from, to))) this.visitor.vm(row, lines, from, to, this.line);
    else this.visitor.vm(row, NONE_BYTES, 0, NONE_BYTES.length, this.line);
    return rest + row.rest.length;
  }

  #findRow(resource: Resource, rest: string): VmRow | null {
    const known = this.rows.find(resource, rest);
    if (known !== undefined) return known;
    const fields = rest.replace(/\r?\n$/, "").split("\t");
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

  /** `global` and `subset` records, and what is none. The last column may be long, and is not looked at. */
  #scanOther(lines: Buffer, from: number, end: number): void {
    const fields: string[] = [];
    // tmp stands before them.
    const wanted = this.layout.columns - 1;
    let found = 0;
    for (let at = from; at < end && found < wanted; found++) {
      const tab = lines.indexOf(TAB, at);
      const to = tab < 0 || tab >= end ? end : tab;
      if (found < POOL_FIELDS) fields.push(lines.toString("latin1", at, to).trimEnd());
      at = to + 1;
    }
    const [kind, resource, value, , pool] = fields;
    if (kind !== "global" && kind !== "subset" && kind !== "vm") {
      this.#report("rec", "unknown-record", `"${kind}" is none of global, subset and vm; the line is left out`);
    } else if (this.#isCut(found + 1)) {
      // Said already.
    } else if (resource !== "cpu" && resource !== "mem") {
      this.#report("res", "unknown-record", `"${resource}" is neither cpu nor mem; the line is left out`);
    } else if (kind === "subset" && (pool === NONE || pool === "")) {
      this.#report("subset", "bad-field", "a pool record without its pool; the line is left out");
    } else {
      const shown = this.#isValue(value!) ? value! : NONE;
      if (kind === "subset") this.visitor.pool(resource, pool!, shown, this.line);
      else this.visitor.global(resource, shown, this.line);
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

/** Where the line after the one at `at` begins; every line has its end. */
const nextLine = (lines: Buffer, at: number): number => lines.indexOf(NEWLINE, at) + 1;

const withLastLineEnd = (lines: Buffer): Buffer =>
  lines.length === 0 || lines[lines.length - 1] === NEWLINE ? lines : Buffer.concat([lines, Buffer.from([NEWLINE])]);
