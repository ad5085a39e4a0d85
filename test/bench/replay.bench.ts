/**
 * What a replay costs: CPU seconds and peak memory of the whole process, start-up included, on a trace of the references'
 * "large" size, with and without the re-computed trace; and on one three times as long, since memory must not follow the
 * length. Baselines: what the seeds took on this kind of machine (spec 3), and, measured in the same run, a plain reading of
 * the same file by lines and columns.
 */
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type MadeTrace, writeMadeTrace } from "./made-trace.js";
import { buildProgram, type Cost, costOf, main } from "./process-cost.js";
import { printTable } from "./table.js";

const TEMPLATE = [1, 1.5, 2.6];
/** pCPUs that the references' host excludes: 232 of 256 are left. */
const EXCLUDED = "0-11,128-139";

/** CPU seconds of the seeds: decisions only, and with monitoring.csv (spec 3). */
const SEEDS = { slackvm: [3.2, 27], sweetspotvm: [4.2, 50] } as const;
type Seed = keyof typeof SEEDS;

/** Reads a file by lines and columns with what Node brings along. */
const PLAIN_READER = `import { createReadStream } from "node:fs"; import { createInterface } from "node:readline";
let cells = 0;
for await (const line of createInterface({ input: createReadStream(process.argv[1]) })) cells += line.split("\\t").length;
if (cells === 0) throw new Error("nothing read");`;

function replayCost(seed: Seed, trace: string, out: string, monitoring: boolean): Cost {
  const args = ["replay", "--topology", "epyc-7662-2s", "--excluded-pcpus", EXCLUDED, "--policy", seed];
  return costOf([main, ...args, "--load", trace, "--out", out, ...(monitoring ? ["--monitoring"] : [])]);
}

async function measure(seed: Seed, folder: string): Promise<void> {
  const made: MadeTrace = { vms: 150, hours: 12, template: seed === "sweetspotvm" ? TEMPLATE : null };
  const trace = join(folder, "large.csv");
  const longer = join(folder, "longer.csv");
  const lines = await writeMadeTrace(trace, made);
  const longerLines = await writeMadeTrace(longer, { ...made, hours: made.hours * 3 });
  const size = (path: string): string => `${(statSync(path).size / 2 ** 20).toFixed(0)} MiB`;
  console.log(`\n${seed}: ${lines} lines, ${size(trace)}; three times as long: ${longerLines} lines, ${size(longer)}`);
  const plain = costOf(["--input-type=module", "--eval", PLAIN_READER, trace]);
  const [seedDecisions, seedMonitoring] = SEEDS[seed];
  const row = (what: string, cost: Cost, seconds: number | null): string[] => [
    what,
    cost.cpuSeconds.toFixed(2),
    seconds === null ? "" : `${seconds} (${(seconds / cost.cpuSeconds).toFixed(0)}x)`,
    `${(cost.cpuSeconds / plain.cpuSeconds).toFixed(2)}`,
    cost.peakMiB.toFixed(0),
  ];
  printTable(
    ["run", "CPU s", "seed: CPU s", "to plain reading", "peak MiB"],
    [
      row("plain reading, by lines and columns", plain, null),
      row("replay: decisions only", replayCost(seed, trace, folder, false), seedDecisions),
      row("replay: with monitoring.csv", replayCost(seed, trace, folder, true), seedMonitoring),
      row("3 x as long: decisions only", replayCost(seed, longer, folder, false), null),
      row("3 x as long: with monitoring.csv", replayCost(seed, longer, folder, true), null),
    ],
  );
}

buildProgram();
for (const seed of ["slackvm", "sweetspotvm"] as const) {
  const folder = mkdtempSync(join(tmpdir(), "headroom-replay-bench-"));
  try {
    await measure(seed, folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
