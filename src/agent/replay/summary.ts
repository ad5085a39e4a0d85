/** `summary.json` of a replay (spec 3): counts, refusals by reason, pins changed, peak pool sizes, run time. */
import type { PolicyName } from "../../core/pool/policy.js";
import type { ReplayablePolicy } from "../../core/pool/replayable.js";
import type { Ratio } from "../../core/units.js";
import type { TraceProblem } from "../../trace/problems.js";
import { deployableVms, incompleteVms, type TraceIndex } from "../../trace/trace-index.js";
import type { MemoryUnit } from "./forms.js";
import type { PoolPeak, Tally } from "./tally.js";

export interface RunTime {
  readonly cpuSeconds: number;
  readonly wallSeconds: number;
  /** Of the whole process so far. */
  readonly peakRssMiB: number;
}

export interface ReplaySummary {
  readonly policy: PolicyName;
  readonly template: readonly Ratio[] | null;
  readonly criticalSize: number;
  readonly memoryUnit: MemoryUnit;
  readonly host: { readonly pcpus: number; readonly memoryMiB: number };
  readonly trace: {
    readonly path: string;
    readonly lines: number;
    readonly timestamps: number;
    /** Seconds; null in an empty trace. */
    readonly first: number | null;
    readonly last: number | null;
    readonly vms: number;
    /** Names of VMs without a cpu or without a mem record; not counted in `vms`. */
    readonly incompleteVms: readonly string[];
    readonly problems: number;
    readonly problemsByKind: Readonly<Record<string, number>>;
    /** The first ones. */
    readonly firstProblems: readonly TraceProblem[];
  };
  readonly decisions: number;
  readonly deployed: number;
  readonly refused: number;
  /** Deploys refused, by code. */
  readonly refusals: Readonly<Record<string, number>>;
  readonly removed: number;
  readonly dropped: number;
  readonly warnings: number;
  /** vCPUs of VMs that stayed and got another CPU set. */
  readonly vcpuPinsChanged: number;
  readonly peak: {
    readonly vms: number;
    readonly pcpus: number;
    readonly memoryMiB: number;
    readonly pools: Readonly<Record<string, PoolPeak>>;
  };
  readonly runTime: RunTime;
}

export function summaryOf(
  policy: ReplayablePolicy,
  index: TraceIndex,
  tally: Tally,
  memoryUnit: MemoryUnit,
  runTime: RunTime,
): ReplaySummary {
  const { settings } = policy;
  const { ticks, problems } = index;
  return {
    policy: policy.name,
    template: settings.template,
    criticalSize: settings.criticalSize,
    memoryUnit,
    host: { pcpus: settings.topology.ids.length, memoryMiB: settings.topology.topology.memory.allowedMiB },
    trace: {
      path: index.path,
      lines: index.lines,
      timestamps: ticks.count,
      first: ticks.count === 0 ? null : ticks.timeOf(0),
      last: ticks.count === 0 ? null : ticks.last,
      vms: deployableVms(index).length,
      incompleteVms: incompleteVms(index),
      problems: problems.total,
      problemsByKind: Object.fromEntries(problems.byKind),
      firstProblems: problems.kept,
    },
    decisions: tally.steps,
    deployed: tally.deployed,
    refused: tally.refused,
    refusals: Object.fromEntries(tally.refusals),
    removed: tally.removed,
    dropped: tally.dropped,
    warnings: tally.warnings,
    vcpuPinsChanged: tally.vcpuPinsChanged,
    peak: {
      vms: tally.peakVms,
      pcpus: tally.peakPcpus,
      memoryMiB: tally.peakMemoryMiB,
      pools: Object.fromEntries(tally.peakPools),
    },
    runTime,
  };
}
