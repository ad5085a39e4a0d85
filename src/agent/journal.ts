/**
 * The agent's journal: its state as one JSON text, version 1, checked field by field when it is read. Made for the agent
 * itself and for a person who looks for a lost VM; the hypervisor's domains stay the truth about what exists.
 *
 * A journal of another policy (name, template, topology, pCPUs kept for the host, memory) still tells which VMs there are,
 * what was unfinished and whether the host is cordoned; only its pools are of no use then.
 */
import { z } from "zod";
import type { HostState } from "../core/pool/model.js";
import type { PoolPolicy } from "../core/pool/policy.js";
import { restoreHost, saveHost } from "../core/pool/restore.js";
import { isPlaced, type VmRecord, type VmRecords } from "../core/reconcile/model.js";
import { REFUSAL_CODES } from "../core/result.js";
import { type MiB, mib, milliseconds, pcpus, type Ratio, ratio } from "../core/units.js";
import { OperationalError } from "../ports/errors.js";
import { REQUEST_KINDS } from "./counters.js";
import type { VmUsage, VmView } from "./service.js";
import type { AgentState, Answer, Task } from "./state.js";

const VERSION = 1;

const memory = z
  .number()
  .nonnegative()
  .transform((value): MiB => mib(value));
const ratioOf = z
  .number()
  .min(1)
  .transform((value): Ratio => ratio(value));
const name = z.string().min(1);
const count = z.number().int().nonnegative();

const vmRecord = z.strictObject({
  name,
  uuid: z.string().min(1),
  vcpus: count,
  memoryMiB: memory,
  ratio: ratioOf.nullable(),
  vcpuRatios: z.array(ratioOf),
  state: z.enum(["running", "paused", "stopped", "unplaced"]),
  image: z.string().nullable(),
  overlay: z.string().nullable(),
  requestId: z.string().nullable(),
  deployedHere: z.boolean(),
}) satisfies z.ZodType<VmRecord>;

const moment = z.number().transform((value) => milliseconds(value));

const task = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("deploy"), name, uuid: name, overlayBase: z.string().nullable() }),
  z.strictObject({
    kind: z.literal("remove"),
    name,
    uuid: name,
    overlay: z.string().nullable(),
    answered: z.boolean(),
  }),
  z.strictObject({ kind: z.literal("resize"), name, uuid: name, from: vmRecord, to: vmRecord, restarts: z.boolean() }),
  z.strictObject({ kind: z.literal("send"), name, uuid: name, requestId: name, address: name }),
  z.strictObject({ kind: z.literal("receive"), name, uuid: name, requestId: name, at: moment }),
]) satisfies z.ZodType<Task>;

const usage = z.strictObject({
  cpuPcpus: z.number().transform(pcpus).nullable(),
  waitPcpus: z.number().transform(pcpus).nullable(),
  memoryMiB: memory.nullable(),
}) satisfies z.ZodType<VmUsage>;

const vmView = z.strictObject({
  name,
  uuid: name,
  state: z.enum(["running", "paused", "stopped", "unplaced", "migrating"]),
  vcpus: count,
  memoryMiB: memory,
  ratio: ratioOf.nullable(),
  vcpuRatios: z.array(ratioOf),
  pins: z.array(z.string()),
  image: z.string().nullable(),
  deployedHere: z.boolean(),
  usage,
}) satisfies z.ZodType<VmView>;

const refusal = z
  .strictObject({
    code: z.enum(REFUSAL_CODES),
    reason: z.string(),
    details: z.record(z.string(), z.union([z.number(), z.string(), z.boolean(), z.null()])).optional(),
  })
  .transform(({ code, reason, details }) => (details === undefined ? { code, reason } : { code, reason, details }));

const answer = z.strictObject({
  /** Journals of before 0.2 remember deploys only. */
  kind: z.enum(REQUEST_KINDS).default("deploy"),
  requestId: z.string(),
  result: z.discriminatedUnion("ok", [
    z.strictObject({ ok: z.literal(true), value: vmView }),
    z.strictObject({ ok: z.literal(false), refusal }),
  ]),
}) satisfies z.ZodType<Answer>;

const journal = z.strictObject({
  version: z.literal(VERSION),
  /** What the pools were made by; they are of use only to the same. */
  madeBy: z.string(),
  generation: count,
  cordoned: z.boolean(),
  /** Checked by `restoreHost`. */
  host: z.unknown(),
  vms: z.array(vmRecord),
  tasks: z.array(task),
  answers: z.array(answer),
  undone: z.array(z.string()),
  epoch: count.default(0),
  revoked: z.array(z.strictObject({ requestId: z.string(), at: moment })).default([]),
});

/** What a journal said; `host` is null where its pools were made by another policy. */
export type Journalled = Omit<AgentState, "host"> & { readonly host: HostState | null };

/**
 * Writes every state of one agent. A state shares nearly everything with the one before, and its parts never change: each is
 * put into text once (a few hundred remembered answers were most of the work of a busy agent).
 */
export function journalEncoder(policy: PoolPolicy, capacityMiB: MiB): (state: AgentState) => string {
  const texts = new WeakMap<object, string>();
  const once = <T extends object>(part: T, written: (part: T) => unknown = (one) => one): string => {
    const known = texts.get(part);
    if (known !== undefined) return known;
    const text = JSON.stringify(written(part));
    texts.set(part, text);
    return text;
  };
  const list = (parts: object, items: Iterable<object>): string => {
    const known = texts.get(parts);
    if (known !== undefined) return known;
    const text = `[${Array.from(items, (item) => once(item)).join(",")}]`;
    texts.set(parts, text);
    return text;
  };
  const madeBy = JSON.stringify(signatureOf(policy, capacityMiB));
  return (state) => {
    const fields = {
      version: String(VERSION),
      madeBy,
      generation: String(state.generation),
      cordoned: String(state.cordoned),
      host: once(state.host, saveHost),
      vms: list(state.vms, state.vms.values()),
      tasks: list(state.tasks, state.tasks.values()),
      answers: list(state.answers, state.answers),
      undone: once(state.undone),
      epoch: String(state.epoch),
      revoked: list(state.revoked, state.revoked),
    } satisfies Record<keyof z.input<typeof journal>, string>;
    return `{${Object.entries(fields)
      .map(([name, text]) => `"${name}":${text}`)
      .join(",")}}`;
  };
}

/** Reads a journal. Throws `state-corrupt` naming the field that is wrong. */
export function decodeJournal(text: string, policy: PoolPolicy, capacityMiB: MiB): Journalled {
  const parsed = journal.safeParse(jsonOf(text));
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const where =
      issue === undefined || issue.path.length === 0 ? "the journal" : `the journal's ${issue.path.join(".")}`;
    throw new OperationalError("state-corrupt", `${where} is wrong: ${issue?.message ?? "unreadable"}`, false);
  }
  const { madeBy, vms, tasks, host, generation, cordoned, answers, undone, epoch, revoked } = parsed.data;
  const records = new Map(vms.map((vm) => [vm.name, vm]));
  return {
    generation,
    cordoned,
    answers,
    undone,
    epoch,
    revoked,
    vms: records,
    tasks: new Map(tasks.map((one) => [one.name, one])),
    host: madeBy === signatureOf(policy, capacityMiB) ? poolsOf(policy, host, records) : null,
  };
}

function poolsOf(policy: PoolPolicy, saved: unknown, vms: VmRecords): HostState {
  const restored = restoreHost(policy, saved);
  const problem = restored.ok ? disagreement(restored.value, vms) : restored.problem;
  if (restored.ok && problem === null) return restored.value;
  throw new OperationalError("state-corrupt", `the journal's pools make no sense: ${problem}`, false);
}

/** Why the pools and the list of VMs cannot both be right; null: they agree. */
function disagreement(host: HostState, vms: VmRecords): string | null {
  const held = new Set(host.memory.members.map((vm) => vm.name));
  for (const vm of vms.values()) {
    if (isPlaced(vm) !== held.has(vm.name)) return `VM ${vm.name} is ${vm.state}, which they do not show`;
    held.delete(vm.name);
  }
  const [unknown] = held;
  return unknown === undefined ? null : `they hold a VM ${unknown} that is not in the list`;
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new OperationalError("state-corrupt", "the journal is not JSON", false, { cause: error });
  }
}

/** Everything about a policy on which its pools depend. */
function signatureOf(policy: PoolPolicy, capacityMiB: MiB): string {
  const { topology, template, criticalSize, hostPcpus } = policy.settings;
  return JSON.stringify({
    policy: policy.name,
    template,
    criticalSize,
    hostPcpus,
    pcpus: topology.ids,
    memoryMiB: capacityMiB,
  });
}
