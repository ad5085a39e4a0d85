/** `headroom topology`: what a host is made of, as a drawing for people and as JSON for programs; records this machine. */
import { writeFileSync } from "node:fs";
import { Command, Option } from "commander";
import { parseCpuSet } from "../../core/cpuset.js";
import { drawHost } from "../../core/topology/draw.js";
import type { Part } from "../../core/topology/draw-blocks.js";
import { describeDistances } from "../../core/topology/draw-distances.js";
import { formatHeadroomTopology } from "../../core/topology/headroom-json.js";
import { indexTopology } from "../../core/topology/index-topology.js";
import type { Topology } from "../../core/topology/model.js";
import { PRESETS } from "../../core/topology/presets.js";
import { recordHost } from "../../core/topology/recorded-host.js";
import { formatSeedTopology } from "../../core/topology/seed-json.js";
import { UsageError } from "../exit.js";
import { type Paint, paintFor } from "../terminal.js";
import { hostFilesOf, loadTopology } from "../topology-source.js";

/** Drawn when standard output tells no width (a pipe, a file). */
const DEFAULT_WIDTH = 100;
const [MIN_WIDTH, MAX_WIDTH] = [40, 400];

interface Options {
  readonly topology?: string;
  readonly exclude?: readonly number[];
  readonly json?: boolean;
  readonly format?: "headroom" | "seed";
  readonly out?: string;
  readonly distances?: boolean;
  readonly record?: string;
  readonly width?: number;
  readonly ascii?: boolean;
}

/** Where a command prints; process.stdout and process.stderr, or a test's own. */
export interface Terminal {
  readonly stdout: { write(text: string): unknown; readonly columns?: number; readonly isTTY?: boolean };
  readonly stderr: { write(text: string): unknown };
}

function excludeOption(text: string): readonly number[] {
  try {
    return parseCpuSet(text);
  } catch (error) {
    if (error instanceof RangeError) throw new UsageError(`--exclude: ${error.message}`);
    throw error;
  }
}

function widthOption(text: string): number {
  const width = Number(text);
  if (!Number.isInteger(width) || width < MIN_WIDTH || width > MAX_WIDTH) {
    throw new UsageError(
      `--width is ${JSON.stringify(text)}; allowed: a whole number from ${MIN_WIDTH} to ${MAX_WIDTH}`,
    );
  }
  return width;
}

function writeOut(option: string, path: string, text: string): void {
  try {
    writeFileSync(path, text);
  } catch (error) {
    throw new UsageError(`${option}: ${(error as Error).message}`, { cause: error });
  }
}

const asJson = (topology: Topology, format: Options["format"]): string =>
  format === "seed" ? formatSeedTopology(topology) : formatHeadroomTopology(topology);

/** Borders step back behind names and ids. */
function paintPart(paint: Paint): (text: string, part: Part) => string {
  return (text, part) => {
    if (part.kind === "border" || part.kind === "absent") return paint("dim", text);
    return part.kind === "title" ? paint("bold", text) : text;
  };
}

function record(options: Options, terminal: Terminal): void {
  const files = hostFilesOf(options.topology ?? null);
  if (files === null) throw new UsageError("--record records this machine or a folder with sys and proc, not a file");
  writeOut("--record", options.record!, recordHost(files));
  terminal.stderr.write(`recorded in ${options.record}; read it with --topology ${options.record}\n`);
}

function print(options: Options, terminal: Terminal): void {
  const { topology, warnings } = loadTopology(options.topology ?? null, options.exclude ?? []);
  for (const warning of warnings) terminal.stderr.write(`warning: ${warning}\n`);
  if (options.out !== undefined) writeOut("--out", options.out, asJson(topology, options.format));
  else if (options.json === true || options.format !== undefined)
    terminal.stdout.write(asJson(topology, options.format));
  else {
    const index = indexTopology(topology);
    const width = options.width ?? Math.min(MAX_WIDTH, terminal.stdout.columns ?? DEFAULT_WIDTH);
    const paint = paintPart(paintFor(terminal.stdout));
    terminal.stdout.write(`${drawHost(index, { width, ascii: options.ascii === true, paint })}\n`);
    if (options.distances === true) terminal.stdout.write(`\n${describeDistances(index)}\n`);
  }
}

const presetHelp = (): string =>
  `\nPresets:\n${[...PRESETS].map(([name, { description }]) => `  ${name.padEnd(14)}${description}`).join("\n")}\n`;

export function topologyCommand(terminal: Terminal = process): Command {
  return new Command("topology")
    .description("draw a host: packages, NUMA cells, L3 groups, cores and their pCPUs")
    .option("--topology <source>", "a topology JSON, a recorded host, a folder or a preset (default: this machine)")
    .option("--exclude <cpus>", "pCPUs that VMs must not use, such as 0-3,128-131", excludeOption)
    .option("--json", "print JSON instead")
    .addOption(new Option("--format <format>", "of the JSON: Headroom's or the seeds'").choices(["headroom", "seed"]))
    .option("--out <file>", "write the JSON to a file")
    .option("--distances", "print the distances between cells and pCPUs as well")
    .option("--record <file>", "record this machine in a text file, to be read on any other")
    .option("--width <columns>", "draw this wide (default: the terminal's width)", widthOption)
    .option("--ascii", "draw with plain characters")
    .addHelpText("after", presetHelp)
    .action((options: Options) =>
      options.record === undefined ? print(options, terminal) : record(options, terminal),
    );
}
