/**
 * `headroom balance INTERVAL` (and `bin/vcpu_scheduler INTERVAL`): keeps the pCPUs of a host evenly loaded by pinning the vCPUs
 * of its running guests, until it is told to stop. Guests keep the pins that they have then.
 */
import type { Command } from "commander";
import { Balancer } from "../../agent/balance/balancer.js";
import type { BalanceReport } from "../../agent/balance/report.js";
import { type CpuSet, parseCpuSet, unionCpuSets } from "../../core/cpuset.js";
import { balanceMetrics } from "../controller/balance/metrics.js";
import { balanceView } from "../controller/balance/view.js";
import { controllerAction, controllerCommand, type RunnableController } from "../controller/command.js";
import { UsageError } from "../exit.js";

const EXAMPLES = `
Loads are balanced when their standard deviation is at most 5 points (per cent of a pCPU); vCPUs move only when that is
exceeded and the moves lower it by more than noise could. VMs of a Headroom agent are left to it. docs/course.md says more.
Exit codes: 0 stopped by a signal or done, 1 the hypervisor is not reachable, 2 wrong usage.

Examples:
  headroom balance 12                      every 12 seconds, with a live table
  headroom balance 5 --dry-run --once      what would be moved now, and nothing else
  headroom balance 12 --exclude 0,64       keep guests off these pCPUs
`;

interface BalanceOptions {
  readonly exclude?: CpuSet;
}

function excludeOption(text: string): CpuSet {
  try {
    return parseCpuSet(text);
  } catch (error) {
    throw new UsageError(`--exclude: ${(error as Error).message}`);
  }
}

export function balanceCommand(): Command {
  return controllerCommand("balance", "balance the load of pCPUs by pinning vCPUs, every so many seconds")
    .option("--exclude <cpus>", "pCPUs that no guest is moved to, such as 0-1,128", excludeOption)
    .addHelpText("after", EXAMPLES)
    .action(
      controllerAction<BalanceOptions, BalanceReport>((host, options, interval): RunnableController<BalanceReport> => {
        const { hypervisor, clock, topology, settings } = host;
        const excluded = unionCpuSets(options.exclude ?? [], settings.excludedPcpus, settings.hostPcpus);
        const dryRun = options.dryRun === true;
        const balancer = new Balancer({ hypervisor, clock, topology, excluded, dryRun });
        let last: BalanceReport | null = null;
        return {
          controller: {
            round: async () => {
              const report = await balancer.round();
              last = report ?? last;
              return report;
            },
          },
          view: balanceView(interval),
          metrics: () => balanceMetrics(balancer.totals(), last),
        };
      }),
    );
}
