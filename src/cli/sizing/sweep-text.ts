/** A sweep as a table for people, and as CSV. */
import Table from "cli-table3";
import type { SizingPolicy } from "../../core/sizing/size.js";
import { type Mean, meanOf, overBound, type SweepRow, summariesOf } from "../../core/sizing/sweep.js";

export function sweepCsv(rows: readonly SweepRow[], policies: readonly SizingPolicy[]): string {
  const header = ["scenario", "mix", "vms", "seed", "bound", ...policies, "moves", "peak_pcpus", "peak_memory"];
  const lines = rows.map(({ scenario, mix, vms, seed, bound, hosts, moves, peakPcpus, peakMemory }) => {
    const counts = policies.map((policy) => hosts[policy]);
    const peak = [peakPcpus.toFixed(3), peakMemory.toFixed(3)];
    return [scenario, mix, vms, seed, bound, ...counts, moves ?? "", ...peak].join(",");
  });
  return `${[header.join(","), ...lines].join("\n")}\n`;
}

const within = ({ mean, within: half }: Mean, digits: number): string =>
  half > 0 ? `${mean.toFixed(digits)} ±${half.toFixed(digits)}` : mean.toFixed(digits);

export function sweepText(rows: readonly SweepRow[], policies: readonly SizingPolicy[], seconds: number): string {
  const table = new Table({
    head: ["scenario", "mix", "VMs", "seeds", "bound", ...policies],
    style: { head: [], border: [], compact: true },
  });
  for (const { scenario, mix, vms, seeds, bound, policies: of } of summariesOf(rows, policies))
    table.push([
      scenario,
      mix,
      vms,
      seeds,
      within(bound, 1),
      ...policies.map((policy) => within(of[policy]!.hosts, 1)),
    ]);
  const scenarios = [...new Set(rows.map(({ scenario }) => scenario))];
  const totals = scenarios.map((scenario) => {
    const own = rows.filter((row) => row.scenario === scenario);
    const each = policies.map((policy) => `${policy} ${within(meanOf(own.map((row) => overBound(row, policy))), 4)}`);
    return `${scenario}, hosts over the bound: ${each.join(", ")}`;
  });
  return `${table.toString()}\n${totals.join("\n")}\n${rows.length} workloads, ${policies.length} policies, in ${seconds.toFixed(1)} s.\n`;
}
