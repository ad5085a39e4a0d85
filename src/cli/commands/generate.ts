/** `headroom generate`: workloads from scenarios, for sizing, replay, estimators, and live clusters. Same seed, same workload. */
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { finished } from "node:stream/promises";
import { Command, Option } from "commander";
import type { SizedHost } from "../../core/sizing/model.js";
import { generateWorkload } from "../../core/workload/generate.js";
import { seededRandom } from "../../core/workload/random.js";
import { SCENARIOS } from "../../core/workload/scenario.js";
import { CommandFailure, UsageError } from "../exit.js";
import { parseCount } from "../numbers.js";
import { parseSeed, parseTemporality, scenarioOf } from "../sizing/scenarios.js";
import { hostOption } from "./size.js";

const FORMATS = ["csv", "jsonl", "parquet", "script", "monitoring", "estimator"] as const;
type Format = (typeof FORMATS)[number];

const EXAMPLES = `
Scenarios: ${[...SCENARIOS.keys()].join(", ")}, or files of CloudFactory's form (vm_distribution, vm_usage, vm_premium), several with commas;
what they do not say is ovhcloud2023's, the ratio 1:1.

Formats: csv, for headroom size; jsonl, and parquet (needs --out), for headroom play; script, for a shell with curl; monitoring, for headroom replay, and
estimator, for headroom estimate: there one host (--host) has all of the VMs.

Examples:
  headroom generate --scenario ovhcloud2023 --ratios 1=50,3=50 --seed 7 > week.csv
  headroom generate --scenario sizes.yml,usage.yml --vms 50000 --format jsonl --out large.jsonl
  headroom generate --vms 20 --format monitoring --host 256x1048576 --out trace.csv
  headroom generate --vms 20 --temporality 60,600,2 --format script > drive.sh && sh drive.sh http://127.0.0.1:8100 10
`;

interface Given {
  readonly scenario: string;
  readonly vms: string;
  readonly seed: string;
  readonly ratios?: string;
  readonly temporality: string;
  readonly format: Format;
  readonly host: SizedHost;
  readonly readings: string;
  readonly out?: string;
}

export function generateCommand(stdout: NodeJS.WritableStream = process.stdout): Command {
  return new Command("generate")
    .description("make a workload from a scenario: sizes, ratios, usage, arrivals and departures")
    .option("--scenario <name|files>", "a built-in scenario, or scenario files", "ovhcloud2023")
    .option("--vms <number>", "VMs of the beginning; each later day adds as the scenario says", "500")
    .option("--seed <number>", "same seed, same workload", "1")
    .option("--ratios <shares>", "allocation ratios and their shares, such as 1=50,2=25,3=25")
    .option("--temporality <slice,day,days>", "seconds of a slice and of a day, and days", "360,8640,7")
    .addOption(new Option("--format <format>", "what is written").choices(FORMATS).default("csv"))
    .addOption(hostOption("the host of monitoring and estimator traces", "256x1048576"))
    .option("--readings <number>", "readings of a slice in those traces", "6")
    .option("--out <file>", "where to write (default: standard output)")
    .addHelpText("after", EXAMPLES)
    .action((given: Given) => generate(given, stdout));
}

async function generate(given: Given, stdout: NodeJS.WritableStream): Promise<void> {
  const scenario = await scenarioOf(given.scenario, given.ratios);
  const temporality = parseTemporality(given.temporality);
  const seed = parseSeed(given.seed, "--seed");
  const initial = parseCount(given.vms, "--vms");
  const shape = { host: given.host, temporality, readings: parseCount(given.readings, "--readings"), seed };
  const vms = generateWorkload(scenario, temporality, initial, seededRandom(seed));
  const formats = await import("../../trace/workload/formats.js");
  if (given.format === "parquet") {
    if (given.out === undefined) throw new UsageError("--format parquet needs --out: it is no text for a terminal");
    const { writeParquet } = await import("../../trace/workload/parquet.js");
    return writeParquet(given.out, vms);
  }
  const pieces: Readonly<Record<Exclude<Format, "parquet">, () => Iterable<string>>> = {
    csv: () => formats.experimentCsv(vms),
    jsonl: () => formats.workloadLines(vms),
    script: () => formats.driveScript(vms),
    monitoring: () => formats.monitoringTrace([...vms], shape),
    estimator: () => formats.estimatorTraceOf([...vms], shape),
  };
  await write(pieces[given.format](), given.out, stdout);
}

/** A piece at a time, no faster than they are taken. */
async function write(pieces: Iterable<string>, path: string | undefined, stdout: NodeJS.WritableStream): Promise<void> {
  if (path === undefined) {
    for (const piece of pieces) if (!stdout.write(piece)) await once(stdout, "drain");
    return;
  }
  const file = createWriteStream(path);
  try {
    await once(file, "open");
    for (const piece of pieces) if (!file.write(piece)) await once(file, "drain");
    file.end();
    await finished(file);
  } catch (error) {
    throw new CommandFailure(`--out ${path}: cannot be written: ${(error as Error).message}`);
  }
}
