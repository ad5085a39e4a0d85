/**
 * What `/v1` answers, as schemas: the OpenAPI document, the response serialisers and the client's types come from here.
 * The agent's views are sent as they are; the compiler checks (`Wire`) that schema and view agree.
 */
import { z } from "zod";
import type {
  AgentEvent,
  AgentStatus,
  Explanation,
  PoolDynamicsView,
  PoolView,
  VmState,
  VmUsage,
  VmView,
} from "../../agent/service.js";
import { MOVE_REASONS } from "../../core/dynamic/model.js";
import { POLICY_NAMES } from "../../core/pool/policy.js";
import { named, type Wire } from "./names.js";

const count = z.int().min(0);
const text = z.string();
const cpuSet = text.meta({ description: "CPU set in kernel notation: `0-3,8`" });
const optionalNumber = z.number().nullable();
const unixMs = z.number().meta({ description: "Milliseconds since the epoch" });
const ratio = z.number().meta({ description: "Allocation ratio: vCPUs per pCPU" });

export const vmStates = ["running", "paused", "stopped", "unplaced", "migrating"] as const satisfies readonly VmState[];

const vmUsage = z.object({
  cpuPcpus: optionalNumber.meta({ description: "pCPUs in use over the last tick; null before two samples" }),
  waitPcpus: optionalNumber.meta({ description: "Time its vCPUs wanted to run and waited, in pCPUs" }),
  memoryMiB: optionalNumber.meta({ description: "Memory in use; null without balloon statistics" }),
}) satisfies z.ZodType<Wire<VmUsage>>;

export const vmAnswer = named(
  "Vm",
  "A VM of the host, as the agent plans and sees it.",
  z.object({
    name: text,
    uuid: text,
    state: z.enum(vmStates).meta({
      description:
        "`unplaced`: it runs, but no pool could take it; it is left unpinned until there is room. `migrating`: it runs, and is on its way to another host",
    }),
    vcpus: count,
    memoryMiB: z.number(),
    ratio: ratio.nullable().meta({ description: "Null where the host's per-vCPU template decides" }),
    vcpuRatios: z.array(z.number()),
    pins: z.array(cpuSet).meta({ description: "Planned CPU set of each vCPU; empty unless running" }),
    image: text.nullable(),
    deployedHere: z.boolean().meta({ description: "False: found running, not deployed through this agent" }),
    usage: vmUsage,
  }) satisfies z.ZodType<Wire<VmView>>,
);

const poolDynamics = z.object({
  effectiveRatio: z.number().meta({ description: "vCPUs per pCPU that it is counted with now" }),
  activePcpus: count.meta({ description: "Its own pCPUs on which its vCPUs may run now" }),
  expectedPeakPcpus: optionalNumber.meta({
    description: "What it is expected to need at most in the next window, without margin; null: not known yet",
  }),
  leastRatio: z.number().meta({ description: "The least that it may be counted with" }),
  mostRatio: z.number().meta({ description: "The most that it may be counted with" }),
  lastMove: z
    .object({
      at: z.number().meta({ description: "Milliseconds since the epoch" }),
      from: z.number(),
      to: z.number(),
      reason: z.enum(MOVE_REASONS).meta({
        description:
          "Down: guests waited, they want more than the pool holds, they are expected to, or nothing allows more than was sold any longer. Up: calm",
      }),
    })
    .nullable()
    .meta({ description: "When the ratio that it asks for moved last; null: not since the agent began" }),
}) satisfies z.ZodType<Wire<PoolDynamicsView>>;

const poolShape = {
  ratio,
  pcpus: cpuSet,
  pcpuCount: count,
  allocatedVcpus: count,
  freeVcpus: z.number().meta({ description: "capacity less allocated, in vCPUs" }),
  vms: z.array(text),
  pinnedTo: cpuSet.meta({ description: "What its vCPUs are pinned to; more than `pcpus` while pools share" }),
  usagePcpus: optionalNumber,
  waitPcpus: optionalNumber,
  dynamics: poolDynamics.optional().meta({ description: "Where pools follow their usage, of those above ratio 1.0" }),
};
export const poolView = named(
  "Pool",
  "A CPU pool: pCPUs of the host whose VMs share one allocation ratio.",
  z.object(poolShape) satisfies z.ZodType<Wire<PoolView>>,
);
export const hostPool = named("HostPool", "A pool and the host that it is on.", z.object({ host: text, ...poolShape }));

const hostShape = {
  policy: z.enum(POLICY_NAMES),
  template: z
    .array(z.number())
    .nullable()
    .meta({ description: "Ratio of vCPU 0, 1 ...; null: each VM carries its ratio" }),
  hypervisor: z.object({ uri: text, connected: z.boolean(), accelerator: text }),
  generation: count.meta({ description: "Counts up with every change of pools or VMs" }),
  cordoned: z.boolean(),
  pcpus: z.object({ total: count, reserved: count, free: count, inPools: count }),
  memory: z.object({ capacityMiB: z.number(), allocatedMiB: z.number(), freeMiB: z.number() }),
  usage: z.object({ cpuPcpus: optionalNumber, memoryMiB: optionalNumber }),
  pools: z.array(poolView),
  vmCount: count,
  lastTick: z.object({ at: unixMs, durationMs: z.number(), actions: count }).nullable(),
  problems: z.array(text).meta({ description: "Actions that failed and will be tried again, in words" }),
};
export const hostView = z.object({ host: text, ...hostShape }) satisfies z.ZodType<Wire<AgentStatus>>;
export const hostAnswer = named(
  "Host",
  "A host: its pools, what is free, how its agent fares.",
  z.object({ id: text, ...hostView.omit({ host: true }).shape }),
);

/** `next` is the cursor of the page that follows; null on the last one. */
export const vmPage = named(
  "VmPage",
  "A page of VMs, by name.",
  z.object({ items: z.array(vmAnswer), next: text.nullable() }),
);
export const hostList = named("HostList", "Every host.", z.object({ items: z.array(hostAnswer) }));
export const poolList = named("PoolList", "Every pool.", z.object({ items: z.array(hostPool) }));

export const eventAnswer = named(
  "Event",
  "Something that happened on the host.",
  z.object({
    id: count,
    at: unixMs,
    kind: z.enum([
      "vm-deployed",
      "vm-removed",
      "vm-resized",
      "vm-refused",
      "vm-adopted",
      "vm-vanished",
      "vm-stopped",
      "vm-unplaced",
      "pin-repaired",
      "pools-changed",
      "hypervisor-lost",
      "hypervisor-back",
      "action-failed",
      "cordoned",
      "uncordoned",
    ]),
    vm: text.nullable(),
    message: text,
  }) satisfies z.ZodType<Wire<AgentEvent>>,
);

const verdictShape = {
  fits: z.boolean(),
  room: count.meta({ description: "How many such VMs the host takes, one after the other, as far as counts tell" }),
  reason: text.meta({ description: "The refusal's sentence, or what would be done" }),
  code: text.nullable().meta({ description: "The refusal's code; null when it fits" }),
  growth: z.object({ pcpus: z.number(), memoryMiB: z.number() }),
  progress: z
    .number()
    .meta({ description: "How far the VM moves memory per pCPU towards the host's own (spec of the seeds)" }),
  pools: z.array(poolView).nullable().meta({ description: "Pools as they would be; null when it does not fit" }),
};
const verdictView = z.object(verdictShape) satisfies z.ZodType<Wire<Explanation>>;
const verdict = named("Verdict", "What one host would answer.", z.object({ host: text, ...verdictView.shape }));
export const explanationAnswer = named(
  "PlacementExplanation",
  "Where a VM would go, and why not elsewhere.",
  z.object({
    chosen: text.nullable().meta({ description: "The host, or null when none fits" }),
    hosts: z.array(verdict),
  }),
);

export const topologyAnswer = named(
  "Topology",
  "What the host is made of, in topology order.",
  z.object({
    host: text,
    totalPcpus: count.meta({ description: "Every pCPU of the host, excluded ones too" }),
    pcpus: z.array(
      z.object({
        id: count,
        packageId: z.int(),
        cellId: z.int(),
        smtSiblings: cpuSet,
        caches: z.array(z.object({ index: count, level: count, domain: z.int() })),
        maxFrequencyKHz: optionalNumber,
      }),
    ),
    cells: z.array(
      z.object({
        id: z.int(),
        distances: z.record(text, z.number()).meta({ description: "By cell id; 10 is local (ACPI SLIT)" }),
        memoryMiB: optionalNumber,
      }),
    ),
    memory: z.object({ totalMiB: z.number(), allowedMiB: z.number() }),
  }),
);

export const cordonAnswer = named(
  "Cordon",
  "Whether the host takes new VMs.",
  z.object({ host: text, cordoned: z.boolean() }),
);
export const healthAnswer = named(
  "Health",
  "The process answers.",
  z.object({ status: z.literal("ok"), version: text }),
);
export const readyAnswer = named(
  "Ready",
  "The agent takes requests.",
  z.object({ status: z.literal("ready"), host: text }),
);

export const problemAnswer = named(
  "Problem",
  "RFC 9457 problem. `code` is stable; GET /problems/{code} explains it.",
  z.looseObject({
    type: text,
    title: text,
    status: z.int(),
    code: text,
    detail: text,
    retryable: z.boolean(),
    errors: z
      .array(
        z.object({
          in: z.enum(["path", "query", "header", "body"]),
          field: text,
          fault: z.enum(["missing", "unknown", "doubled", "not-allowed"]),
          message: text,
          allowed: text.nullable(),
        }),
      )
      .optional(),
    details: z.record(text, z.union([z.number(), z.string(), z.boolean(), z.null()])).optional(),
    hosts: z.array(z.object({ host: text, code: text, reason: text })).optional(),
  }),
);

export const errorEntryAnswer = named(
  "ErrorEntry",
  "What a problem's code means.",
  z.object({ code: text, status: z.int(), title: text, meaning: text, retryAfterSeconds: count.nullable() }),
);

export type VmAnswer = z.infer<typeof vmAnswer>;
export type VmPage = z.infer<typeof vmPage>;
export type HostAnswer = z.infer<typeof hostAnswer>;
export type HostList = z.infer<typeof hostList>;
export type PoolList = z.infer<typeof poolList>;
export type TopologyAnswer = z.infer<typeof topologyAnswer>;
export type ExplanationAnswer = z.infer<typeof explanationAnswer>;
export type CordonAnswer = z.infer<typeof cordonAnswer>;
export type ProblemAnswer = z.infer<typeof problemAnswer>;
