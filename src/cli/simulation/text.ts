/** What a simulation comes to, for people. */
import Table from "cli-table3";
import type { Summary } from "../../simulator/simulate.js";
import type { Steal } from "../../simulator/steal.js";

const percent = (value: number): string => `${value.toFixed(value < 1 && value > 0 ? 2 : 1)} %`;

export function summaryText(summary: Summary): string {
  const { placed, refused, removed, unanswered, firstRefusal, hosts, mostHostsInUse, meanUnallocatedPercent } = summary;
  const first = firstRefusal === null ? "" : `, the first ${firstRefusal.vm} at ${firstRefusal.at} s`;
  const silent = unanswered === 0 ? "" : `, ${unanswered} got no answer`;
  const moved = summary.migrations === 0 ? "" : `, ${summary.migrations} migrations`;
  return `${placed} of ${summary.vms} VMs placed, ${removed} removed, ${refused} refused${first}${silent}; at most ${summary.mostVms} at once
${mostHostsInUse} of ${hosts} hosts in use at most; of those, unallocated on the mean: CPU ${percent(meanUnallocatedPercent.cpu)}, memory ${percent(meanUnallocatedPercent.memory)}
${summary.pinChanges} vCPUs pinned anew${moved}; ${summary.faults} faults; every promise held, ${summary.promisesChecked} times looked at
${stealTable(summary.steal)}`;
}

export function stealTable(steal: Readonly<Record<string, Steal | null>>): string {
  const table = new Table({
    head: ["sold at", "steal, mean", "p99", "most", "of what was wanted"],
    style: { head: [], border: [], compact: true },
    colAligns: ["left", "right", "right", "right", "right"],
  });
  for (const [ratio, one] of Object.entries(steal)) {
    if (one === null) continue;
    const { meanPercent, p99Percent, mostPercent, unmetPercent } = one;
    table.push([`${ratio}:1`, ...[meanPercent, p99Percent, mostPercent, unmetPercent].map(percent)]);
  }
  return `${table.toString()}\n`;
}
