/** What a run costs: time and memory, from the process's own counters. */
import type { RunCost } from "./write.js";

const MICROSECONDS = 1e6;
const NANOSECONDS = 1e9;
const KIB_PER_MIB = 1024;

/** From now on, of the whole process. The clock that Node has without loading any of its modules. */
export function startMeter(): () => RunCost {
  const [wall, cpu] = [process.hrtime.bigint(), process.cpuUsage()];
  return () => {
    const { user, system } = process.cpuUsage(cpu);
    return {
      cpuSeconds: (user + system) / MICROSECONDS,
      wallSeconds: Number(process.hrtime.bigint() - wall) / NANOSECONDS,
      peakRssMiB: process.resourceUsage().maxRSS / KIB_PER_MIB,
    };
  };
}
