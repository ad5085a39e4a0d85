/** What a run costs: time and memory, from the process's own counters. */
import type { RunCost } from "./write.js";

const MICROSECONDS = 1e6;
const KIB_PER_MIB = 1024;

/** From now on, of the whole process. */
export function startMeter(): () => RunCost {
  const [wall, cpu] = [performance.now(), process.cpuUsage()];
  return () => {
    const { user, system } = process.cpuUsage(cpu);
    return {
      cpuSeconds: (user + system) / MICROSECONDS,
      wallSeconds: (performance.now() - wall) / 1000,
      peakRssMiB: process.resourceUsage().maxRSS / KIB_PER_MIB,
    };
  };
}
