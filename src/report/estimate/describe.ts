/** A run in a few lines for a person. */
import type { Resource } from "../../core/estimator/resource.js";
import type { TraceConfig } from "../../trace/estimator-record.js";
import type { EstimateOptions } from "./options.js";
import type { WindowOutcome } from "./run.js";
import type { RunCost, RunTally } from "./write.js";

const UNITS = { cpu: "cores", memory: "MB" } as const;

const show = (value: number, resource: Resource): string => value.toFixed(resource === "cpu" ? 1 : 0);

function describeResource(last: WindowOutcome | null, resource: Resource): string {
  if (last === null) return `${resource}: no windows`;
  const { capacity, booked, estimate } = last[resource];
  const need = estimate.need === null ? "withheld, no samples" : show(estimate.need, resource);
  const free = show(estimate.free, resource);
  const sizes = `of ${show(capacity, resource)}, booked ${show(booked, resource)}`;
  return `${resource}: at the end ${need} ${UNITS[resource]} needed ${sizes}: ${free} free`;
}

export function describeRun(
  options: EstimateOptions,
  config: TraceConfig,
  vms: number,
  { windows, last }: RunTally,
  cost: RunCost,
): string {
  const form = options.faithful ? ", as the seed" : "";
  const lines = [
    `${options.strategy}${form} on ${config.nodeName}: ${windows} windows of ${config.sliceScope} s, ${vms} VMs`,
    describeResource(last, "cpu"),
    describeResource(last, "memory"),
    `${cost.cpuSeconds.toFixed(2)} CPU seconds, ${cost.peakRssMiB.toFixed(0)} MiB at most`,
  ];
  return `${lines.join("\n")}\n`;
}
