/**
 * What an agent starts from: its journal where there is a sound one made by the same policy, else what the domains
 * themselves say (their marks, sizes and present pins). Unfinished requests in the journal are settled by the first tick.
 */
import type { CpuSet } from "../core/cpuset.js";
import type { ObservedVm } from "../core/pool/policy.js";
import { rebuildHost } from "../core/pool/restore.js";
import { recordOf } from "../core/reconcile/membership.js";
import { isPlaced, specOf, type VmRecord, vcpuRatiosOf } from "../core/reconcile/model.js";
import type { MiB } from "../core/units.js";
import { OperationalError } from "../ports/errors.js";
import type { DurableText } from "../ports/host.js";
import type { DomainDetail } from "../ports/hypervisor.js";
import { type AgentContext, isActive } from "./context.js";
import { decodeJournal, type Journalled } from "./journal.js";
import { type AgentState, emptyState } from "./state.js";

export interface Journals {
  readonly journal: DurableText;
  /** Where a journal that cannot be read is put aside, for a person to look at; null: nowhere. */
  readonly aside: DurableText | null;
}

/** Throws `OperationalError` where neither journal nor hypervisor can be read now. */
export async function recoverState(context: AgentContext, journals: Journals, capacityMiB: MiB): Promise<AgentState> {
  const journalled = await readJournal(context, journals, capacityMiB);
  if (journalled?.host) return { ...journalled, host: journalled.host };
  return rebuild(context, journalled, capacityMiB);
}

/** Null where there is no journal, or none that makes sense (which is kept aside and logged). */
async function readJournal(
  context: AgentContext,
  { journal, aside }: Journals,
  capacityMiB: MiB,
): Promise<Journalled | null> {
  let text: string | null = null;
  try {
    text = await journal.read();
    return text === null ? null : decodeJournal(text, context.policy, capacityMiB);
  } catch (error) {
    if (!(error instanceof OperationalError) || error.code !== "state-corrupt") throw error;
    context.log.error({ err: error }, "the journal makes no sense; the state is rebuilt from the hypervisor's domains");
    if (aside !== null && text !== null) await putAside(context, aside, text);
    return null;
  }
}

async function putAside({ log }: AgentContext, aside: DurableText, text: string): Promise<void> {
  try {
    await aside.write(text);
  } catch (error) {
    if (!(error instanceof OperationalError)) throw error;
    log.warn({ err: error }, "the journal that makes no sense could not be kept aside");
  }
}

/** A state whose pools keep the pins that guests have now, as far as they are legal. */
async function rebuild(context: AgentContext, journalled: Journalled | null, capacityMiB: MiB): Promise<AgentState> {
  const { hypervisor, policy, log } = context;
  const stats = await hypervisor.stats();
  const details = await Promise.all(stats.map((domain) => hypervisor.detail(domain.name)));
  const ours = details.filter((detail): detail is DomainDetail => detail !== null && isOurs(detail, journalled));
  const pins = await hypervisor.pins(ours.filter((detail) => isActive(detail.state)).map((detail) => detail.name));
  const records = new Map(ours.map((detail) => [detail.name, recordFor(context, detail, journalled)]));
  const running = ours.filter((detail) => isActive(detail.state) && pins.has(detail.name));
  // VMs that were sold here come before those that were merely found.
  const observed = running.map((detail) => observedVm(context, records.get(detail.name)!, pins.get(detail.name)!));
  observed.sort((a, b) => rank(records, a) - rank(records, b));
  const rebuilt = rebuildHost(policy, observed, capacityMiB);
  const placed = new Set(rebuilt.host.memory.members.map((vm) => vm.name));
  const vms = new Map<string, VmRecord>();
  for (const detail of ours) {
    const vm = { ...records.get(detail.name)!, state: stateOf(detail, placed) };
    vms.set(vm.name, vm);
    if (!journalled?.vms.has(vm.name)) tellFound(context, vm);
  }
  log.info({ vms: vms.size, unplaced: rebuilt.unplaced.length }, "rebuilt the state from the hypervisor's domains");
  return { ...(journalled ?? emptyState(rebuilt.host)), host: rebuilt.host, vms };
}

const rank = (records: ReadonlyMap<string, VmRecord>, observed: ObservedVm): number =>
  records.get(observed.vm.name)!.deployedHere ? 0 : 1;

function stateOf(detail: DomainDetail, placed: ReadonlySet<string>): VmRecord["state"] {
  if (!isActive(detail.state)) return "stopped";
  if (!placed.has(detail.name)) return "unplaced";
  return detail.state === "paused" ? "paused" : "running";
}

function tellFound({ events }: AgentContext, vm: VmRecord): void {
  if (isPlaced(vm)) events.emit("vm-adopted", vm.name, "found running, adopted");
  else if (vm.state === "unplaced") events.emit("vm-unplaced", vm.name, "it runs, but no pool can take it");
}

/** Running, marked, or known to the journal; not one whose deploy or resize is unfinished, which the first tick settles. */
function isOurs(detail: DomainDetail, journalled: Journalled | null): boolean {
  const task = journalled?.tasks.get(detail.name);
  if (task?.kind === "deploy" && task.uuid === detail.uuid) return false;
  if (journalled?.undone.includes(detail.uuid)) return false;
  return isActive(detail.state) || detail.metadata !== null || journalled?.vms.get(detail.name)?.uuid === detail.uuid;
}

function recordFor({ policy }: AgentContext, detail: DomainDetail, journalled: Journalled | null): VmRecord {
  const { name, uuid, vcpus, memoryMiB, metadata } = detail;
  const domain = { name, uuid, active: isActive(detail.state), paused: detail.state === "paused" };
  const found = recordOf(policy, domain, { uuid, vcpus, memoryMiB, mark: metadata });
  const known = journalled?.vms.get(name);
  if (known === undefined || known.uuid !== uuid) return found;
  const own = policy.settings.template === null ? (known.ratio ?? found.ratio) : null;
  return { ...known, ratio: own, vcpuRatios: vcpuRatiosOf(policy, known.vcpus, own) };
}

const observedVm = ({ policy }: AgentContext, vm: VmRecord, pins: readonly CpuSet[]): ObservedVm => ({
  vm: specOf(policy, vm),
  vcpuRatios: vm.vcpuRatios,
  pins,
});
