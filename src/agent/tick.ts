/**
 * One tick: settle what is unfinished, observe all domains in one call, plan membership and pins (core/reconcile), apply.
 * A tick that finds everything as planned makes no changing call and writes nothing. One that is interrupted leaves a state
 * from which the next finds the way.
 */
import type { CpuSet } from "../core/cpuset.js";
import { formatCpuSet } from "../core/cpuset.js";
import type { HostState } from "../core/pool/model.js";
import { domainsToLookUp, planMembership } from "../core/reconcile/membership.js";
import { isPlaced, type ObservedDetail, type ObservedDomain, type PinChange } from "../core/reconcile/model.js";
import { orderPinChanges } from "../core/reconcile/pin-order.js";
import { differingPins } from "../core/reconcile/pins.js";
import type { Milliseconds } from "../core/units.js";
import { OperationalError } from "../ports/errors.js";
import type { HostProbe, HostSample } from "../ports/host.js";
import type { DomainStats, HypervisorEvent } from "../ports/hypervisor.js";
import { eraseDomain } from "./ask.js";
import { PoolBalancer } from "./balance/pool-balancer.js";
import { type AgentContext, isActive, pinsOf } from "./context.js";
import { MissedReboots } from "./dynamic/missed-reboots.js";
import { PoolKeeper } from "./dynamic/pool-keeper.js";
import { reasonOf, tellPoolsChanged } from "./repin.js";
import { settleAll } from "./settle.js";
import { type AgentState, isMoving, withVms } from "./state.js";
import { measureUsage, type UsageState } from "./usage.js";

/** What ticks remember between each other; lost with the process, and found again by the next ones. */
export class TickMemory {
  usage: UsageState | null = null;
  /** Uuids of domains that do not run and are not ours: looked at once. */
  readonly ignored = new Set<string>();
  /** Uuids of running domains whose guests report their memory, or cannot. */
  readonly reporting = new Set<string>();
  lastRepack: Milliseconds | null = null;
  /** Uuids of domains whose guests rebooted in them since the last tick: their counters do not show it. */
  rebooted = new Set<string>();
  readonly missed = new MissedReboots();
  balancer: PoolBalancer | null = null;
  pools: PoolKeeper | null = null;
  /** Problems of the last tick: one that lasts is told once. */
  problems: readonly string[] = [];
  count = 0;

  /** Between two ticks. */
  heard(event: HypervisorEvent): void {
    if (event.kind === "started") this.reporting.delete(event.uuid);
    if (event.kind === "rebooted") this.rebooted.add(event.uuid);
    if (event.kind === "reconnected") this.missed.reconnected();
  }
}

export interface TickOutcome {
  readonly actions: number;
  readonly problems: readonly string[];
}

/** Throws `OperationalError` when the hypervisor cannot be observed; nothing was changed then. */
export async function runTick(
  context: AgentContext,
  memory: TickMemory,
  probe: HostProbe | null,
): Promise<TickOutcome> {
  const { store } = context;
  memory.count++;
  const problems: string[] = [];
  const unsettled = store.state.tasks.size;
  problems.push(...(await settleAll(context)));
  const [stats, sample] = await Promise.all([context.hypervisor.stats(), sampleHost(context, probe)]);
  observeUsage(context, memory, stats, sample);
  const before = store.state.host;
  const late = await eraseLatecomers(context, stats, problems);
  let actions = unsettled - store.state.tasks.size + late.size;
  actions += await updateMembership(
    context,
    memory,
    stats.filter((domain) => !late.has(domain.uuid)),
  );
  actions += repackPools(context, memory);
  memory.pools ??= await PoolKeeper.open(context);
  const rebooted = rebootedGuests(context, memory, stats);
  actions += memory.pools.keep(memory.usage, rebooted, sample?.cpuPressure ?? null);
  await store.flush();
  await memory.pools.save();
  actions += await updatePins(context, memory, before, problems);
  memory.balancer ??= new PoolBalancer(context);
  const balanced = await memory.balancer.round(stats, problems);
  context.counters.action("balance", balanced);
  actions += balanced;
  actions += await startReporting(context, memory, stats);
  const ballooned = await context.memory.keep(context, stats, sample, problems);
  context.counters.action("balloon", ballooned);
  actions += ballooned;
  if (store.problem !== null) problems.push(store.problem);
  tellNewProblems(context, memory, problems);
  return { actions, problems };
}

/** Since the last tick, by uuid. */
function rebootedGuests(
  { settings: { dynamic }, clock }: AgentContext,
  memory: TickMemory,
  stats: readonly DomainStats[],
): ReadonlySet<string> {
  const heard = memory.rebooted;
  memory.rebooted = new Set();
  if (dynamic !== null)
    for (const uuid of memory.missed.found(stats, clock.monotonic(), dynamic.bootTime)) heard.add(uuid);
  return heard;
}

/** The machine's own figures are a convenience: without them usage is the sum of the VMs. */
async function sampleHost({ log }: AgentContext, probe: HostProbe | null): Promise<HostSample | null> {
  if (probe === null) return null;
  try {
    return await probe.sample();
  } catch (error) {
    log.debug({ err: error }, "the host could not be sampled");
    return null;
  }
}

function observeUsage(
  context: AgentContext,
  memory: TickMemory,
  stats: readonly DomainStats[],
  sample: HostSample | null,
): void {
  memory.usage = measureUsage(memory.usage, stats, sample, context.clock.monotonic());
  const anew = new Set(memory.usage.restarted);
  for (const domain of stats) {
    if (isActive(domain.state) && !anew.has(domain.name)) continue;
    memory.reporting.delete(domain.uuid);
    if (anew.has(domain.name)) context.pinner.forget(domain.name);
  }
}

/** Domains of deploys that were undone before the hypervisor got round to defining them. */
async function eraseLatecomers(
  { store, hypervisor }: AgentContext,
  stats: readonly DomainStats[],
  problems: string[],
): Promise<ReadonlySet<string>> {
  const { undone } = store.state;
  const late = new Set<string>();
  if (undone.length === 0) return late;
  for (const domain of stats) {
    if (!undone.includes(domain.uuid)) continue;
    late.add(domain.uuid);
    try {
      await eraseDomain(hypervisor, domain.name, domain.uuid);
    } catch (error) {
      if (!(error instanceof OperationalError)) throw error;
      problems.push(`a failed deploy of ${domain.name} left a domain: ${error.message}`);
    }
  }
  return late;
}

async function updateMembership(
  context: AgentContext,
  memory: TickMemory,
  stats: readonly DomainStats[],
): Promise<number> {
  const { policy, store, counters, events } = context;
  const domains = stats.map(observedOf);
  const details = await lookUp(context, memory, domains);
  const { state } = store;
  const membership = planMembership({
    policy,
    host: state.host,
    vms: state.vms,
    domains,
    details,
    held: heldNames(state),
  });
  if (!membership.changed) return 0;
  store.set(withVms(state, membership.host, membership.vms));
  for (const { kind, vm, message } of membership.events) {
    events.emit(kind, vm, message);
    if (kind === "vm-adopted") counters.action("adopt");
    else if (kind === "vm-vanished") counters.action("vanish");
    else if (kind === "vm-stopped") counters.action("stop");
  }
  return membership.events.length;
}

async function lookUp(
  context: AgentContext,
  memory: TickMemory,
  domains: readonly ObservedDomain[],
): Promise<ReadonlyMap<string, ObservedDetail>> {
  const names = domainsToLookUp(context.store.state.vms, domains, memory.ignored);
  const found = await Promise.all(names.map((name) => context.hypervisor.detail(name)));
  const details = new Map<string, ObservedDetail>();
  for (const detail of found) {
    if (detail === null) continue;
    const { uuid, vcpus, memoryMiB, metadata } = detail;
    if (!isActive(detail.state) && metadata === null) memory.ignored.add(uuid);
    details.set(detail.name, { uuid, vcpus, memoryMiB, mark: metadata });
  }
  return details;
}

const observedOf = (domain: DomainStats): ObservedDomain => ({
  name: domain.name,
  uuid: domain.uuid,
  active: isActive(domain.state),
  paused: domain.state === "paused",
});

/** A removal holds nothing back: its VM may stop and vanish, which is what was asked for. */
const heldNames = (state: AgentState): ReadonlySet<string> =>
  new Set([...state.tasks.values()].filter((task) => task.kind !== "remove").map((task) => task.name));

/** Packs the pools now and then; never while something is unsettled, so that a plan and its undoing stay comparable. */
function repackPools(context: AgentContext, memory: TickMemory): number {
  const { policy, store, settings, clock, counters } = context;
  if (policy.repack === undefined || settings.repackInterval === 0 || store.state.tasks.size > 0) return 0;
  const now = clock.monotonic();
  memory.lastRepack ??= now;
  if (now - memory.lastRepack < settings.repackInterval) return 0;
  memory.lastRepack = now;
  const { host } = policy.repack(store.state.host, settings.mostRepacked);
  if (host === store.state.host) return 0;
  store.set(withVms(store.state, host, store.state.vms));
  counters.action("repack");
  return 1;
}

async function updatePins(
  context: AgentContext,
  memory: TickMemory,
  before: HostState,
  problems: string[],
): Promise<number> {
  const { policy, store, hypervisor, pinner, counters, settings } = context;
  const planned = pinsOf(policy, store.state.host);
  const names = namesToCheck(context, memory, planned);
  const observed = names.length === 0 ? new Map<string, readonly CpuSet[]>() : await hypervisor.pins(names);
  const changes = differingPins(planned, observed, settings.balanceInterval > 0);
  const byOthers = changes.filter((change) => pinner.wasInPlace(change.vm, planned.get(change.vm)!));
  const failures = changes.length === 0 ? [] : await pinner.apply(orderPinChanges(changes));
  pinner.settle(planned, failures);
  tellPoolsChanged(context, before);
  const failed = new Set(failures.map((failure) => failure.change.vm));
  tellRepairs(
    context,
    byOthers.filter((change) => !failed.has(change.vm)),
  );
  for (const { change, error } of failures) {
    problems.push(
      `vCPU ${change.vcpu} of ${change.vm} is not pinned to ${formatCpuSet(change.to)}: ${reasonOf(error)}`,
    );
  }
  counters.action("pin", changes.length - failures.length);
  return changes.length - failures.length;
}

/** VMs whose pins are read in this tick: those not known to be in place, and the others in turn. */
function namesToCheck(
  context: AgentContext,
  memory: TickMemory,
  planned: ReadonlyMap<string, readonly CpuSet[]>,
): string[] {
  const { settings, pinner, store } = context;
  const turns = planned.size > settings.mostPinsEachTick ? 2 : 1;
  const names: string[] = [];
  let position = 0;
  for (const [name, sets] of planned) {
    const vm = store.state.vms.get(name);
    if (vm === undefined || !isPlaced(vm) || isMoving(store.state, name)) continue;
    if (position++ % turns === memory.count % turns || !pinner.wasInPlace(name, sets)) names.push(name);
  }
  return names;
}

function tellRepairs({ events, counters }: AgentContext, repaired: readonly PinChange[]): void {
  const byVm = new Map<string, PinChange[]>();
  for (const change of repaired) byVm.set(change.vm, [...(byVm.get(change.vm) ?? []), change]);
  for (const [vm, changes] of byVm) {
    const [first] = changes;
    const more = changes.length > 1 ? ` (and ${changes.length - 1} more of its vCPUs)` : "";
    const was = `vCPU ${first!.vcpu} was on ${formatCpuSet(first!.from)}`;
    events.emit("pin-repaired", vm, `${was}${more}, it is back on ${formatCpuSet(first!.to)}`);
    counters.repairedPins += changes.length;
  }
}

/** Guests report their memory from now on; one whose hypervisor or balloon cannot is not asked again while it runs. */
async function startReporting(
  context: AgentContext,
  memory: TickMemory,
  stats: readonly DomainStats[],
): Promise<number> {
  const { hypervisor, settings, store, log, counters } = context;
  const silent = stats.filter(
    (domain) =>
      isActive(domain.state) &&
      !isMoving(store.state, domain.name) &&
      !memory.reporting.has(domain.uuid) &&
      store.state.vms.get(domain.name)?.uuid === domain.uuid,
  );
  if (silent.length === 0) return 0;
  await Promise.all(
    silent.map(async (domain) => {
      try {
        await hypervisor.setMemoryStatsPeriod(domain.name, settings.memoryStatsPeriod);
      } catch (error) {
        log.debug({ err: error, vm: domain.name }, "the guest's memory statistics could not be switched on");
        if (error instanceof OperationalError && error.retryable) return;
      }
      memory.reporting.add(domain.uuid);
    }),
  );
  counters.action("memory-statistics", silent.length);
  return 0;
}

function tellNewProblems({ events }: AgentContext, memory: TickMemory, problems: readonly string[]): void {
  const known = new Set(memory.problems);
  for (const problem of problems) if (!known.has(problem)) events.emit("action-failed", null, problem);
  memory.problems = problems;
}
