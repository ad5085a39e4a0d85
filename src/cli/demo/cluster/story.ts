/** The words of the cluster's demonstration: where to look, its plain lines where there is no terminal, its summary. */

import { plural } from "../../../core/plural.js";
import { formatMemory } from "../../numbers.js";
import { refusalsText } from "../../play/player.js";
import type { Paint } from "../../terminal.js";
import { formatClock } from "../view.js";
import type { LiveMachine } from "./machines.js";
import { MACHINES } from "./machines.js";
import { type ClusterLine, type ClusterView, sumsOf, totalsLine } from "./view.js";

export function introduction(url: string, machines: readonly LiveMachine[], seconds: number, paint: Paint): string {
  const hosts = MACHINES.map(({ name, about }) => {
    const agent = machines.find((machine) => machine.name === name);
    return `  ${name.padEnd(8)}${(agent?.url ?? "").padEnd(24)}${about}`;
  });
  return `${paint("bold", "Headroom demo")}: a real scheduler and ${plural(machines.length, "real agent")} on simulated hosts;
an hour of arrivals and departures in ${seconds} seconds. On the way one host's agent dies, and comes back.
No VM runs here: the hypervisors are fakes in this process, the rest is what runs for real.

${hosts.join("\n")}

Open ${url}/ in a browser, or look at it while it runs:
  bin/headroom cluster status --url ${url}
  bin/headroom host list --url ${url}
  bin/headroom explain --vcpus 4 --memory 8GiB --ratio 2 --url ${url}
  bin/headroom vm create mine --vcpus 4 --memory 8GiB --ratio 2 --url ${url}
  bin/headroom host drain arm-1 --url ${url}
  curl -s ${url}/metrics            figures for Prometheus
  curl -s ${url}/openapi.json       the interface; for people: docs/scheduler-api.md
  curl -sN ${url}/v1/events         what happens, as it happens

`;
}

/** One line for a log, within 80 columns: `12:30  106 VMs on 201 of 496 pCPUs  0 refused  down: xeon-1`. */
export function plainLine(view: ClusterView): string {
  const { vms, pcpus, pcpusInPools } = sumsOf(view.hosts);
  const silent = view.hosts.filter(({ state }) => state !== "up").map(({ id, state }) => `  ${state}: ${id}`);
  const { deployed, removed } = view.tally;
  const counts = `${deployed} in, ${removed} out, ${refusalsText(view.tally)}`;
  return `${formatClock(view.atSeconds)}  ${String(vms).padStart(3)} VMs on ${pcpusInPools} of ${pcpus} pCPUs  ${counts}${silent.join("")}\n`;
}

export const plainEvent = (line: ClusterLine): string => `${formatClock(line.atSeconds)}  ${line.text}\n`;

/** What became of the host that failed. */
export interface Failure {
  readonly host: string;
  /** VMs on it when its agent died. */
  readonly vmsBefore: number;
  /** VMs accounted for there while it was down; null: it was not down yet when the play ended. */
  readonly vmsWhileDown: number | null;
  /** VMs that went to other hosts in the meantime. */
  readonly elsewhere: number;
  /** Wall time from the end of its agent to each state that was seen. */
  readonly suspectSeconds: number | null;
  readonly downSeconds: number | null;
  /** From the start of its new agent to `up`. */
  readonly backSeconds: number | null;
}

function failureText(failure: Failure): string {
  const { host, vmsBefore, vmsWhileDown, elsewhere, suspectSeconds, downSeconds, backSeconds } = failure;
  const after = (seconds: number | null): string => (seconds === null ? "not seen" : `after ${seconds.toFixed(1)} s`);
  const kept = vmsWhileDown === null ? "" : `; ${vmsWhileDown} VMs accounted for then`;
  return `${host} with ${plural(vmsBefore, "VM")} fell silent: suspect ${after(suspectSeconds)}, down ${after(downSeconds)}${kept};
          ${elsewhere} VMs went to other hosts; up again ${after(backSeconds)} of its agent's start`;
}

export function summary(view: ClusterView, failure: Failure | null, paint: Paint): string {
  const { vms, vcpus, pcpusInPools, pcpus, memoryAllocatedMiB, memoryMiB } = sumsOf(view.hosts);
  return `${paint("bold", `Played ${formatClock(view.atSeconds)} minutes of a cluster's life.`)}
  VMs     ${totalsLine(view)}
          ${vms} still run: ${vcpus} vCPUs on ${pcpusInPools} of ${pcpus} pCPUs, ${formatMemory(memoryAllocatedMiB)} of ${formatMemory(memoryMiB)}
${failure === null ? "" : `  failure ${failureText(failure)}\n`}`;
}
