/**
 * A report as one page that needs nothing else: figures stand in it as SVG, the numbers behind them as links that hold them.
 * Plain markup, readable on a phone, printable, with a text for each figure for who does not see it.
 */
import { escapeXml } from "./figure.js";
import { csvOf, type Report, type ReportFigure } from "./report.js";

/** Numbers above this size are not put into the page; its reader finds them beside it. */
const LARGEST_INLINE_BYTES = 1_000_000;

const STYLE = `
:root { color-scheme: light; }
body { font: 16px/1.5 system-ui, sans-serif; color: #1a1a1a; background: #fff; max-width: 66rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.7rem; } h2 { font-size: 1.25rem; margin: 2.5rem 0 .25rem; }
p { max-width: 44rem; } dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1.2rem; max-width: 44rem; }
dt { color: #555; } dd { margin: 0; font-variant-numeric: tabular-nums; }
figure { margin: .75rem 0 0; overflow-x: auto; } figure svg { max-width: 100%; height: auto; }
nav li { margin: .15rem 0; } a { color: #00538a; } footer { margin: 3rem 0; color: #555; font-size: .9rem; }
@media (max-width: 40rem) { figure svg { min-width: 40rem; } dl { grid-template-columns: 1fr; } dd { margin-bottom: .4rem; } }
@media print { nav { display: none; } section { break-inside: avoid; } }
`;

const paragraphs = (texts: readonly string[]): string => texts.map((text) => `<p>${escapeXml(text)}</p>`).join("\n");

function numbersLink({ name, numbers }: ReportFigure): string {
  const csv = csvOf(numbers);
  const data = Buffer.from(csv, "utf8");
  const count = `${numbers.rows.length} rows`;
  if (data.length > LARGEST_INLINE_BYTES)
    return `The numbers behind it (${count}) are in <a href="${name}.csv">${name}.csv</a>, beside this page.`;
  const address = `data:text/csv;charset=utf-8;base64,${data.toString("base64")}`;
  return `<a download="${name}.csv" href="${address}">The numbers behind it</a> (CSV, ${count}).`;
}

/** A figure's own ids (clip paths) get its name, since all of them stand in one document. */
const ownIds = (svg: string, name: string): string =>
  svg
    .replaceAll(/\bid="([^"]+)"/g, `id="${name}-$1"`)
    .replaceAll(/url\(#([^)]+)\)/g, `url(#${name}-$1)`)
    .replaceAll(/href="#([^"]+)"/g, `href="#${name}-$1"`);

const section = (figure: ReportFigure, svg: string): string => `<section id="${figure.name}">
<h2>${escapeXml(figure.spec.title)}</h2>
${paragraphs(figure.says)}
<figure tabindex="0" role="group" aria-label="${escapeXml(`${figure.spec.title}: ${figure.spec.subtitle}`)}">${ownIds(svg, figure.name).trim()}</figure>
<p>${numbersLink(figure)}</p>
</section>`;

/** `svgs`: by the figures' names. */
export function pageOf(report: Report, svgs: ReadonlyMap<string, string>): string {
  const facts = report.facts.map(([what, value]) => `<dt>${escapeXml(what)}</dt><dd>${escapeXml(value)}</dd>`);
  const links = report.figures.map(({ name, spec }) => `<li><a href="#${name}">${escapeXml(spec.title)}</a></li>`);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeXml(report.title)}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<h1>${escapeXml(report.title)}</h1>
${paragraphs(report.intro)}
<dl>${facts.join("\n")}</dl>
<nav aria-label="Figures"><ol>${links.join("\n")}</ol></nav>
${report.figures.map((figure) => section(figure, svgs.get(figure.name) ?? "")).join("\n")}
</main>
<footer>Made by headroom report.</footer>
</body>
</html>
`;
}
