/** `headroom generate`: workloads from scenarios, for sizing, replay, estimators, and live clusters. Same seed, same workload. */
import { once } from "node:events";
import { createWriteStream, readFileSync } from "node:fs";
import { finished } from "node:stream/promises";
import { Command, Option } from "commander";
import type { SizedHost } from "../../core/sizing/model.js";
import { type Ratio, ratio, seconds } from "../../core/units.js";
import { generateWorkload } from "../../core/workload/generate.js";
import { seededRandom } from "../../core/workload/random.js";
import { EXCLUSIVE, SCENARIOS, type Scenario, type Temporality } from "../../core/workload/scenario.js";
import type { Shares } from "../../core/workload/shares.js";
import { CommandFailure, UsageError } from "../exit.js";
import { parseCount, parseRatio } from "../numbers.js";
import { parseHost } from "./size.js";

const FORMATS = ["csv", "jsonl", "script", "monitoring", "estimator"] as const;
type Format = (typeof FORMATS)[number];

const EXAMPLES = `
Scenarios: ${[...SCENARIOS.keys()].join(", ")}, or files of CloudFactory's form (vm_distribution, vm_usage, vm_premium), several with commas;
what they do not say is ovhcloud2023's, the ratio 1:1.

Formats: csv, for headroom size; jsonl, for headroom play; script, for a shell with curl; monitoring, for headroom replay, and
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

const LARGEST_SEED = 2 ** 31 - 1;

/** `1=50,2=25,3=25`: shares in any unit. Throws `UsageError`. */
export function parseShares(text: string): Shares<Ratio> {
  return text.split(",").map((part) => {
    const [key = "", value = "", ...more] = part.split("=");
    if (more.length > 0 || !/^\d{1,9}(\.\d{1,6})?$/.test(value))
      throw new UsageError(`--ratios ${text}: "${part}" is not RATIO=SHARE, such as 1=50,3=50`);
    return [ratio(parseRatio(key, "--ratios")), Number(value)];
  });
}

/** `slice,day,days`: seconds, seconds, a number. Throws `UsageError`. */
export function parseTemporality(text: string): Temporality {
  const [slice = 0, day = 0, days = 0, ...more] = text
    .split(",")
    .map((part) => (/^[1-9]\d{0,7}$/.test(part) ? Number(part) : 0));
  if (more.length > 0 || slice === 0 || days === 0 || day === 0 || day % slice !== 0)
    throw new UsageError(`--temporality ${text}: expected slice,day,days, a day of whole slices, such as 360,8640,7`);
  return { slice: seconds(slice), day: seconds(day), days };
}

async function scenarioOf(text: string, ratios: string | undefined): Promise<Scenario> {
  const builtIn = SCENARIOS.get(text);
  let scenario: Scenario = builtIn ?? { ...SCENARIOS.get("ovhcloud2023")!, name: text, ratios: EXCLUSIVE };
  if (builtIn === undefined) {
    const { parseScenario } = await import("../../trace/workload/scenario-file.js");
    for (const path of text.split(",")) scenario = { ...scenario, ...parseScenario(path, textOf(path)) };
  }
  const shares = ratios === undefined ? scenario.ratios : parseShares(ratios);
  if (shares.every(([, share]) => share === 0)) throw new UsageError("--ratios: some share must be above 0");
  return { ...scenario, ratios: shares };
}

function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const known = [...SCENARIOS.keys()].join(", ");
    throw new CommandFailure(
      `--scenario ${path}: neither a built-in (${known}) nor a readable file: ${(error as Error).message}`,
    );
  }
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
    .option("--host <pCPUsxMiB>", "the host of monitoring and estimator traces", parseHost, parseHost("256x1048576"))
    .option("--readings <number>", "readings of a slice in those traces", "6")
    .option("--out <file>", "where to write (default: standard output)")
    .addHelpText("after", EXAMPLES)
    .action((given: Given) => generate(given, stdout));
}

async function generate(given: Given, stdout: NodeJS.WritableStream): Promise<void> {
  const scenario = await scenarioOf(given.scenario, given.ratios);
  const temporality = parseTemporality(given.temporality);
  const seed = Number(given.seed);
  if (!/^\d+$/.test(given.seed) || seed > LARGEST_SEED)
    throw new UsageError(`--seed ${given.seed}: expected a whole number from 0 to ${LARGEST_SEED}`);
  const initial = parseCount(given.vms, "--vms");
  const shape = { host: given.host, temporality, readings: parseCount(given.readings, "--readings"), seed };
  const vms = generateWorkload(scenario, temporality, initial, seededRandom(seed));
  const formats = await import("../../trace/workload/formats.js");
  const pieces: Readonly<Record<Format, () => Iterable<string>>> = {
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
