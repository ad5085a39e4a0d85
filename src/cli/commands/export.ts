/** `headroom export`: history out of the sample store, into a file or into another store (docs/stores.md). */
import { Command, Option } from "commander";
import { milliseconds, seconds } from "../../core/units.js";
import { realClock } from "../../drivers/linux/real-clock.js";
import { badSettings, examineFor } from "../config.js";
import { UsageError } from "../exit.js";
import { parseCount } from "../numbers.js";
import { FORMATS, formatOf, type SampleFormat, STANDARD } from "../samples/formats.js";
import { parseMoment } from "../samples/moment.js";
import { openSamples, openSamplesToRead } from "../samples/open-samples.js";
import { copyTo, exportTo, type Moved, type Range } from "../samples/transfer.js";
import { SAMPLES_PROGRAM, type SampleStoreSettings, sampleStoreOf } from "../settings/program.js";
import { addProgramOptions, settingsRequest } from "../settings-options.js";

const EXAMPLES = `
Examples:
  headroom export --out history.parquet --from 30d
  headroom export --out host-7.json.gz --host host-7 --slice-seconds 3600      the trace that headroom estimate reads
  headroom export --out - --from 24h | gzip > day.jsonl.gz
  headroom export --into prometheus --prometheus-url http://10.0.0.9:9090      from one store to another
`;

export interface TransferTerminal {
  readonly stdout: { write(text: string): unknown };
  readonly stderr: { write(text: string): unknown };
}

interface Flags extends Record<string, unknown> {
  readonly out?: string;
  readonly into?: "embedded" | "prometheus" | "influxdb";
  readonly format?: SampleFormat;
  readonly host?: string;
  readonly from?: string;
  readonly to?: string;
  readonly sliceSeconds: string;
  readonly scopeSeconds: string;
  readonly history: string;
}

const counted = (count: number, what: string): string =>
  `${count.toLocaleString("en-US")} ${what}${count === 1 ? "" : "s"}`;

/** For people. */
export const describeMoved = ({ samples, sources }: Moved, where: string): string =>
  `${samples === 0 ? "" : `${counted(samples, "sample")} of `}${counted(sources, "source")} ${where}\n`;

function shapeOf({ sliceSeconds, scopeSeconds, history }: Flags) {
  const shape = {
    sliceSeconds: seconds(parseCount(sliceSeconds, "--slice-seconds")),
    scopeSeconds: seconds(parseCount(scopeSeconds, "--scope-seconds")),
    history: parseCount(history, "--history"),
  };
  if (shape.scopeSeconds % shape.sliceSeconds !== 0)
    throw new UsageError(`--scope-seconds (${shape.scopeSeconds}) must be a multiple of --slice-seconds`);
  return shape;
}

/** The store to write to, when it is another than the one that is read. */
function intoSettings(settings: SampleStoreSettings, into: NonNullable<Flags["into"]>): SampleStoreSettings {
  if (sampleStoreOf(settings) === into)
    throw new UsageError(`--into ${into}: samples are read from there; say where they are by --sample-store`);
  const wanted: SampleStoreSettings = { ...settings, sampleStore: into };
  const problems = SAMPLES_PROGRAM.conflicts(wanted);
  if (problems.length > 0) throw badSettings(problems);
  return wanted;
}

async function exportSamples(flags: Flags, terminal: TransferTerminal): Promise<void> {
  const { out, into } = flags;
  if ((out === undefined) === (into === undefined))
    throw new UsageError("say where to: --out FILE (or - for standard output), or --into STORE");
  const { settings, problems } = examineFor(SAMPLES_PROGRAM, settingsRequest(flags, SAMPLES_PROGRAM));
  if (problems.length > 0) throw badSettings(problems);
  const clock = realClock();
  const moment = (text: string | undefined, option: string, otherwise: number) =>
    text === undefined ? milliseconds(otherwise) : parseMoment(text, option, clock.now());
  const range: Range = {
    from: moment(flags.from, "--from", 0),
    to: moment(flags.to, "--to", clock.now() + 86_400_000),
    host: flags.host ?? null,
  };
  if (range.from >= range.to) throw new UsageError("--from must be before --to");
  const shape = shapeOf(flags);
  const format = out === undefined ? "lines" : formatOf(out, flags.format);
  const other = into === undefined ? null : intoSettings(settings, into);
  const { agentLog } = await import("../host/agent-log.js");
  const log = agentLog(settings.logLevel, settings.logFormat, process.stderr);
  const store = await openSamplesToRead(settings, clock, log);
  try {
    if (other !== null) {
      const target = await openSamples(other, clock, log);
      try {
        terminal.stdout.write(
          describeMoved(await copyTo(store, range, target), `copied into ${target.status().where}`),
        );
      } finally {
        await target.close();
      }
    } else if (out !== undefined) {
      const { stdout } = terminal;
      const moved = await exportTo(store, range, { path: out, format, shape, stdout, clock, log });
      const say = out === STANDARD ? terminal.stderr : stdout;
      say.write(describeMoved(moved, `exported to ${out === STANDARD ? "standard output" : out}`));
    }
  } finally {
    await store.close();
  }
}

export function exportCommand(terminal: TransferTerminal = process): Command {
  const command = new Command("export")
    .description("move history out of the sample store: into a file, or into another store")
    .option(
      "--out <file>",
      ".jsonl (samples), .parquet, .json (the trace of estimators), each text also .gz; -: standard output",
    )
    .addOption(new Option("--into <store>", "into this store instead").choices(["embedded", "prometheus", "influxdb"]))
    .addOption(new Option("--format <format>", "what to write, where the name does not say").choices(FORMATS))
    .option("--host <name>", "of this host only (a trace has one)")
    .option("--from <moment>", "not before: 2026-11-27, 2026-11-27T12:30:00Z, or 24h (ago)")
    .option("--to <moment>", "before this moment")
    .option("--slice-seconds <n>", "a window of the trace", "3600")
    .option("--scope-seconds <n>", 'its "virtual day", a multiple of it', "86400")
    .option("--history <n>", "windows of the same slice that an estimator looks back on", "3");
  return addProgramOptions(command, SAMPLES_PROGRAM)
    .addHelpText("after", EXAMPLES)
    .action((flags: Flags) => exportSamples(flags, terminal));
}
