/**
 * `headroom estimate`: what a recorded host would really have needed, window by window, as a strategy predicts it (spec 5;
 * docs/estimators.md). Also the seed's form, without --out: decides exactly as ScroogeVM, and leaves its dump in the working folder.
 * Starts without settings, as it has none (alone.ts); the form for live hosts has (estimate-online.ts).
 */
import { basename } from "node:path";
import { Command, InvalidArgumentError, Option } from "commander";
import { ASSESSOR_NAMES, type AssessorName } from "../../core/estimator/assessor.js";
import { DEFAULT_PROMISE, PROMISES, type WindowsOfPromise } from "../../core/estimator/headroom/promise.js";
import { DEFAULT_SIGMAS } from "../../core/estimator/make.js";
import { STRATEGY_NAMES, type StrategyName } from "../../core/estimator/names.js";
import type { EstimateOptions } from "../../report/estimate/options.js";
import { UsageError } from "../exit.js";
import { progressBar } from "../progress.js";

/** Where a command prints; process, or a test's own. */
export interface EstimateTerminal {
  readonly stdout: { write(text: string): unknown; readonly isTTY?: boolean };
  readonly stderr: { write(text: string): unknown; readonly isTTY?: boolean };
}

/** `--watch`, `--once` and `--list`, which have settings (estimate-online.ts). */
export interface OnlineForm {
  addOptions(command: Command): unknown;
  run(command: Command, flags: OnlineFlags, terminal: EstimateTerminal): Promise<void>;
}

export interface OnlineFlags {
  readonly load?: string;
  readonly watch?: boolean;
  readonly once?: boolean;
  readonly list?: boolean;
  readonly json?: boolean;
}

/** The seed's name for the strategy that it is known by. */
const ALIASES: Readonly<Record<string, StrategyName>> = { scroogevm: "greedy" };
/** Of the seed's, where nothing is asked for. */
const SEED_STRATEGY: StrategyName = "greedy";
const OWN_STRATEGY: StrategyName = "headroom";

const EXAMPLES = `
Examples:
  headroom estimate --load trace.json.gz --out results
  headroom estimate --load trace.json --strategy nsigma --sigmas 4 --out results
  headroom estimate --load trace.json --compare --out results
  headroom estimate --load trace.json --strategy greedy --assessor percentile --faithful --out results
  headroom estimate --load trace.json --strategy percentile --cpu 95 --mem 99 --debug 1     as the seed: writes its dump here
  headroom estimate --watch                                 every host of the sample store, at the end of each window
  headroom estimate --once --strategy percentile --window-seconds 900
  headroom estimate --list                                  what it wrote last

What each strategy does, and when to choose it: docs/estimators.md. The trace's format: docs/traces.md. Live hosts: docs/estimates-online.md.
`;

interface OfflineFlags {
  readonly load: string;
  readonly strategy?: string;
  readonly out?: string;
  readonly compare?: boolean;
  readonly faithful?: boolean;
  readonly assessor: AssessorName;
  readonly cpu?: number;
  readonly mem?: number;
  readonly sigmas: number;
  readonly promise: WindowsOfPromise;
  readonly aggreg: number;
  readonly check?: boolean;
  readonly caution: boolean;
  readonly debug: number;
}

type Flags = Omit<OfflineFlags, "load"> & OnlineFlags;

function numberIn(lowest: number, highest: number, isWhole: boolean): (text: string) => number {
  return (text) => {
    const value = /^\d{1,9}(\.\d{1,9})?$/.test(text) ? Number(text) : Number.NaN;
    if (value >= lowest && value <= highest && (!isWhole || Number.isInteger(value))) return value;
    throw new InvalidArgumentError(`Allowed: a ${isWhole ? "whole number" : "number"} from ${lowest} to ${highest}.`);
  };
}

function promiseFrom(text: string): WindowsOfPromise {
  const windows = PROMISES.find((one) => String(one) === text);
  if (windows === undefined) throw new InvalidArgumentError(`Allowed choices are ${PROMISES.join(", ")}.`);
  return windows;
}

const inWords = (values: readonly number[]): string => `${values.slice(0, -1).join(", ")} or ${values.at(-1)}`;

const percentile = numberIn(0, 100, false);

function strategyOf(text: string): StrategyName {
  const name = ALIASES[text] ?? text;
  const known = STRATEGY_NAMES.find((strategy) => strategy === name);
  if (known === undefined) throw new InvalidArgumentError(`Allowed choices are ${STRATEGY_NAMES.join(", ")}.`);
  return known;
}

function optionsOf(flags: OfflineFlags, strategy: StrategyName, faithful: boolean): EstimateOptions {
  return {
    tracePath: flags.load,
    strategy,
    faithful,
    caution: flags.caution && !faithful,
    assessor: flags.assessor,
    cpuPercentile: flags.cpu ?? null,
    memoryPercentile: flags.mem ?? null,
    sigmas: flags.sigmas,
    promise: flags.promise,
    aggregation: flags.aggreg,
    ...(flags.check === undefined ? {} : { check: flags.check }),
  };
}

/** One strategy, to files in `flags.out`, or as the seed where there is none. */
async function estimateOne(flags: OfflineFlags, terminal: EstimateTerminal): Promise<void> {
  const isSeedForm = flags.out === undefined;
  const strategy =
    flags.strategy === undefined ? (isSeedForm ? SEED_STRATEGY : OWN_STRATEGY) : strategyOf(flags.strategy);
  const options = optionsOf(flags, strategy, isSeedForm || flags.faithful === true);
  const { runToFiles } = await import("../../report/estimate/to-files.js");
  const bar = await progressBar(terminal.stderr, flags.load);
  try {
    const { text, files } = await runToFiles(options, flags.out ?? null, isSeedForm || flags.debug > 0, bar.update);
    bar.stop();
    terminal.stdout.write(`${text}written: ${files.join(", ")}\n`);
  } finally {
    bar.stop();
  }
}

/** All strategies side by side, to files in `flags.out`. */
async function compareAll(flags: OfflineFlags, terminal: EstimateTerminal): Promise<void> {
  if (flags.out === undefined) throw new UsageError("--compare needs --out, the folder for its files");
  if (flags.strategy !== undefined) throw new UsageError("--compare runs every strategy: leave --strategy out");
  const options = optionsOf(flags, OWN_STRATEGY, flags.faithful === true);
  const { compareToFiles } = await import("../../report/estimate/compare-to-files.js");
  const { comparisonTables } = await import("../comparison-table.js");
  const bar = await progressBar(terminal.stderr, flags.load);
  try {
    const { comparison, files } = await compareToFiles(options, flags.out, bar.update);
    bar.stop();
    const folder = `${flags.out}: ${files.map((path) => basename(path)).join(", ")}`;
    terminal.stdout.write(`${comparisonTables(comparison)}\nwritten in ${folder}\n`);
  } finally {
    bar.stop();
  }
}

async function estimate(
  command: Command,
  flags: Flags,
  terminal: EstimateTerminal,
  online: OnlineForm | null,
): Promise<void> {
  if (online !== null && (flags.watch || flags.once || flags.list)) return online.run(command, flags, terminal);
  const { load } = flags;
  if (load === undefined)
    throw new UsageError(
      "required option '-l, --load <trace>' not specified; or --watch, --once, --list for live hosts",
    );
  const offline = { ...flags, load };
  return flags.compare === true ? compareAll(offline, terminal) : estimateOne(offline, terminal);
}

/** `online`: null where nobody asks for it, and its settings need not be loaded. */
export function estimateCommand(terminal: EstimateTerminal, online: OnlineForm | null): Command {
  const command = new Command("estimate")
    .description("predict what hosts really need, window by window: recorded ones, or live ones; compare strategies")
    .option("-l, --load <trace>", "the recorded host: JSON, plain, .gz or .zst")
    .option(
      "-s, --strategy <name>",
      `${STRATEGY_NAMES.join(", ")} (scroogevm: greedy; default: headroom, as the seed: greedy)`,
      (text) => strategyOf(text),
    )
    .option("-o, --out <folder>", "folder for the results; without: as the seed, to its dump file")
    .option("--compare", "all strategies side by side, against the oracle: comparison.json, tables, figures")
    .option("--faithful", "decide exactly as ScroogeVM: its arithmetic, rounding and rules of when a VM has left")
    .addOption(
      new Option(
        "--assessor <name>",
        "how greedy tells whether a host is stable: a small network that learns its samples, a move of their p90 or of their mean, a t-test; or without looking",
      )
        .choices(ASSESSOR_NAMES)
        .default("lstm"),
    )
    .option(
      "-c, --cpu <percent>",
      "percentile of CPU, 0 to 100: of the host in percentile (default: 90), of each VM in rclike and maxpeak (default: 99)",
      percentile,
    )
    .option(
      "-m, --mem <percent>",
      "percentile of memory, 0 to 100: of the host in percentile (default: 90), of each VM in rclike and maxpeak (default: 100)",
      percentile,
    )
    .option(
      "--sigmas <n>",
      "standard deviations above the mean in nsigma and maxpeak, 0 to 100; 5 always where ScroogeVM is followed exactly",
      numberIn(0, 100, false),
      DEFAULT_SIGMAS,
    )
    .option(
      "--promise <windows>",
      `how seldom headroom's estimates are passed, in the long run: by one window in ${inWords(PROMISES)}; the more, the wider the estimate and the less is free`,
      promiseFrom,
      DEFAULT_PROMISE,
    )
    .option(
      "-a, --aggreg <n>",
      "samples averaged into one in the statistics of a window, 1 to 1000000",
      numberIn(1, 1_000_000, true),
      1,
    )
    .option(
      "--check",
      "read every list of the trace, also those that the strategy does not need, and tell what is wrong in one; --compare always does",
    )
    .option("--no-caution", "trust hosts and VMs of too little history as well")
    .option("-d, --debug <level>", "0 to 9; from 1 on: write the seed's dump as well", numberIn(0, 9, true), 0)
    .option("--watch", "live: estimate every host of the sample store at the end of each window, until told to stop")
    .option("--once", "live: take in the windows that have ended, and stop")
    .option("--list", "live: print the newest estimates, from the file that they are written to")
    .option("--json", "with --once and --list: print that file as it is")
    .addHelpText("after", EXAMPLES);
  online?.addOptions(command);
  return command.action((flags: Flags) => estimate(command, flags, terminal, online));
}
