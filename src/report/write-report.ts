/** A report to files: each figure as SVG and PNG, the numbers behind it as CSV, and all of it as one page, report.html. */
import { join } from "node:path";
import { makeFolder } from "../trace/make-folder.js";
import { drawFigure } from "./figure.js";
import { letGo, writeWhole } from "./files.js";
import { pageOf } from "./page.js";
import { csvOf, type Report } from "./report.js";

export const PAGE = "report.html";

/** `update`: told how far it is, from 0 to 1. Returns the files. Throws `OperationalError` (state-not-written). */
export async function writeReport(
  report: Report,
  folder: string,
  update: (share: number) => void = () => undefined,
): Promise<readonly string[]> {
  makeFolder(folder);
  const files: string[] = [];
  const write = (name: string, content: string | Uint8Array): void => {
    const path = join(folder, name);
    writeWhole(path, content);
    files.push(path);
  };
  const svgs = new Map<string, string>();
  for (const [i, { name, spec, numbers }] of report.figures.entries()) {
    const { svg, png } = drawFigure(spec);
    svgs.set(name, svg);
    write(`${name}.svg`, svg);
    write(`${name}.png`, png);
    write(`${name}.csv`, csvOf(numbers));
    update((i + 1) / (report.figures.length + 1));
    await letGo();
  }
  write(PAGE, pageOf(report, svgs));
  return files;
}
