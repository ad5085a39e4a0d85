/**
 * Replays a recorded host offline (spec 3): reads the trace once to know its VMs, decides every timestamp again, and writes
 * decisions, summary and the re-computed trace as it goes. Talks to no hypervisor. Memory grows with the VMs of the trace,
 * not with its length.
 */
import { writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { VmSpec } from "../../core/pool/model.js";
import type { PolicyName } from "../../core/pool/policy.js";
import { createPolicy } from "../../core/pool/registry.js";
import { type ReplayablePolicy, replayable } from "../../core/pool/replayable.js";
import { indexTopology } from "../../core/topology/index-topology.js";
import type { Topology } from "../../core/topology/model.js";
import type { Ratio } from "../../core/units.js";
import { makeFolder } from "../../trace/make-folder.js";
import { Problems } from "../../trace/problems.js";
import { indexTrace, scanTrace, type TraceIndex } from "../../trace/trace-index.js";
import { TRACE_HEADER } from "../../trace/writer.js";
import { decisionLine, warningsOf } from "./decisions.js";
import type { MemoryUnit, PoolTextForm } from "./forms.js";
import { ReplayLoop, type ReplayStep } from "./loop.js";
import { MonitoringWriter } from "./monitoring.js";
import { TextOutput } from "./output.js";
import { countPinChanges, withStrayPins } from "./pins.js";
import { poolTexts } from "./pool-text.js";
import { type RecordedVms, recordedVms } from "./recorded-vms.js";
import { type ReplaySummary, summaryOf } from "./summary.js";
import { Tally } from "./tally.js";

export interface ReplayOptions {
  readonly topology: Topology;
  /** Plain, gzip or Zstandard. */
  readonly tracePath: string;
  readonly policy: PolicyName;
  /** Null: each VM's recorded ratio; `sweetspotvm` then takes its own template. */
  readonly template: readonly Ratio[] | null;
  readonly criticalSize: number;
  /** pCPUs kept for the host; only the policy `headroom` reads them. */
  readonly hostPcpus: readonly number[];
  /** Null: as the policy's system reads it (KiB), for `headroom` as recordings carry it (MB). */
  readonly memoryUnit: MemoryUnit | null;
  /** Stop at the first problem of the trace; else it is counted, and the line left out. */
  readonly strict: boolean;
  /** Folder for decisions.jsonl and summary.json; null: neither. */
  readonly outDir: string | null;
  /** File for the re-computed trace; null: none. */
  readonly monitoringPath: string | null;
  readonly poolText: PoolTextForm;
  /** VMs whose progress each line of decisions tells; null: none. */
  readonly candidates: readonly VmSpec[] | null;
}

export const defaultMemoryUnit = (policy: PolicyName): MemoryUnit => (policy === "headroom" ? "MB" : "KiB");

/** One replay: steps on demand, each written and counted once. */
class Replay {
  readonly tally = new Tally();
  readonly #loop: ReplayLoop;
  #last: ReplayStep | null = null;

  constructor(
    private readonly policy: ReplayablePolicy,
    index: TraceIndex,
    private readonly vms: RecordedVms,
    private readonly candidates: readonly VmSpec[] | null,
    private readonly decisions: TextOutput | null,
  ) {
    this.#loop = new ReplayLoop(policy, index, vms);
  }

  get next(): number | null {
    return this.#loop.next;
  }

  get stray(): ReplayLoop["stray"] {
    return this.#loop.stray;
  }

  /** The step that holds at `tick`: ticks are asked for in ascending order. */
  at(tick: number): ReplayStep {
    if (this.next === tick) this.#take(this.#loop.step(tick));
    return this.#last!;
  }

  #take(step: ReplayStep): void {
    const before = this.#last;
    const isQuiet = before !== null && step.host === before.host && step.actions.length === 0;
    if (isQuiet && step.dropped.length === 0) {
      // Nothing happened: the step before holds on, and so do the texts that were made for it.
      if (before.acted !== before.host) this.#last = { ...before, acted: step.acted };
      return;
    }
    this.#last = step;
    const warnings = warningsOf(this.policy, this.vms, step);
    const pins = withStrayPins(this.policy.pins(step.host), this.stray);
    this.tally.add(step, warnings.length, before === null ? 0 : countPinChanges(before.host, step.host));
    this.decisions?.write(`${decisionLine(this.policy, this.vms, step, warnings, pins, this.candidates)}\n`);
  }
}

/** Decides all timestamps without reading the trace again. */
function decideOnly(replay: Replay, decisions: TextOutput | null): void {
  for (let tick = replay.next; tick !== null; tick = replay.next) {
    replay.at(tick);
    decisions?.drain();
  }
}

/** Decides while the trace is read a second time, and writes it anew. */
async function rewriteTrace(
  index: TraceIndex,
  replay: Replay,
  policy: ReplayablePolicy,
  vms: RecordedVms,
  options: ReplayOptions,
  outputs: { readonly decisions: TextOutput | null; readonly monitoring: TextOutput },
): Promise<void> {
  // Problems were told in the first pass.
  const told = new Problems(index.path, false);
  const settings = {
    policy,
    memoryUnit: memoryUnitOf(options),
    texts: poolTexts(options.poolText, vms, options.topology),
    hasRepeats: index.problems.byKind.has("repeated-record"),
  };
  outputs.monitoring.write(TRACE_HEADER);
  const writer = new MonitoringWriter(settings, replay, (text) => outputs.monitoring.write(text));
  await scanTrace(index.path, index.rows, writer, told, () => {
    outputs.monitoring.drain();
    outputs.decisions?.drain();
  });
  writer.finishTick();
}

const memoryUnitOf = (options: ReplayOptions): MemoryUnit => options.memoryUnit ?? defaultMemoryUnit(options.policy);

/**
 * Runs the replay and returns its summary, which is also in `outDir`. Throws `OperationalError`: `bad-input-file` for a trace
 * that cannot be used (or, strict, has any problem), `state-not-written` for an output that cannot be written.
 */
export async function runReplay(options: ReplayOptions): Promise<ReplaySummary> {
  const startedMs = performance.now();
  const startedCpu = process.cpuUsage();
  const index = await indexTrace(options.tracePath, options.strict);
  const policy = replayable(
    createPolicy(options.policy, {
      topology: indexTopology(options.topology),
      criticalSize: options.criticalSize,
      template: options.template,
      hostPcpus: options.hostPcpus,
    }),
  );
  const vms = recordedVms(index, memoryUnitOf(options), policy.settings.template !== null);
  const { outDir, monitoringPath } = options;
  if (outDir !== null) makeFolder(outDir);
  if (monitoringPath !== null) makeFolder(dirname(monitoringPath));
  const decisions = outDir === null ? null : new TextOutput(join(outDir, "decisions.jsonl"), "utf8");
  const monitoring = monitoringPath === null ? null : new TextOutput(monitoringPath, "latin1");
  const replay = new Replay(policy, index, vms, options.candidates, decisions);
  try {
    if (monitoring === null) decideOnly(replay, decisions);
    else await rewriteTrace(index, replay, policy, vms, options, { decisions, monitoring });
    decisions?.end();
    monitoring?.end();
  } catch (error) {
    decisions?.abandon();
    monitoring?.abandon();
    throw error;
  }
  const cpu = process.cpuUsage(startedCpu);
  const summary = summaryOf(policy, index, replay.tally, memoryUnitOf(options), {
    cpuSeconds: (cpu.user + cpu.system) / 1e6,
    wallSeconds: (performance.now() - startedMs) / 1e3,
    peakRssMiB: process.resourceUsage().maxRSS / 1024,
  });
  if (outDir !== null) await writeFile(join(outDir, "summary.json"), `${JSON.stringify(summary, null, 2)}\n`);
  return summary;
}
