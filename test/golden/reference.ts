/**
 * The reference decisions and the replays that must equal them: the two small ones lie beside this file, so that the project
 * proves itself alone; the others are read from the reference data (format in the README of ../shared/goldens).
 */
import { createHash } from "node:crypto";
import { createReadStream, existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { type ReplayOptions, runReplay } from "../../src/agent/replay/run.js";
import type { ReplaySummary } from "../../src/agent/replay/summary.js";
import type { VmSpec } from "../../src/core/pool/model.js";
import { excludePcpus } from "../../src/core/topology/exclude.js";
import type { Topology } from "../../src/core/topology/model.js";
import { presetTopology } from "../../src/core/topology/presets.js";
import { parseSeedTopology } from "../../src/core/topology/seed-json.js";
import { mib, ratio } from "../../src/core/units.js";
import { sharedPath } from "../support/shared.js";

export interface GoldenAction {
  readonly op: "deploy" | "remove";
  readonly vm: string;
  readonly uuid: string;
  readonly cpu: number;
  readonly mem_mb: number;
  readonly oc?: number;
  readonly success: boolean;
  readonly reason: string | null;
  readonly warnings?: readonly string[];
}

export interface GoldenStep {
  readonly t: number;
  readonly actions: readonly GoldenAction[];
  readonly iterate_warnings?: readonly string[];
  readonly state: {
    readonly cpu: {
      readonly avail: number;
      readonly subsets: readonly {
        readonly id: number;
        readonly res: readonly number[];
        readonly alloc: number;
        readonly vms: readonly string[];
      }[];
    };
    readonly mem: { readonly avail: number; readonly subsets: readonly { readonly alloc: number }[] };
    readonly pins: Readonly<Record<string, unknown>>;
    readonly status: unknown;
    readonly progress?: readonly number[];
  };
}

export interface Golden {
  readonly peer: "slackvm" | "sweetspotvm";
  readonly topology: string;
  readonly config: { readonly critical_size: number };
  readonly host: { readonly cpus: readonly number[]; readonly mem_mb: number };
  readonly progress_candidates: readonly { cpu: number; mem_gb: number; oc: number }[] | null;
  readonly steps: readonly GoldenStep[];
}

const OWN = fileURLToPath(new URL("data/", import.meta.url));

/** A file of a reference: our own copy where there is one. */
function referencePath(folder: string, name: string): string {
  const own = join(OWN, folder, name);
  return existsSync(own) ? own : sharedPath(`goldens/${folder}/${name}`);
}

const unzipped = (folder: string, name: string): string =>
  gunzipSync(readFileSync(referencePath(folder, name))).toString("utf8");

/** The host as the original saw it; the pool texts repeat its pCPUs' attributes. */
export const recordedHost = (golden: Golden): Topology =>
  parseSeedTopology(readFileSync(sharedPath(`data/topologies/${golden.topology}`), "utf8"));

/** The host of the reference: as it was recorded, or, for our own copies, the preset of the same machine. */
function hostOf(folder: string, golden: Golden): Topology {
  if (!existsSync(join(OWN, folder))) return recordedHost(golden);
  const machine = presetTopology("epyc-7662-2s")!;
  const used = new Set(golden.host.cpus);
  const others = machine.pcpus.map((pcpu) => pcpu.id).filter((id) => !used.has(id));
  const memory = { totalMiB: mib(golden.host.mem_mb), allowedMiB: mib(golden.host.mem_mb) };
  return { ...excludePcpus(machine, others), memory };
}

export const readGolden = (folder: string): Golden => JSON.parse(unzipped(folder, "golden.json.gz")) as Golden;

export const readSlimMonitoring = (folder: string): string => unzipped(folder, "monitoring.slim.csv.gz");

/** sha256 of the whole monitoring.csv that the original wrote. */
export function monitoringDigest(folder: string): string {
  const meta: unknown = JSON.parse(readFileSync(referencePath(folder, "meta.json"), "utf8"));
  return (meta as { monitoring: { sha256: string } }).monitoring.sha256;
}

const candidatesOf = (golden: Golden): readonly VmSpec[] | null =>
  golden.progress_candidates?.map(({ cpu, mem_gb, oc }, i) => ({
    name: `candidate ${i}`,
    vcpus: cpu,
    memoryMiB: mib(mem_gb * 1024),
    ratio: ratio(oc),
  })) ?? null;

export interface ReplayedReference {
  readonly summary: ReplaySummary;
  readonly lines: readonly Record<string, unknown>[];
  readonly monitoringPath: string;
}

/** Replays the trace of `folder` and hands the outcome to `check`; the files are gone afterwards. */
export async function replayReference(
  folder: string,
  golden: Golden,
  changes: Partial<ReplayOptions>,
  check: (replayed: ReplayedReference) => Promise<void> | void,
): Promise<void> {
  const outDir = mkdtempSync(join(tmpdir(), "headroom-golden-"));
  try {
    const monitoringPath = join(outDir, "monitoring.csv");
    const summary = await runReplay({
      topology: hostOf(folder, golden),
      tracePath: referencePath(folder, "trace.csv.gz"),
      policy: golden.peer,
      template: null,
      criticalSize: golden.config.critical_size,
      hostPcpus: [],
      memoryUnit: null,
      strict: true,
      outDir,
      monitoringPath,
      poolText: "compact",
      candidates: candidatesOf(golden),
      ...changes,
    });
    const lines = readFileSync(join(outDir, "decisions.jsonl"), "utf8")
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    await check({ summary, lines, monitoringPath });
  } finally {
    rmSync(outDir, { recursive: true });
  }
}

export async function digestOf(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest("hex");
}
