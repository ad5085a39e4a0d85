/** `headroom import`: history from a file into the sample store (docs/stores.md). The same samples again count once. */
import { Command, Option } from "commander";
import { milliseconds } from "../../core/units.js";
import { realClock } from "../../drivers/linux/real-clock.js";
import { badSettings, examineFor } from "../config.js";
import { FORMATS, formatOf, type SampleFormat } from "../samples/formats.js";
import { openSamples } from "../samples/open-samples.js";
import { importFrom } from "../samples/transfer.js";
import { SAMPLES_PROGRAM, sampleStoreOf } from "../settings/program.js";
import { addProgramOptions, settingsRequest } from "../settings-options.js";
import { describeMoved, type TransferTerminal } from "./export.js";

const EXAMPLES = `
Examples:
  headroom import --load history.parquet
  headroom import --load trace.json.gz --host host-7                           a trace of estimators, under another name
  ssh old headroom export --out - | headroom import --load - --sample-store influxdb
`;

const DAY_MS = 86_400_000;

interface Flags extends Record<string, unknown> {
  readonly load: string;
  readonly format?: SampleFormat;
  readonly host?: string;
}

async function importSamples(flags: Flags, terminal: TransferTerminal): Promise<void> {
  const { settings, problems } = examineFor(SAMPLES_PROGRAM, settingsRequest(flags, SAMPLES_PROGRAM));
  if (problems.length > 0) throw badSettings(problems);
  const format = formatOf(flags.load, flags.format);
  const { agentLog } = await import("../host/agent-log.js");
  const log = agentLog(settings.logLevel, settings.logFormat, process.stderr);
  const clock = realClock();
  const store = await openSamples(settings, clock, log);
  const keptMs = sampleStoreOf(settings) === "embedded" ? settings.sampleDays * DAY_MS : clock.now();
  const keptSince = milliseconds(clock.now() - keptMs);
  try {
    const source = { path: flags.load, format, host: flags.host ?? null, stdin: process.stdin, keptSince };
    const moved = await importFrom(source, store);
    terminal.stdout.write(describeMoved(moved, `imported into ${store.status().where}`));
    if (moved.tooOld > 0)
      terminal.stderr.write(
        `warning: ${moved.tooOld} of them are older than the store keeps (HEADROOM_SAMPLE_DAYS is ${settings.sampleDays}): it forgets them at its next tidying, within an hour\n`,
      );
  } finally {
    await store.close();
  }
}

export function importCommand(terminal: TransferTerminal = process): Command {
  const command = new Command("import")
    .description("move history from a file into the sample store")
    .requiredOption(
      "--load <file>",
      ".jsonl (samples), .parquet, .json (a trace of estimators); -: samples from standard input",
    )
    .addOption(new Option("--format <format>", "what it is, where the name does not say").choices(FORMATS))
    .option("--host <name>", "name that the host of a trace shall have");
  return addProgramOptions(command, SAMPLES_PROGRAM)
    .addHelpText("after", EXAMPLES)
    .action((flags: Flags) => importSamples(flags, terminal));
}
