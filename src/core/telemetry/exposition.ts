/**
 * Prometheus' text exposition format, version 0.0.4: one pass over the text, a call for each series that the reader wants. Strict
 * where a wrong number could come out, since half a scrape is worse than none; time stamps and exemplars are passed over,
 * unknown comments too. Lines end with LF or CRLF; the last may lack its end, as textfiles do.
 */

export type Labels = Readonly<Record<string, string>>;

export class ExpositionFault extends Error {
  override readonly name = "ExpositionFault";
}

export interface SeriesVisitor {
  /** Asked first; the rest of a line that nobody wants is not looked at. */
  wants(name: string): boolean;
  series(name: string, labels: Labels, value: number): void;
}

const NO_LABELS: Labels = {};
const NAME = /[A-Za-z_:][A-Za-z0-9_:]*/y;
const LABEL_NAME = /[A-Za-z_][A-Za-z0-9_]*/y;
const NUMBER = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?$/i;
const WORDS: ReadonlyMap<string, number> = new Map([
  ["nan", Number.NaN],
  ...["inf", "+inf", "infinity", "+infinity"].map((word) => [word, Number.POSITIVE_INFINITY] as const),
  ...["-inf", "-infinity"].map((word) => [word, Number.NEGATIVE_INFINITY] as const),
]);
const SPACE = 32;
const TAB = 9;
const HASH = 35;
const BRACE = 123;

/** Throws `ExpositionFault` with the line's number at the first line that is none of the format. */
export function readExposition(text: string, visitor: SeriesVisitor): void {
  let line = 1;
  for (let start = 0; start < text.length; line++) {
    const newline = text.indexOf("\n", start);
    const end = newline < 0 ? text.length : newline;
    const last = end > start && text.charCodeAt(end - 1) === 13 ? end - 1 : end;
    readLine(text, skipBlanks(text, start, last), last, visitor, line);
    start = end + 1;
  }
}

function readLine(text: string, start: number, end: number, visitor: SeriesVisitor, line: number): void {
  if (start >= end || text.charCodeAt(start) === HASH) return;
  const nameEnd = matchEnd(NAME, text, start, end);
  if (nameEnd < 0) throw fault(line, "does not begin with a metric's name");
  const name = text.slice(start, nameEnd);
  if (!visitor.wants(name)) return;
  let at = skipBlanks(text, nameEnd, end);
  let labels = NO_LABELS;
  if (text.charCodeAt(at) === BRACE && at < end) {
    const read = readLabels(text, at + 1, end, line);
    labels = read.labels;
    at = skipBlanks(text, read.next, end);
  } else if (at === nameEnd) throw fault(line, "has no value");
  const valueEnd = wordEnd(text, at, end);
  const value = numberOf(text.slice(at, valueEnd));
  if (value === null) throw fault(line, "has no number as its value");
  checkTail(text, skipBlanks(text, valueEnd, end), end, line);
  visitor.series(name, labels, value);
}

/** Behind the value: nothing, a time stamp, or an exemplar. */
function checkTail(text: string, start: number, end: number, line: number): void {
  if (start >= end || text.charCodeAt(start) === HASH) return;
  const stampEnd = wordEnd(text, start, end);
  const after = skipBlanks(text, stampEnd, end);
  const whole = after >= end || text.charCodeAt(after) === HASH;
  if (!whole || numberOf(text.slice(start, stampEnd)) === null)
    throw fault(line, "has more than a value and a time stamp");
}

function readLabels(text: string, start: number, end: number, line: number): { labels: Labels; next: number } {
  // Names come from outside: without a prototype none of them means more than it says.
  const labels: Record<string, string> = Object.create(null) as Record<string, string>;
  let at = skipBlanks(text, start, end);
  while (at < end && text[at] !== "}") {
    const nameEnd = matchEnd(LABEL_NAME, text, at, end);
    if (nameEnd < 0) throw fault(line, "has a label without a name");
    const name = text.slice(at, nameEnd);
    at = skipBlanks(text, nameEnd, end);
    if (text[at] !== "=") throw fault(line, `has a label ${name} without a value`);
    at = skipBlanks(text, at + 1, end);
    const value = readQuoted(text, at, end, line);
    if (labels[name] !== undefined) throw fault(line, `names the label ${name} twice`);
    labels[name] = value.text;
    at = skipBlanks(text, value.next, end);
    if (text[at] === ",") at = skipBlanks(text, at + 1, end);
    else if (text[at] !== "}") throw fault(line, "has labels without a comma between them");
  }
  if (at >= end) throw fault(line, "has labels without an end");
  return { labels, next: at + 1 };
}

function readQuoted(text: string, start: number, end: number, line: number): { text: string; next: number } {
  if (text[start] !== '"' || start >= end) throw fault(line, "has a label whose value is not quoted");
  let out = "";
  let from = start + 1;
  for (let at = from; at < end; at++) {
    const char = text[at];
    if (char === '"') return { text: out + text.slice(from, at), next: at + 1 };
    if (char !== "\\") continue;
    const escaped = text[at + 1] ?? "";
    if (at + 1 >= end) break;
    // An unknown escape stands for itself, as in Prometheus' own reader.
    out +=
      text.slice(from, at) + (escaped === "n" ? "\n" : escaped === "\\" || escaped === '"' ? escaped : `\\${escaped}`);
    at++;
    from = at + 1;
  }
  throw fault(line, "has a quoted value without an end");
}

/** Null where the text is no number of the format. */
function numberOf(text: string): number | null {
  return NUMBER.test(text) ? Number(text) : (WORDS.get(text.toLowerCase()) ?? null);
}

function matchEnd(pattern: RegExp, text: string, start: number, end: number): number {
  pattern.lastIndex = start;
  return pattern.test(text) && pattern.lastIndex <= end ? pattern.lastIndex : -1;
}

function isBlank(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  return code === SPACE || code === TAB;
}

function skipBlanks(text: string, start: number, end: number): number {
  let at = start;
  while (at < end && isBlank(text, at)) at++;
  return at;
}

function wordEnd(text: string, start: number, end: number): number {
  let at = start;
  while (at < end && !isBlank(text, at)) at++;
  return at;
}

const fault = (line: number, what: string): ExpositionFault => new ExpositionFault(`line ${line} ${what}`);

/** A label's value between quotes. */
export const quoteLabel = (value: string): string =>
  `"${value.replace(/[\\"\n]/g, (char) => (char === "\n" ? "\\n" : `\\${char}`))}"`;

/** `# HELP` and `# TYPE` of a family. */
export const familyHead = (name: string, help: string, kind: string): string =>
  `# HELP ${name} ${help.replace(/[\\\n]/g, (char) => (char === "\n" ? "\\n" : "\\\\"))}\n# TYPE ${name} ${kind}\n`;
