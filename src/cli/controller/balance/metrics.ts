/** What `headroom balance --metrics` shows: totals of the run, and the picture of the last round. */
import type { BalanceReport, BalanceTotals } from "../../../agent/balance/report.js";
import type { Metric } from "../metrics-server.js";

const single = (name: string, help: string, value: number): Metric => ({
  name,
  help,
  labels: [],
  series: [{ labels: {}, value }],
});

/** `last`: null before the first round that decided. */
export function balanceMetrics(totals: BalanceTotals, last: BalanceReport | null): readonly Metric[] {
  const counts = [
    single("balance_rounds_total", "Rounds of the vCPU balancer", totals.rounds),
    single("balance_moves_total", "vCPUs pinned to another pCPU", totals.moves),
    single("balance_failed_moves_total", "Pin calls of the balancer that failed", totals.failedMoves),
  ];
  if (last === null) return counts;
  return [
    ...counts,
    single("balance_deviation_pcpus", "Standard deviation of the pCPU loads at the last round", last.deviation),
    single("balance_planned_deviation_pcpus", "The same after the moves of that round", last.plannedDeviation),
    {
      name: "balance_pcpu_load_pcpus",
      help: "What the vCPUs on a pCPU want, 1 is all of it",
      labels: ["pcpu"],
      series: last.pcpus.map(({ id, loadPcpus }) => ({ labels: { pcpu: String(id) }, value: loadPcpus })),
    },
  ];
}
