/**
 * What agents report to schedulers (ports/agent-client.ts), as schemas: the agent's answers, a registration's body and the
 * scheduler's client all read and write these.
 */
import { z } from "zod";
import type { PoolSummary } from "../../core/placement/model.js";
import type { HostCounts } from "../../core/placement/summary.js";
import { POLICY_NAMES } from "../../core/pool/policy.js";
import type { HostReport, HostStatus, ReportedVm } from "../../ports/agent-client.js";
import { hostView, vmStates } from "./answers.js";
import { named, type Wire } from "./names.js";

const count = z.int().min(0);
const text = z.string();
const ratio = z.number();

const poolSummary = z.object({
  ratio,
  pcpus: count,
  allocatedVcpus: count,
  vmCount: count,
  largestVmVcpus: count.nullable().meta({ description: "Most vCPUs that one VM has in the pool; null: not known" }),
  effectiveRatio: ratio.optional().meta({ description: "What the pool is counted with where that is not its ratio" }),
}) satisfies z.ZodType<Wire<PoolSummary>>;

const hostCounts = z.object({
  policy: z.enum(POLICY_NAMES),
  template: z.array(ratio).nullable(),
  criticalSize: count,
  totalPcpus: count,
  usablePcpus: count,
  freePcpus: count,
  memoryCapacityMiB: z.number(),
  memoryAllocatedMiB: z.number(),
  pools: z.array(poolSummary),
}) satisfies z.ZodType<Wire<HostCounts>>;

const MACHINE_RULE = "an identity of the machine, of 1 to 128 visible ASCII characters";
export const machineId = text.regex(/^[\x21-\x7e]{1,128}$/, MACHINE_RULE);
const LABEL_RULE = "labels of at most 63 characters each";
export const labels = z
  .record(text.min(1, LABEL_RULE).max(63, LABEL_RULE), text.max(63, LABEL_RULE), LABEL_RULE)
  .meta({ description: "Labels by name" });

export const hostStatus = named(
  "HostStatus",
  "A host as schedulers hear of it: its status, what placement counts with, and what tells it from another machine.",
  hostView.extend({
    machineId: machineId.meta({ description: "Stays with the machine, not with the name" }),
    bootId: text.nullable().meta({ description: "Made up anew by every boot of the machine; null: not known" }),
    instance: text.min(1).max(128).meta({ description: "Made up anew by every start of the agent" }),
    ready: z.boolean(),
    labels,
    counts: hostCounts,
    // `nullable` of a union is nothing that the serialiser knows.
    ratiosOffered: z
      .union([z.array(ratio), z.object({ least: ratio, most: ratio }), z.null()])
      .meta({ description: "Ratios that the host sells; null: any that its policy can take" }),
    migrationAddress: text.nullable().meta({
      description: "Where its hypervisor takes VMs from other hosts; null: it takes no part in live migration",
    }),
    images: z.array(text).nullable().meta({ description: "Images, or folders that hold them; null: not known" }),
  }) satisfies z.ZodType<Wire<HostStatus>>,
);

export const reportedVm = named(
  "ReportedVm",
  "A VM as its host reports it.",
  z.object({
    name: text,
    uuid: text,
    requestId: text.nullable().meta({ description: "Of the request that made it; null: found on the host" }),
    vcpus: count,
    memoryMiB: z.number(),
    ratio: ratio.nullable(),
    vcpuRatios: z.array(ratio),
    image: text.nullable(),
    state: z.enum(vmStates),
  }) satisfies z.ZodType<Wire<ReportedVm>>,
);

export const hostReport = named(
  "HostReport",
  "All that a scheduler needs to know of a host, as of one generation.",
  z.object({ status: hostStatus, vms: z.array(reportedVm) }) satisfies z.ZodType<Wire<HostReport>>,
);
