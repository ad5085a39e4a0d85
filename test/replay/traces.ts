/** Small traces made for tests, and replays of them. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ReplayOptions, runReplay } from "../../src/agent/replay/run.js";
import type { ReplaySummary } from "../../src/agent/replay/summary.js";
import { presetTopology } from "../../src/core/topology/presets.js";
import { pythonFloat } from "../../src/trace/python-number.js";
import { TRACE_HEADER } from "../../src/trace/writer.js";

export interface TracedVm {
  readonly name: string;
  readonly vcpus: number;
  /** As recorded. */
  readonly memory: number;
  readonly ratio: number;
  /** Timestamps of its first and last record. */
  readonly first: number;
  readonly last: number;
  /** Timestamps between them without any record. */
  readonly gaps?: readonly number[];
  readonly uuid?: string;
}

export const STEP = 15;

export const uuidOf = (vm: TracedVm): string => vm.uuid ?? `uuid-${vm.name}`;

/** Ratio of each of a VM's pools, with a template one for each ratio that its vCPUs use. */
const ratiosOf = (vm: TracedVm, template: readonly number[] | null): readonly number[] =>
  template === null
    ? [vm.ratio]
    : [...new Set(Array.from({ length: vm.vcpus }, (_, i) => template[Math.min(i, template.length - 1)]!))];

/** Records of all timestamps from 0 to `end`, in the order of the format; a pool has one from its first VM on. */
export function traceText(vms: readonly TracedVm[], end: number, template: readonly number[] | null = null): string {
  const memoryPool = template === null ? "subset-1\tNone\tNone\t1" : "subset-1.0\tNone\tNone\t1.0";
  const pools: number[] = [];
  let hasMemory = false;
  let out = TRACE_HEADER;
  for (let t = 0; t <= end; t += STEP) {
    const present = vms.filter((vm) => vm.first <= t && t <= vm.last && !vm.gaps?.includes(t));
    for (const ratio of present.flatMap((vm) => ratiosOf(vm, template))) if (!pools.includes(ratio)) pools.push(ratio);
    hasMemory ||= present.length > 0;
    out += `${t}\tglobal\tcpu\t0.25\t8\tNone\tNone\tNone\tNone\tNone\tNone\n`;
    for (const ratio of pools) {
      const pool = `subset-${pythonFloat(ratio)}`;
      out += `${t}\tsubset\tcpu\t1.5\t4\t${pool}\tNone\tNone\t${pythonFloat(ratio)}\t0\t{}\n`;
      for (const vm of present.filter((one) => ratiosOf(one, template).includes(ratio)))
        out += `${t}\tvm\tcpu\t0.5\t${vm.vcpus}\t${pool}\t${uuidOf(vm)}\t${vm.name}\t${pythonFloat(ratio)}\tNone\tNone\n`;
    }
    out += `${t}\tglobal\tmem\t0.25\t32768\tNone\tNone\tNone\tNone\tNone\tNone\n`;
    if (!hasMemory) continue;
    out += `${t}\tsubset\tmem\t0.1\t100\t${memoryPool}\t0\t{}\n`;
    for (const vm of present) {
      const [pool, , , ratio] = memoryPool.split("\t");
      out += `${t}\tvm\tmem\t0.1\t${vm.memory}\t${pool}\t${uuidOf(vm)}\t${vm.name}\t${ratio}\tNone\tNone\n`;
    }
  }
  return out;
}

export interface DecisionLine {
  readonly t: number;
  readonly actions: readonly {
    readonly op: string;
    readonly vm: string;
    readonly accepted: boolean;
    readonly reason: string | null;
  }[];
  readonly warnings: readonly string[];
  readonly pools: readonly { ratio: number; pcpus: number[]; allocated: number; vms: string[] }[];
  readonly memory: { readonly allocatedMiB: number; readonly freeMiB: number };
  readonly pins: Readonly<Record<string, string | string[]>>;
}

export interface Replayed {
  readonly lines: readonly DecisionLine[];
  readonly summary: ReplaySummary;
  /** Empty unless asked for. */
  readonly monitoring: string;
}

/** A folder of its own for `run`, removed afterwards. */
export async function inFolder<T>(run: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), "headroom-replay-"));
  try {
    return await run(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Replays a trace on the laptop preset (8 pCPUs, 32 GiB), slackvm with critical size 0 unless `changes` say otherwise. */
export function replayed(
  content: string | Uint8Array,
  changes: Partial<ReplayOptions> = {},
  monitoring = false,
): Promise<Replayed> {
  return inFolder(async (folder) => {
    const tracePath = join(folder, "trace");
    writeFileSync(tracePath, content);
    const monitoringPath = monitoring ? join(folder, "monitoring.csv") : null;
    const summary = await runReplay({
      topology: presetTopology("i7-1185g7")!,
      tracePath,
      policy: "slackvm",
      template: null,
      criticalSize: 0,
      hostPcpus: [],
      memoryUnit: null,
      strict: false,
      outDir: folder,
      monitoringPath,
      poolText: "compact",
      candidates: null,
      ...changes,
    });
    const text = readFileSync(join(folder, "decisions.jsonl"), "utf8").trimEnd();
    const lines = text === "" ? [] : text.split("\n").map((line) => JSON.parse(line) as DecisionLine);
    assertSummaryWritten(folder, summary);
    return { lines, summary, monitoring: monitoringPath === null ? "" : readFileSync(monitoringPath, "utf8") };
  });
}

function assertSummaryWritten(folder: string, summary: ReplaySummary): void {
  const written: unknown = JSON.parse(readFileSync(join(folder, "summary.json"), "utf8"));
  if (JSON.stringify(written) !== JSON.stringify(summary)) throw new Error("summary.json is not the summary returned");
}
