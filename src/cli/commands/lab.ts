/** `headroom lab cpu|memory`: the course's cases on real guests, to be watched beside a controller. */
import { availableParallelism } from "node:os";
import { Argument, Command } from "commander";
import { cpuSetOf, formatCpuSet } from "../../core/cpuset.js";
import { parseInterval } from "../controller/command.js";
import { UsageError } from "../exit.js";
import { agentLog } from "../host/agent-log.js";
import { CPU_CASES, cpuScene, MEMORY_CASES, memoryScene } from "../lab/scenes.js";
import { onTermination } from "../termination.js";

/** The course has 8 guests on 4 pCPUs. */
const MOST_PCPUS = 4;
const DEFAULT_CACHE = "/var/cache/headroom/lab";

const EXAMPLES = `
Guests boot in a second and obey; they run under KVM where it works, else under TCG, on a libvirtd of their own beside the
system's. Needs root, Linux on x86-64, and the Debian or Ubuntu packages that it names when they are missing.

CPU cases:     1 same load, spread   2 same load, all on pCPU 0   3 heavy and light, not pinned
               4 no even split       5 loads change, guests come and go
Memory cases:  1 one consumes        2 all consume                3 two consume, one stops early

Examples:
  headroom lab cpu --case 2            and in another terminal the line that it prints
  headroom lab memory --case 1 --interval 2
`;

interface Given {
  readonly case: number;
  readonly interval: string;
  readonly seconds?: string;
  readonly cache: string;
}

function caseOption(text: string): number {
  if (!/^[1-9]$/.test(text))
    throw new UsageError(`--case is ${JSON.stringify(text)}; it must be the number of a case, such as 1`);
  return Number(text);
}

export function labCommand(): Command {
  return new Command("lab")
    .description("start and load real guests for the course's cases, and print what the course's monitor does")
    .addArgument(new Argument("<kind>", "which cases").choices(["cpu", "memory"]))
    .option("--case <number>", "the case (cpu: 1 to 5, memory: 1 to 3)", caseOption, 1)
    .option("--interval <seconds>", "between two lines of the monitor", "5")
    .option("--seconds <number>", "end after so long (default: at Ctrl-C)")
    .option("--cache <folder>", "where the guests' kernel is kept", DEFAULT_CACHE)
    .addHelpText("after", EXAMPLES)
    .action(async (kind: "cpu" | "memory", given: Given, command: Command) => {
      const most = kind === "cpu" ? CPU_CASES : MEMORY_CASES;
      if (given.case > most) throw new UsageError(`--case is ${given.case}; ${kind} has the cases 1 to ${most}`);
      const usage = `headroom lab ${command.usage()}`;
      const interval = parseInterval(given.interval, usage);
      const duration = given.seconds === undefined ? null : parseInterval(given.seconds, usage);
      await lab(kind, given, interval, duration);
    });
}

async function lab(kind: "cpu" | "memory", given: Given, interval: number, duration: number | null): Promise<void> {
  const { intervalOf, runLab } = await import("../lab/run-lab.js");
  const all = availableParallelism();
  const pcpus = Array.from({ length: Math.min(MOST_PCPUS, all) }, (_, id) => id);
  const others = cpuSetOf(Array.from({ length: all - pcpus.length }, (_, i) => pcpus.length + i));
  const exclude = others.length === 0 ? "" : ` --exclude ${formatCpuSet(others)}`;
  // The lab's guests are a quarter of the course's, and so are the limits.
  const quarter = "--balloon-floor-mib 25 --balloon-minimum-mib 50 --balloon-step-mib 25 --balloon-dead-band-mib 3";
  const termination = onTermination();
  try {
    await runLab({
      kind,
      scene: kind === "cpu" ? cpuScene(given.case, pcpus.length) : memoryScene(given.case),
      pcpus,
      interval: intervalOf(interval),
      duration: duration === null ? null : intervalOf(duration),
      cacheFolder: given.cache,
      controllerCommand: (uri) =>
        kind === "cpu"
          ? `headroom balance ${interval} --connect '${uri}'${exclude}`
          : `headroom balloon ${interval} --connect '${uri}' ${quarter}`,
      signal: termination.signal,
      log: agentLog("error", "text", process.stderr),
      say: (line) => void process.stdout.write(`${line}\n`),
    });
  } finally {
    termination.release();
  }
}
