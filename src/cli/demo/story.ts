/** The words of the demonstration: how to talk to it, its plain lines where there is no terminal, and its summary. */
import type { AgentMetrics } from "../../agent/counters.js";
import { formatRatio } from "../numbers.js";
import type { Paint } from "../terminal.js";
import type { Played } from "./player.js";
import { type DemoView, formatClock, type Moment } from "./view.js";

export function introduction(url: string, seconds: number, paint: Paint): string {
  return `${paint("bold", "Headroom demo")}: a real agent on a simulated host of 2 x 64 cores, 256 pCPUs; an hour in ${seconds} seconds.
No VM runs here: the hypervisor is a fake in this process, everything else is what "headroom agent" runs.

Talk to it while it runs:
  bin/headroom status --url ${url}
  bin/headroom vm list --url ${url}
  bin/headroom vm create mine --vcpus 4 --memory 8GiB --ratio 2 --url ${url}
  curl -s ${url}/v1/pools
  curl -s ${url}/status
  curl -s '${url}/progress?cpu=2&mem=2&oc=2.0'

`;
}

/** One line for a log: `12:30  106 VMs  1:1 130 pCPUs (130 sold, 41 used)  2:1 ...  free 21  refused 3`. */
export function plainLine(view: DemoView): string {
  const { host } = view;
  const byRatio = [...host.pools].sort((a, b) => a.ratio - b.ratio);
  const pools = byRatio.map(({ ratio, pcpuCount, allocatedVcpus, usagePcpus }) => {
    const used = usagePcpus === null ? "" : `, ${usagePcpus.toFixed(0)} used`;
    return `${formatRatio(ratio)} ${String(pcpuCount).padStart(3)} pCPUs (${allocatedVcpus} sold${used})`;
  });
  const parts = [formatClock(view.atSeconds), `${String(host.vmCount).padStart(3)} VMs`, ...pools];
  return `${[...parts, `free ${host.pcpus.free}`, `refused ${view.totals.refused}`].join("  ")}\n`;
}

function largest(history: readonly Moment[], ratios: readonly number[]): string {
  return ratios
    .map((ratio) => {
      const sizes = history.map((moment) => moment.sizes.get(ratio) ?? 0);
      return `${formatRatio(ratio)} ${Math.max(...sizes)} pCPUs (${sizes.at(-1) ?? 0} at the end)`;
    })
    .join(", ");
}

export interface Ending {
  readonly view: DemoView;
  readonly played: Played;
  readonly metrics: AgentMetrics;
  /** How much faster the host's clock ran than ours: the agent times its ticks by it. */
  readonly speed: number;
  /** Most vCPUs sold at once. */
  readonly mostSold: number;
}

export function summary({ view, played, metrics, speed, mostSold }: Ending, paint: Paint): string {
  const { arrived, left, refused } = played.totals;
  const reasons = [...played.refusals].map(([code, count]) => `${count} ${code}`).join(", ");
  const tickMs = metrics.ticks === 0 ? 0 : metrics.tickDuration / metrics.ticks / speed;
  const total = view.host.pcpus.total;
  return `${paint("bold", `Played ${formatClock(view.atSeconds)} minutes of a host's life.`)}
  VMs     ${arrived} deployed, ${left} removed, ${view.host.vmCount} still run; ${refused} refused${refused > 0 ? ` (${reasons})` : ""}
  pools   at their largest: ${largest(view.history, view.ratios)}
  sold    at most ${mostSold} vCPUs on ${total} pCPUs (${(mostSold / total).toFixed(2)} per pCPU)
  agent   ${metrics.ticks} ticks of ${tickMs.toFixed(1)} ms on average, ${metrics.pinCalls} pin calls, ${metrics.failedTicks} failed ticks
`;
}
