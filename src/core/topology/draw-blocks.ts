/**
 * Boxes of text for the terminal: lines of spans that know what they show, frames around them, frames side by side, and
 * grids with shared borders. Colours come last, so that widths are those of the plain text.
 */

/** What a span shows, for the one who colours it. */
export type Part =
  | { readonly kind: "pcpu"; readonly id: number }
  | { readonly kind: "absent" | "border" | "title" | "note" | "space" };

export interface Span {
  readonly text: string;
  readonly part: Part;
}
export type Line = readonly Span[];
export type Block = readonly Line[];

export const span = (text: string, kind: Exclude<Part["kind"], "pcpu">): Span => ({ text, part: { kind } });
export const widthOfText = (text: string): number => [...text].length;
const widthOfLine = (line: Line): number => line.reduce((sum, { text }) => sum + widthOfText(text), 0);
export const widthOfBlock = (block: Block): number =>
  block.reduce((most, line) => Math.max(most, widthOfLine(line)), 0);

const padLine = (line: Line, width: number): Line => {
  const missing = width - widthOfLine(line);
  return missing > 0 ? [...line, span(" ".repeat(missing), "space")] : line;
};

/** What stands between two parts of a title. */
const TITLE_SEPARATOR = " · ";

/** As many parts of a title, the most telling first, as fit into `width`; at least the first. */
function fitTitle(parts: readonly string[], width: number): string {
  let title = parts[0]!;
  for (const part of parts.slice(1)) {
    if (widthOfText(title) + TITLE_SEPARATOR.length + widthOfText(part) > width) break;
    title += TITLE_SEPARATOR + part;
  }
  return title;
}

/** Columns that a title may always take: `cell 0 · L3 0 (part)` and its borders. */
const TITLE_ROOM = 22;

/** Columns that a frame takes beside its body: two borders, two spaces. */
export const FRAME_MARGIN = 4;

function frame(title: string, body: Block, inner: number, height: number): Block {
  const rule = "─".repeat(inner - 1 - widthOfText(title));
  const top: Line = [span("╭─ ", "border"), span(title, "title"), span(` ${rule}╮`, "border")];
  const lines = Array.from({ length: height }, (_, i) => [
    span("│ ", "border"),
    ...padLine(body[i] ?? [], inner),
    span(" │", "border"),
  ]);
  return [top, ...lines, [span(`╰${"─".repeat(inner + 2)}╯`, "border")]];
}

export interface Boxed {
  /** Parts of the title, the most telling first. */
  readonly title: readonly string[];
  readonly body: (width: number) => Block;
}

/** The boxes in rows of `columns`, all of one width, those of a row of one height; null when they do not fit. */
function framesInColumns(boxes: readonly Boxed[], columns: number, width: number): Block | null {
  const budget = Math.floor((width - (columns - 1)) / columns) - FRAME_MARGIN;
  const bodies = boxes.map((box) => box.body(budget));
  // Titles do not widen boxes that have neighbours by more than a name and one fact.
  const bodyWidth = Math.max(...bodies.map(widthOfBlock));
  const room = boxes.length === 1 ? budget : Math.min(budget, Math.max(bodyWidth, TITLE_ROOM));
  const titles = boxes.map((box) => fitTitle(box.title, room - 2));
  const inner = Math.max(bodyWidth, ...titles.map((title) => widthOfText(title) + 2));
  if (inner > budget && columns > 1) return null;
  const lines: Line[] = [];
  for (let first = 0; first < boxes.length; first += columns) {
    const row = bodies.slice(first, first + columns);
    const height = Math.max(...row.map((body) => body.length));
    const framed = row.map((body, i) => frame(titles[first + i]!, body, inner, height));
    for (let line = 0; line < height + 2; line++) {
      lines.push(framed.flatMap((block, i) => (i === 0 ? block[line]! : [span(" ", "space"), ...block[line]!])));
    }
  }
  return lines;
}

/** More boxes side by side make smaller boxes: worth it for an eighth of the lines, not for less. */
const WORTH_NARROWING = 7 / 8;

/** Frames the boxes and lays them out within `width`, side by side where that takes markedly fewer lines. */
export function arrangeFrames(boxes: readonly Boxed[], width: number): Block {
  let best = framesInColumns(boxes, 1, width)!;
  for (let columns = 2; columns <= boxes.length; columns++) {
    const block = framesInColumns(boxes, columns, width);
    if (block === null) continue;
    if (block.length < best.length * WORTH_NARROWING) best = block;
  }
  return best;
}

export interface GridCell {
  readonly title: string;
  readonly body: Block;
}

/** Where borders meet, by which of up, down, left, right (8, 4, 2, 1) they go on. */
const JUNCTIONS = [..."   ─ ┌┐┬ └┘┴│├┤┼"];

/** The most columns for `count` things that fit, but at least 1; fewer where that makes rows of equal length at little cost. */
export function evenColumns(count: number, fits: (columns: number) => boolean): number {
  let most = count;
  while (most > 1 && !fits(most)) most--;
  for (let even = most; even > most / 2; even--) if (count % even === 0) return even;
  return Math.ceil(count / Math.ceil(count / most));
}

function gridColumns(cells: readonly GridCell[], width: number): number {
  const fits = (columns: number): boolean =>
    columnWidths(cells, columns).reduce((sum, column) => sum + column + 3, 1) <= width;
  return evenColumns(cells.length, fits);
}

const columnWidths = (cells: readonly GridCell[], columns: number): number[] =>
  Array.from({ length: columns }, (_, column) =>
    cells
      .filter((_cell, i) => i % columns === column)
      .reduce((most, cell) => Math.max(most, widthOfBlock(cell.body), widthOfText(cell.title) + 2), 0),
  );

/** The border above row `row` (or below the last), with the titles of that row in it. */
function gridBorder(cells: readonly GridCell[], widths: readonly number[], row: number): Line {
  const columns = widths.length;
  const at = (r: number, c: number): GridCell | undefined =>
    r < 0 || c < 0 || c >= columns ? undefined : cells[r * columns + c];
  const line: Span[] = [];
  for (let c = 0; c <= columns; c++) {
    const [upLeft, upRight, downLeft, downRight] = [at(row - 1, c - 1), at(row - 1, c), at(row, c - 1), at(row, c)];
    const goesOn = [upLeft ?? upRight, downLeft ?? downRight, upLeft ?? downLeft, upRight ?? downRight];
    const junction = JUNCTIONS[goesOn.reduce((bits, cell) => bits * 2 + (cell === undefined ? 0 : 1), 0)]!;
    if (junction === " ") break;
    line.push(span(junction, "border"));
    if (upRight === undefined && downRight === undefined) break;
    const title = downRight?.title ?? "";
    const rule = widths[c]! + 2 - (title === "" ? 0 : widthOfText(title) + 3);
    if (title === "") line.push(span("─".repeat(rule), "border"));
    else line.push(span("─ ", "border"), span(title, "title"), span(` ${"─".repeat(rule)}`, "border"));
  }
  return line;
}

/** The cells in a grid with shared borders, within `width` where that is possible. */
export function grid(cells: readonly GridCell[], width: number): Block {
  const columns = gridColumns(cells, width);
  const widths = columnWidths(cells, columns);
  const lines: Line[] = [];
  const rows = Math.ceil(cells.length / columns);
  for (let row = 0; row < rows; row++) {
    lines.push(gridBorder(cells, widths, row));
    const inRow = cells.slice(row * columns, (row + 1) * columns);
    const height = Math.max(...inRow.map((cell) => cell.body.length));
    for (let i = 0; i < height; i++) {
      const content = inRow.flatMap((cell, c) => [
        span(c === 0 ? "│ " : " │ ", "border"),
        ...padLine(cell.body[i] ?? [], widths[c]!),
      ]);
      lines.push([...content, span(" │", "border")]);
    }
  }
  return [...lines, gridBorder(cells, widths, rows)];
}

const ASCII: Readonly<Record<string, string>> = Object.fromEntries(
  [..."╭╮╰╯┌┐└┘├┤┬┴┼"]
    .map((corner) => [corner, "+"])
    .concat([
      ["─", "-"],
      ["│", "|"],
      ["┊", ":"],
      ["·", "."],
    ]),
);

export interface TextStyle {
  /** Only ASCII characters in borders and titles. */
  readonly ascii: boolean;
  /** Colours a piece of text; must not change its width. */
  readonly paint: (text: string, part: Part) => string;
}

/** The block as text, without trailing spaces in plain lines. */
export function blockToText(block: Block, style: TextStyle): string {
  const plain = (text: string): string => (style.ascii ? [...text].map((char) => ASCII[char] ?? char).join("") : text);
  return block
    .map((line) => {
      const last = line.findLastIndex(({ part }) => part.kind !== "space");
      return line
        .slice(0, last + 1)
        .map(({ text, part }) => style.paint(part.kind === "pcpu" ? text : plain(text), part))
        .join("");
    })
    .join("\n");
}
