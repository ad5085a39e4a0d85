/** `headroom report`: figures, their numbers and a page that explains them, of what a host did or of what was computed (docs/reports.md). */
import { join } from "node:path";
import { Command } from "commander";
import { milliseconds } from "../../core/units.js";
import { realClock } from "../../drivers/linux/real-clock.js";
import type { Report } from "../../report/report.js";
import { badSettings, examineFor } from "../config.js";
import { CommandFailure, UsageError } from "../exit.js";
import { parseCount } from "../numbers.js";
import { progressBar } from "../progress.js";
import { BUSIEST, recordingOf } from "../report/recorded.js";
import { inputOf } from "../report/sources.js";
import { parseMoment } from "../samples/moment.js";
import { openSamplesToRead } from "../samples/open-samples.js";
import { SAMPLES_PROGRAM } from "../settings/program.js";
import { addProgramOptions, settingsRequest } from "../settings-options.js";

const EXAMPLES = `
What the source may be:
  a folder of headroom replay --monitoring, or a trace that an agent recorded (--record): pools, load, VM usage, memory, VM counts
  a folder of headroom estimate --compare: how well each strategy predicts
  a file of headroom size --json: hosts by policy
  --host, and no source: what the sample store has of a host

Examples:
  headroom replay --topology epyc-7662-2s --load trace.csv --out run --monitoring && headroom report run --out run/report
  headroom report /var/lib/headroom/trace.csv --out report --vm web --vm db
  headroom report --host host-7 --from 24h --out report
  headroom size --workload week.csv --host 32x131072 --json > sizes.json && headroom report sizes.json --out report

It leaves report.html (one page that needs nothing else), and every figure as .svg, .png and, for its numbers, .csv.
`;

export interface ReportTerminal {
  readonly stdout: { write(text: string): unknown };
  readonly stderr: { write(text: string): unknown; readonly isTTY?: boolean };
}

interface Flags extends Record<string, unknown> {
  readonly out: string;
  readonly title?: string;
  readonly vm: readonly string[];
  readonly machinePcpus?: string;
  readonly host?: string;
  readonly from?: string;
  readonly to?: string;
}

/** More lines than this cannot be told apart. */
const MOST_VMS = 8;

async function historyOf(flags: Flags, host: string): Promise<Report> {
  const { settings, problems } = examineFor(SAMPLES_PROGRAM, settingsRequest(flags, SAMPLES_PROGRAM));
  if (problems.length > 0) throw badSettings(problems);
  const clock = realClock();
  const now = clock.now();
  const from = flags.from === undefined ? milliseconds(0) : parseMoment(flags.from, "--from", now);
  const to = flags.to === undefined ? milliseconds(now + 86_400_000) : parseMoment(flags.to, "--to", now);
  if (from >= to) throw new UsageError("--from must be before --to");
  const { agentLog } = await import("../host/agent-log.js");
  const store = await openSamplesToRead(
    settings,
    clock,
    agentLog(settings.logLevel, settings.logFormat, process.stderr),
  );
  try {
    const { gatherHistory } = await import("../../report/history/gather.js");
    const history = await gatherHistory(store, host, { from, to });
    if (history !== null) {
      const { historyReport } = await import("../../report/history/report.js");
      return historyReport(history, store.status().where);
    }
    const known = [...new Set((await store.sources({ from, to })).map((source) => source.host))];
    const others = known.length === 0 ? "none" : known.slice(0, 20).join(", ");
    throw new CommandFailure(
      `${store.status().where} has nothing of the host ${host} in that time; hosts that it has: ${others}`,
    );
  } finally {
    await store.close();
  }
}

async function reportOf(source: string | undefined, flags: Flags): Promise<Report> {
  if ((source === undefined) === (flags.host === undefined))
    throw new UsageError("say what to report on: a source, or --host NAME for the history in the sample store");
  if (flags.host !== undefined) return historyOf(flags, flags.host);
  const input = await inputOf(source!);
  switch (input.kind) {
    case "recording":
      return recordingOf(
        input,
        flags.vm,
        flags.machinePcpus === undefined ? null : parseCount(flags.machinePcpus, "--machine-pcpus"),
      );
    case "comparison": {
      const { comparisonReport } = await import("../../report/estimate/report.js");
      return comparisonReport(input.comparison);
    }
    case "sizing": {
      const { sizingReport } = await import("../../report/sizing/report.js");
      return sizingReport(input.numbers, input.path);
    }
  }
}

async function report(source: string | undefined, flags: Flags, terminal: ReportTerminal): Promise<void> {
  if (flags.vm.length > MOST_VMS) throw new UsageError(`--vm: at most ${MOST_VMS} VMs can be told apart in a figure`);
  const made = await reportOf(source, flags);
  const { PAGE, writeReport } = await import("../../report/write-report.js");
  const bar = await progressBar(terminal.stderr, "drawing");
  try {
    const titled = flags.title === undefined ? made : { ...made, title: flags.title };
    const files = await writeReport(titled, flags.out, bar.update);
    bar.stop();
    terminal.stdout.write(
      `${made.figures.length} figures, ${files.length} files in ${flags.out}: open ${join(flags.out, PAGE)}\n`,
    );
  } finally {
    bar.stop();
  }
}

export function reportCommand(terminal: ReportTerminal = process): Command {
  const command = new Command("report")
    .description("draw what a host did or what was computed: figures, their numbers, and a page that explains them")
    .argument("[source]", "folder of a replay or a comparison, a recorded trace, or a file of headroom size --json")
    .requiredOption("--out <folder>", "folder for report.html, and the figures as SVG, PNG and CSV")
    .option("--title <text>", "title of the page")
    .option(
      "--vm <name>",
      `of a recorded host: a VM to draw by itself (repeatable; default: the ${BUSIEST} that use most)`,
      (name: string, before: readonly string[]) => [...before, name],
      [],
    )
    .option(
      "--machine-pcpus <n>",
      "of a recorded host: pCPUs of the whole machine, where the recording leaves some out",
    )
    .option("--host <name>", "history of this host, out of the sample store")
    .option("--from <moment>", "with --host: not before: 2026-11-27, 2026-11-27T12:30:00Z, or 24h (ago)")
    .option("--to <moment>", "with --host: before this moment");
  return addProgramOptions(command, SAMPLES_PROGRAM)
    .addHelpText("after", EXAMPLES)
    .action((source: string | undefined, flags: Flags) => report(source, flags, terminal));
}
