// Makes a picture of a coloured terminal screen: reads text with ANSI colours (SGR) on standard input, writes SVG on standard
// output. The demo's picture in the README comes from it:
//   tmux capture-pane -p -e | node scripts/screen-to-svg.mjs "headroom demo" > docs/demo.svg
import { readFileSync } from "node:fs";

const CELL = { width: 7.8, height: 17 };
const MARGIN = 16;
const TITLE_HEIGHT = 30;
const COLOURS = ["#1b1f27", "#e06c75", "#98c379", "#e5c07b", "#61afef", "#c678dd", "#56b6c2", "#d7dae0"];
const TEXT = "#d7dae0";
const DIM = "#7d8590";
const GROUND = "#161a21";

const xmlText = (text) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");

/** One SGR parameter list applied to a style; only what the program uses. */
function restyle(style, codes) {
  const next = { ...style };
  for (const code of codes) {
    if (code === 0) Object.assign(next, { ink: null, ground: null, bold: false, dim: false });
    else if (code === 1) next.bold = true;
    else if (code === 2) next.dim = true;
    else if (code === 22) Object.assign(next, { bold: false, dim: false });
    else if (code === 39) next.ink = null;
    else if (code === 49) next.ground = null;
    else if (code >= 30 && code <= 37) next.ink = COLOURS[code - 30];
    else if (code >= 90 && code <= 97) next.ink = COLOURS[code - 90];
    else if (code >= 40 && code <= 47) next.ground = COLOURS[code - 40];
  }
  return next;
}

/** Holds from one line to the next. */
let style = { ink: null, ground: null, bold: false, dim: false };

/** A line as runs of equal style, with the column where each starts. */
function runsOf(line) {
  const runs = [];
  let column = 0;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences are what this reads
  for (const piece of line.split(/(\u001b\[[\d;]*m)/)) {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences are what this reads
    const codes = /^\u001b\[([\d;]*)m$/.exec(piece);
    if (codes) style = restyle(style, codes[1].split(";").map(Number));
    else if (piece !== "") {
      runs.push({ column, text: piece, style });
      column += [...piece].length;
    }
  }
  return runs;
}

/** Blocks are drawn as boxes: glyphs of fonts leave gaps between them. */
const BLOCKS = { "█": [0, 1], "▀": [0, 0.5], "▄": [0.5, 0.5], "▒": [0, 1] };

function boxes({ column, text, style }, y) {
  const ink = style.ink ?? TEXT;
  return [...text]
    .map((char, i) => {
      const block = BLOCKS[char];
      const x = MARGIN + (column + i) * CELL.width;
      const box = (top, height, fill, opacity) =>
        `<rect x="${x.toFixed(1)}" y="${(y + top * CELL.height).toFixed(1)}" width="${(CELL.width + 0.3).toFixed(1)}" height="${(height * CELL.height).toFixed(1)}" fill="${fill}"${opacity}/>`;
      const ground = style.ground ? box(0, 1, style.ground, "") : "";
      return block ? ground + box(block[0], block[1], ink, char === "▒" ? ' opacity="0.35"' : "") : ground;
    })
    .join("");
}

function words({ column, text, style }, y) {
  const plain = [...text].map((char) => (BLOCKS[char] ? " " : char)).join("");
  if (plain.trim() === "") return "";
  const x = (MARGIN + column * CELL.width).toFixed(1);
  const width = ([...text].length * CELL.width).toFixed(1);
  const fill = style.dim ? DIM : (style.ink ?? TEXT);
  const weight = style.bold ? ' font-weight="bold"' : "";
  return `<text x="${x}" y="${(y + CELL.height * 0.76).toFixed(1)}" textLength="${width}" fill="${fill}"${weight}>${xmlText(plain)}</text>`;
}

const title = process.argv[2] ?? "";
const lines = readFileSync(0, "utf8").replace(/\s+$/, "").split("\n").map(runsOf);
const columns = Math.max(
  ...lines.map((runs) => runs.reduce((end, run) => Math.max(end, run.column + [...run.text].length), 0)),
);
const size = {
  width: Math.ceil(columns * CELL.width + 2 * MARGIN),
  height: Math.ceil(lines.length * CELL.height + TITLE_HEIGHT + MARGIN),
};
const body = lines.flatMap((runs, row) => {
  const y = TITLE_HEIGHT + row * CELL.height;
  return runs.map((run) => boxes(run, y) + words(run, y));
});
console.log(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${size.width} ${size.height}" width="${size.width}" height="${size.height}" role="img" aria-label="${xmlText(title)}">
<rect width="100%" height="100%" rx="8" fill="${GROUND}"/>
<g fill="${DIM}"><circle cx="18" cy="15" r="5"/><circle cx="36" cy="15" r="5"/><circle cx="54" cy="15" r="5"/></g>
<g font-family="ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace" font-size="13" xml:space="preserve">
<text x="${size.width / 2}" y="19" text-anchor="middle" fill="${DIM}">${xmlText(title)}</text>
${body.filter((piece) => piece !== "").join("\n")}
</g>
</svg>`);
