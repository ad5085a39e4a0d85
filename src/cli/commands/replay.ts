/**
 * `headroom replay`: decides a recorded host anew, offline, from its topology and its trace (docs/traces.md). Also the seeds'
 * form of it, `headroom agent --topology=... --load=... --debug=1`.
 */

import { join } from "node:path";
import { Command, Option } from "commander";
import { MEMORY_UNITS, type MemoryUnit, POOL_TEXT_FORMS, type PoolTextForm } from "../../agent/replay/forms.js";
import type { ReplayOptions } from "../../agent/replay/run.js";
import type { ReplaySummary } from "../../agent/replay/summary.js";
import { plural } from "../../core/plural.js";
import type { VmSpec } from "../../core/pool/model.js";
import type { PolicyName } from "../../core/pool/policy.js";
import { type MiB, mib, type Ratio, ratio } from "../../core/units.js";
import { badSettings, examineSettings } from "../config.js";
import { UsageError } from "../exit.js";
import { parseCount, parseRatio, showMemory } from "../numbers.js";
import type { SettingKey } from "../settings/agent-settings.js";
import type { Resolution } from "../settings/resolve.js";
import { addSettingsOptions, settingsRequest } from "../settings-options.js";
import { loadTopology } from "../topology-source.js";

/** Those of the agent's settings that decide a replay. */
const REPLAY_KEYS: readonly SettingKey[] = [
  "topology",
  "excludedPcpus",
  "hostPcpus",
  "policy",
  "template",
  "criticalSize",
];

/** Where none is set: what the reference decisions of the two systems were made with; VMStack shipped with 6. */
export const CRITICAL_SIZES = { slackvm: 6, vmstack: 6, sweetspotvm: 2 } as const;

const EXAMPLES = `
Examples:
  headroom replay --topology epyc-7662-2s --load trace.csv.gz --out results
  headroom replay --topology host.json --load trace.csv --policy slackvm --monitoring --out results
  headroom replay --topology host.json --load trace.zst --policy sweetspotvm --template 1.0,1.5,2.6 --out results
  headroom replay --topology host.json --load trace.csv --policy slackvm --progress "1,1,1;8,16,3" --out results
`;

/** Where a command prints; process, or a test's own. */
export interface ReplayTerminal {
  readonly stdout: { write(text: string): unknown };
  readonly stderr: { write(text: string): unknown };
}

interface Flags {
  readonly load: string;
  readonly out: string;
  readonly monitoring?: boolean;
  readonly sbDsc: PoolTextForm;
  readonly traceMemoryUnit?: MemoryUnit;
  readonly progress?: string;
  readonly strict?: boolean;
}

/** GB as the seeds count them: whole KiB, then whole MiB. */
const gigabytesToMiB = (gigabytes: number): MiB => mib(Math.floor(Math.floor(gigabytes * 1_048_576) / 1024));

/** `cpu,mem_gb,oc;...`; `oc` is left out where a template decides. Throws `UsageError`. */
export function parseCandidates(text: string, perVcpu: boolean): readonly VmSpec[] {
  return text.split(";").map((part, i) => {
    const fields = part.split(",").map((field) => field.trim());
    const [vcpus, gigabytes, oc] = fields;
    const wanted = perVcpu ? [2, 3] : [3];
    if (!wanted.includes(fields.length) || vcpus === undefined || gigabytes === undefined)
      throw new UsageError(`--progress: "${part}" is not cpu,mem_gb,oc, such as 2,4,1.5`);
    if (!/^\d{1,7}(\.\d{1,9})?$/.test(gigabytes))
      throw new UsageError(`--progress: the memory "${gigabytes}" is not an amount of GB, such as 4 or 0.5`);
    return {
      name: `candidate ${i + 1}`,
      vcpus: parseCount(vcpus, "--progress: vCPUs"),
      memoryMiB: gigabytesToMiB(Number(gigabytes)),
      ratio: perVcpu || oc === undefined ? null : ratio(parseRatio(oc, "--progress: ratio")),
    };
  });
}

/** What settings say about a replay: topology, policy, template, critical size. Throws `UsageError` and `bad-settings`. */
function hostOptions(resolution: Resolution, policy: PolicyName, terminal: ReplayTerminal) {
  const { settings, origins, refused, problems } = resolution;
  // Other settings, and how settings fit together, are the agent's business.
  if (REPLAY_KEYS.some((key) => refused.has(key))) throw badSettings(problems);
  if (origins.topology.place === "default")
    throw new UsageError("--topology is needed: the JSON file of the recorded host, or a preset");
  const ratios = settings.template.map((value): Ratio => ratio(value));
  const perVm = policy === "slackvm" || policy === "vmstack";
  if (perVm && ratios.length > 0 && origins.template.place === "flag")
    throw new UsageError(
      `--template: the policy ${policy} takes each VM's own ratio; sweetspotvm and headroom take one`,
    );
  const { topology, warnings } = loadTopology(settings.topology, settings.excludedPcpus);
  for (const warning of warnings) terminal.stderr.write(`warning: ${warning}\n`);
  return {
    topology,
    policy,
    template: perVm || ratios.length === 0 ? null : ratios,
    criticalSize:
      origins.criticalSize.place === "default"
        ? policy === "headroom"
          ? settings.criticalSize
          : CRITICAL_SIZES[policy]
        : settings.criticalSize,
    hostPcpus: settings.hostPcpus,
  };
}

/** The summary for a person. */
export function describeReplay(summary: ReplaySummary, files: readonly string[]): string {
  const { trace, peak, runTime } = summary;
  const refusals = Object.entries(summary.refusals).map(([code, count]) => `${code} ${count}`);
  const pools = Object.entries(peak.pools).map(([key, pool]) => `${key}: ${pool.pcpus} pCPUs, ${pool.vcpus} vCPUs`);
  const span = trace.first === null || trace.last === null ? 0 : trace.last - trace.first;
  const lines = [
    `${summary.policy} on ${summary.host.pcpus} pCPUs, ${showMemory(summary.host.memoryMiB)}: ` +
      `${plural(trace.timestamps, "timestamp")} over ${(span / 3600).toFixed(1)} h, ${plural(trace.vms, "VM")}`,
    `deployed ${summary.deployed}, refused ${summary.refused}${refusals.length > 0 ? ` (${refusals.join(", ")})` : ""}, ` +
      `removed ${summary.removed}, dropped ${summary.dropped}; ${plural(summary.warnings, "warning")}`,
    `at most ${plural(peak.vms, "VM")}, ${peak.pcpus} pCPUs, ${showMemory(peak.memoryMiB)}; pools ${pools.join("; ") || "none"}`,
    `${plural(summary.vcpuPinsChanged, "pin")} of running vCPUs changed`,
    `${runTime.cpuSeconds.toFixed(2)} CPU seconds, ${runTime.peakRssMiB.toFixed(0)} MiB at most`,
  ];
  if (trace.incompleteVms.length > 0)
    lines.push(`never deployed, without cpu or mem records: ${plural(trace.incompleteVms.length, "VM")}`);
  for (const { line, field, message } of trace.firstProblems.slice(0, 5))
    lines.push(`trace: line ${line}, field ${field}: ${message}`);
  if (trace.problems > 5)
    lines.push(`trace: ${trace.problems} problems in all, see summary.json (--strict stops at the first)`);
  if (files.length > 0) lines.push(`written: ${files.join(", ")}`);
  return `${lines.join("\n")}\n`;
}

async function replay(resolution: Resolution, flags: Flags, terminal: ReplayTerminal): Promise<void> {
  const host = hostOptions(resolution, resolution.settings.policy, terminal);
  const perVcpu = host.policy === "sweetspotvm" || host.template !== null;
  const options: ReplayOptions = {
    ...host,
    tracePath: flags.load,
    memoryUnit: flags.traceMemoryUnit ?? null,
    strict: flags.strict === true,
    outDir: flags.out,
    monitoringPath: flags.monitoring === true ? join(flags.out, "monitoring.csv") : null,
    poolText: flags.sbDsc,
    candidates: flags.progress === undefined ? null : parseCandidates(flags.progress, perVcpu),
  };
  const { runReplay } = await import("../../agent/replay/run.js");
  const summary = await runReplay(options);
  const files = ["decisions.jsonl", "summary.json"].map((name) => join(flags.out, name));
  if (options.monitoringPath !== null) files.push(options.monitoringPath);
  terminal.stdout.write(describeReplay(summary, files));
}

/**
 * The seeds' offline mode. The policy is the one that is set; where none is, SweetSpotVM's with a template and SlackVM's
 * without. `debug`: writes `debug/monitoring.csv` in the working folder.
 */
export async function replayAsSeeds(
  resolution: Resolution,
  tracePath: string,
  debug: boolean,
  terminal: ReplayTerminal = process,
): Promise<void> {
  const seed = resolution.settings.template.length > 0 ? "sweetspotvm" : "slackvm";
  const policy = resolution.origins.policy.place === "default" ? seed : resolution.settings.policy;
  const monitoringPath = debug ? join("debug", "monitoring.csv") : null;
  const { runReplay } = await import("../../agent/replay/run.js");
  const summary = await runReplay({
    ...hostOptions(resolution, policy, terminal),
    tracePath,
    memoryUnit: null,
    strict: false,
    outDir: null,
    monitoringPath,
    poolText: "compact",
    candidates: null,
  });
  terminal.stdout.write(describeReplay(summary, monitoringPath === null ? [] : [monitoringPath]));
}

export function replayCommand(terminal: ReplayTerminal = process): Command {
  const command = new Command("replay")
    .description("decide a recorded host anew, offline, from its topology and its trace")
    .requiredOption("--load <trace>", "the recorded trace: plain, .gz or .zst")
    .requiredOption("--out <folder>", "folder for decisions.jsonl, summary.json and monitoring.csv")
    .option("--monitoring", "write the re-computed trace as well (monitoring.csv)")
    .addOption(
      new Option("--sb-dsc <form>", "last column of its pool records: ids and names, or the seeds' (gigabytes)")
        .choices(POOL_TEXT_FORMS)
        .default("compact"),
    )
    .option("--progress <list>", 'tell the progress of candidate VMs in each line: "cpu,mem_gb,oc;..."')
    .addOption(
      new Option(
        "--trace-memory-unit <unit>",
        "what the trace's memory sizes are in (default: MB for headroom; KiB, as the seeds read them, for the others)",
      ).choices(MEMORY_UNITS),
    )
    .option("--strict", "stop at the first problem of the trace instead of counting it");
  addSettingsOptions(command, REPLAY_KEYS);
  return command
    .addHelpText("after", EXAMPLES)
    .action((flags: Flags & Record<string, unknown>) =>
      replay(examineSettings(settingsRequest(flags)), flags, terminal),
    );
}
