/** A comparison to the files that `headroom estimate --compare` leaves: comparison.json and the figures, as SVG and PNG. */
import { join } from "node:path";
import { STRATEGY_NAMES } from "../../core/estimator/names.js";
import { makeFolder } from "../../trace/make-folder.js";
import { letGo, writeWhole } from "../files.js";
import { runStrategies, type StartThread } from "./compare.js";
import { type Comparison, comparisonOf } from "./comparison.js";
import { figuresOf } from "./figures.js";
import type { EstimateOptions } from "./options.js";
import { sizeOf } from "./to-files.js";
import { writeLongJson } from "./write.js";

export interface Compared {
  readonly comparison: Comparison;
  readonly files: readonly string[];
}

/** Share of the progress that reading is; drawing is the rest. */
const READING = 0.85;

/** `update`: told how far it is, from 0 to 1. Throws `OperationalError`. */
export async function compareToFiles(
  options: EstimateOptions,
  outDir: string,
  update: (share: number) => void,
  start?: StartThread,
): Promise<Compared> {
  const size = sizeOf(options.tracePath);
  const all = size * STRATEGY_NAMES.length;
  const progress = (bytes: number): void => update(all === 0 ? 0 : (READING * bytes) / all);
  const runs = await runStrategies(options, STRATEGY_NAMES, size, progress, start);
  const comparison = comparisonOf(options, runs);
  makeFolder(outDir);
  const path = join(outDir, "comparison.json");
  writeLongJson(path, comparison);
  return { comparison, files: [path, ...(await writeFigures(comparison, outDir, update))] };
}

async function writeFigures(
  comparison: Comparison,
  outDir: string,
  update: (share: number) => void,
): Promise<readonly string[]> {
  const { drawFigure } = await import("../figure.js");
  const specs = figuresOf(comparison);
  const files: string[] = [];
  for (const [name, spec] of specs) {
    const { svg, png } = drawFigure(spec);
    const paths = [join(outDir, `${name}.svg`), join(outDir, `${name}.png`)] as const;
    writeWhole(paths[0], svg);
    writeWhole(paths[1], png);
    files.push(...paths);
    update(READING + ((1 - READING) * files.length) / (2 * specs.size));
    await letGo();
  }
  return files;
}
