/**
 * Figures without a browser: Observable Plot draws into a document of linkedom, resvg turns the SVG into a PNG. One look for all:
 * a white ground, a sans-serif font that comes along (resvg knows none by itself), title and legend above, and the colours
 * of Okabe and Ito (2008), which people with every kind of colour vision tell apart; their yellow, too pale for lines, is a
 * grey here. Title and legend are written by hand: Plot makes them of HTML, which no SVG holds.
 */
import { fileURLToPath } from "node:url";
import { type PlotOptions, plot } from "@observablehq/plot";
import { Resvg } from "@resvg/resvg-js";
import { parseHTML } from "linkedom";

export const COLOURS = [
  "#D55E00",
  "#0072B2",
  "#009E73",
  "#CC79A7",
  "#E69F00",
  "#56B4E9",
  "#7F7F7F",
  "#000000",
] as const;

export interface LegendEntry {
  readonly label: string;
  readonly colour: string;
  /** As SVG has it; none: a whole line. */
  readonly dashes?: string;
}

export interface FigureSpec {
  readonly title: string;
  /** What to see in it, in a line. */
  readonly subtitle: string;
  readonly legend: readonly LegendEntry[];
  readonly plot: PlotOptions & { readonly width: number; readonly height: number };
}

export interface Figure {
  readonly svg: string;
  readonly png: Uint8Array;
}

const FONT = "DejaVu Sans";
const FONT_FILES = ["DejaVuSans.ttf", "DejaVuSans-Bold.ttf"].map((name) =>
  fileURLToPath(import.meta.resolve(`dejavu-fonts-ttf/ttf/${name}`)),
);
/** Figures are looked at on dense screens, and printed. */
const PNG_SCALE = 2;

const LEFT = 16;
const [TITLE_AT, SUBTITLE_AT, LEGEND_AT, LEGEND_ROW] = [28, 48, 74, 20];
const [LINE_LENGTH, GAP] = [24, 18];
/** Mean width of a character of the legend's 12 px type. */
const CHARACTER = 7.2;

export const escapeXml = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");

/** Entries side by side, in as many rows as they need. */
function legendSvg(entries: readonly LegendEntry[], width: number): { readonly svg: string; readonly rows: number } {
  let [x, row] = [LEFT, 0];
  const parts = entries.map(({ label, colour, dashes }) => {
    const needed = LINE_LENGTH + 6 + label.length * CHARACTER + GAP;
    if (x + needed > width && x > LEFT) [x, row] = [LEFT, row + 1];
    const y = LEGEND_AT + row * LEGEND_ROW;
    const dash = dashes === undefined ? "" : ` stroke-dasharray="${dashes}"`;
    const line = `<line x1="${x}" x2="${x + LINE_LENGTH}" y1="${y - 4}" y2="${y - 4}" stroke="${colour}" stroke-width="3"${dash}/>`;
    const text = `<text x="${x + LINE_LENGTH + 6}" y="${y}" font-size="12">${escapeXml(label)}</text>`;
    x += needed;
    return line + text;
  });
  return { svg: parts.join(""), rows: entries.length === 0 ? 0 : row + 1 };
}

export function drawFigure({ title, subtitle, legend, plot: options }: FigureSpec): Figure {
  const { document } = parseHTML("<html><body></body></html>");
  const style = { fontFamily: `${FONT}, sans-serif`, fontSize: "12px", background: "white", overflow: "visible" };
  const drawn = plot({ ...options, document, style, figure: false });
  const { svg: legendText, rows } = legendSvg(legend, options.width);
  const top = (rows === 0 ? SUBTITLE_AT : LEGEND_AT + (rows - 1) * LEGEND_ROW) + 14;
  const [width, height] = [options.width, top + options.height];
  const svg = [
    `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="${width}" height="${height}"`,
    ` viewBox="0 0 ${width} ${height}" font-family="${FONT}, sans-serif"><title>${escapeXml(title)}</title><rect width="100%" height="100%" fill="white"/>`,
    `<text x="${LEFT}" y="${TITLE_AT}" font-size="17" font-weight="bold">${escapeXml(title)}</text>`,
    `<text x="${LEFT}" y="${SUBTITLE_AT}" font-size="12" fill="#444">${escapeXml(subtitle)}</text>`,
    `${legendText}<g transform="translate(0,${top})">${drawn.outerHTML}</g></svg>\n`,
  ].join("");
  const font = { fontFiles: FONT_FILES, loadSystemFonts: false, defaultFontFamily: FONT };
  const png = new Resvg(svg, { font, fitTo: { mode: "zoom", value: PNG_SCALE } }).render().asPng();
  return { svg, png };
}
