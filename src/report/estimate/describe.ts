/** A run in a few lines for a person. */
import type { Resource } from "../../core/estimator/resource.js";
import type { EstimateOptions } from "./options.js";
import type { EstimateRun, WindowOutcome } from "./run.js";
import type { RunCost } from "./write.js";

const UNITS = { cpu: "cores", memory: "MB" } as const;

const show = (value: number, resource: Resource): string => value.toFixed(resource === "cpu" ? 1 : 0);

function describeResource(windows: readonly WindowOutcome[], resource: Resource): string {
  const last = windows.at(-1);
  if (last === undefined) return `${resource}: no windows`;
  const { capacity, booked, estimate } = last[resource];
  const need = estimate.need === null ? "withheld, no samples" : show(estimate.need, resource);
  const free = show(estimate.free, resource);
  const sizes = `of ${show(capacity, resource)}, booked ${show(booked, resource)}`;
  return `${resource}: at the end ${need} ${UNITS[resource]} needed ${sizes}: ${free} free`;
}

export function describeRun(options: EstimateOptions, { config, windows, vms }: EstimateRun, cost: RunCost): string {
  const form = options.faithful ? ", as the seed" : "";
  const lines = [
    `${options.strategy}${form} on ${config.nodeName}: ${windows.length} windows of ${config.sliceScope} s, ${vms} VMs`,
    describeResource(windows, "cpu"),
    describeResource(windows, "memory"),
    `${cost.cpuSeconds.toFixed(2)} CPU seconds, ${cost.peakRssMiB.toFixed(0)} MiB at most`,
  ];
  return `${lines.join("\n")}\n`;
}
