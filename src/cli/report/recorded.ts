/** The report of one recorded host, from a replay's monitoring or an agent's own recording. */
import { basename } from "node:path";
import type { Report } from "../../report/report.js";
import { CommandFailure } from "../exit.js";
import { type ReportInput, replayFacts } from "./sources.js";

/** VMs that are drawn one by one where none is asked for: those that use most. */
export const BUSIEST = 3;
type Recorded = Extract<ReportInput, { kind: "recording" }>;

/** `wanted`: VMs to draw one by one; none: the busiest. Throws `CommandFailure` where the trace has nothing to draw. */
export async function recordingOf(
  { tracePath, summaryPath }: Recorded,
  wanted: readonly string[],
  machinePcpus: number | null,
): Promise<Report> {
  const { readTrace } = await import("../../trace/reader.js");
  const { gatherRecording } = await import("../../report/recording/gather.js");
  const { recordingReport } = await import("../../report/recording/report.js");
  let recording = await gatherRecording(readTrace(tracePath), wanted);
  if (recording.times.length === 0) throw new CommandFailure(`${tracePath}: no record that can be used`);
  const unknown = wanted.find((name) => !recording.busiest.some(({ vm }) => vm === name));
  if (unknown !== undefined)
    throw new CommandFailure(`--vm ${unknown}: ${tracePath} has no values of a VM of that name`);
  if (wanted.length === 0 && recording.busiest.length > 0) {
    const busiest = recording.busiest.slice(0, BUSIEST).map(({ vm }) => vm);
    recording = await gatherRecording(readTrace(tracePath), busiest);
  }
  const facts = summaryPath === null ? null : await replayFacts(summaryPath);
  const name = facts === null ? basename(tracePath) : basename(facts.trace.path);
  const isReadAsKiB = facts?.memoryUnit === "KiB";
  return recordingReport(recording, {
    title: facts === null ? `Recorded host: ${name}` : `${name}, decided again by ${facts.policy}`,
    from:
      facts === null
        ? `From the trace ${tracePath}: what a host's agent decided, and what was used.`
        : `What the policy ${facts.policy} makes of the recorded load: pools and VMs are as it decides, use is as it was recorded.${
            isReadAsKiB
              ? " It reads the trace's memory sizes as KiB, as SlackVM does; recorders write MB, and then its sizes are in units of 1024 MB."
              : ""
          }`,
    machinePcpus,
    memoryUnit: isReadAsKiB ? "sizes of the trace / 1024" : "MB",
    facts:
      facts === null
        ? []
        : [
            ["policy", facts.policy],
            ["deployed", String(facts.deployed)],
            ["refused", String(facts.refused)],
          ],
  });
}
