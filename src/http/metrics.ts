/**
 * `/metrics` for Prometheus: the host, its pools and VMs, the agent's loop, and the HTTP server itself. Read from the
 * agent's views at scrape time, so that a metric and the API never disagree. Base units (bytes, seconds) as Prometheus
 * wants them; pCPUs are their own unit. Unknown values have no series, rather than a zero that means something else.
 */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { AgentMetrics } from "../agent/counters.js";
import type { AgentService, AgentStatus, PoolView, VmView } from "../agent/service.js";

const BYTES_PER_MIB = 1_048_576;
const MS_PER_SECOND = 1000;
/** A status takes microseconds, a deploy of a real guest seconds. */
const DURATION_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

type HostValue = readonly [name: string, help: string, value: (status: AgentStatus) => number | null];
type Maybe = number | null;
const bytes = (memoryMiB: Maybe): Maybe => (memoryMiB === null ? null : memoryMiB * BYTES_PER_MIB);

const HOST_GAUGES: readonly HostValue[] = [
  ["host_pcpus", "pCPUs of the host", (s) => s.pcpus.total],
  ["host_reserved_pcpus", "pCPUs kept for the host itself", (s) => s.pcpus.reserved],
  ["host_free_pcpus", "pCPUs that no pool holds and that pools may take", (s) => s.pcpus.free],
  ["host_pool_pcpus", "pCPUs held by pools", (s) => s.pcpus.inPools],
  ["host_memory_capacity_bytes", "Memory that VMs may be promised in all", (s) => bytes(s.memory.capacityMiB)],
  ["host_memory_allocated_bytes", "Memory promised to VMs", (s) => bytes(s.memory.allocatedMiB)],
  ["host_memory_free_bytes", "Memory not promised yet", (s) => bytes(s.memory.freeMiB)],
  ["host_cpu_usage_pcpus", "pCPUs in use over the last tick", (s) => s.usage.cpuPcpus],
  ["host_memory_usage_bytes", "Memory in use", (s) => bytes(s.usage.memoryMiB)],
  ["host_cordoned", "1 while the host takes no new VMs", (s) => Number(s.cordoned)],
  ["host_vms", "VMs on the host", (s) => s.vmCount],
  ["hypervisor_connected", "1 while the hypervisor is reachable", (s) => Number(s.hypervisor.connected)],
  ["agent_generation", "Version of the host's state; counts up with every change", (s) => s.generation],
  ["agent_pending_problems", "Actions that failed and will be tried again", (s) => s.problems.length],
  ["agent_last_tick_timestamp_seconds", "When the last tick began", (s) => s.lastTick && s.lastTick.at / MS_PER_SECOND],
  [
    "agent_last_tick_duration_seconds",
    "How long the last tick took",
    (s) => s.lastTick && s.lastTick.durationMs / MS_PER_SECOND,
  ],
  ["agent_last_tick_actions", "What the last tick had to do; 0 in a steady state", (s) => s.lastTick?.actions ?? null],
];

type ServerValue = readonly [name: string, help: string, value: (server: ServerGauges, agent: AgentService) => number];
const SERVER_GAUGES: readonly ServerValue[] = [
  ["up", "1 while the agent is ready for requests", (_, agent) => Number(agent.ready())],
  ["http_requests_in_flight", "Requests under way", (server) => server.requestsInFlight()],
  ["http_event_readers", "Open event streams", (server) => server.eventReaders()],
];

type PoolValue = readonly [name: string, help: string, value: (pool: PoolView) => Maybe];
const POOL_GAUGES: readonly PoolValue[] = [
  ["pool_pcpus", "pCPUs of the pool", (p) => p.pcpuCount],
  ["pool_allocated_vcpus", "vCPUs in the pool", (p) => p.allocatedVcpus],
  ["pool_free_vcpus", "vCPUs that fit in without growing", (p) => p.freeVcpus],
  ["pool_vms", "VMs with a vCPU in the pool", (p) => p.vms.length],
  ["pool_cpu_usage_pcpus", "pCPUs in use over the last tick", (p) => p.usagePcpus],
  ["pool_cpu_wait_pcpus", "Time its vCPUs wanted to run and waited, per second", (p) => p.waitPcpus],
];

type VmValue = readonly [name: string, help: string, value: (vm: VmView) => Maybe];
const VM_GAUGES: readonly VmValue[] = [
  ["vm_vcpus", "vCPUs of the VM", (v) => v.vcpus],
  ["vm_memory_bytes", "Memory promised to the VM", (v) => bytes(v.memoryMiB)],
  ["vm_cpu_usage_pcpus", "pCPUs in use over the last tick", (v) => v.usage.cpuPcpus],
  ["vm_cpu_wait_pcpus", "Time its vCPUs wanted to run and waited, per second", (v) => v.usage.waitPcpus],
  ["vm_memory_usage_bytes", "Memory that the guest uses", (v) => bytes(v.usage.memoryMiB)],
];

type Series = readonly (readonly [labels: Record<string, string>, value: number])[];
type Total = readonly [name: string, help: string, labels: readonly string[], series: (totals: AgentMetrics) => Series];
const single = (value: number): Series => [[{}, value]];

const TOTALS: readonly Total[] = [
  ["agent_ticks_total", "Ticks", [], (t) => single(t.ticks)],
  ["agent_failed_ticks_total", "Ticks that could not be carried out", [], (t) => single(t.failedTicks)],
  ["agent_tick_seconds_total", "Time spent in ticks", [], (t) => single(t.tickDuration / MS_PER_SECOND)],
  ["agent_pin_calls_total", "Pin calls to the hypervisor", [], (t) => single(t.pinCalls)],
  ["agent_failed_pin_calls_total", "Pin calls that failed", [], (t) => single(t.failedPinCalls)],
  ["agent_repaired_pins_total", "Pins found changed by others and put back", [], (t) => single(t.repairedPins)],
  ["agent_journal_writes_total", "Writes of the journal", [], (t) => single(t.journalWrites)],
  [
    "agent_actions_total",
    "Actions carried out, by kind",
    ["kind"],
    (t) => Object.entries(t.actions).map(([kind, count]) => [{ kind }, count]),
  ],
  [
    "agent_requests_total",
    "Requests decided, by kind and outcome",
    ["kind", "outcome"],
    (t) =>
      Object.entries(t.requests).flatMap(([kind, outcomes]) =>
        Object.entries(outcomes).map(([outcome, count]) => [{ kind, outcome }, count] as const),
      ),
  ],
];

/** What the server reports of itself at scrape time. */
export interface ServerGauges {
  readonly requestsInFlight: () => number;
  readonly eventReaders: () => number;
}

export class HttpMetrics {
  private readonly registry = new Registry();
  private readonly durations: Histogram<"method" | "route" | "status">;
  private readonly problems: Counter<"code">;
  private readonly vmInfo: Gauge<"vm" | "uuid" | "state" | "ratio">;
  private readonly counters = new Map<string, Counter>();
  private readonly plain = new Map<string, Gauge>();

  constructor(
    private readonly agent: AgentService,
    version: string,
    private readonly server: ServerGauges,
    private readonly totals: (() => AgentMetrics) | null,
  ) {
    const registers = [this.registry];
    this.durations = new Histogram({
      name: "headroom_http_request_duration_seconds",
      help: "Time from the request's headers to the end of the answer",
      labelNames: ["method", "route", "status"],
      buckets: DURATION_BUCKETS,
      registers,
    });
    this.problems = new Counter({
      name: "headroom_http_problems_total",
      help: "Answers with a problem, by its code",
      labelNames: ["code"],
      registers,
    });
    const events = new Counter({
      name: "headroom_agent_events_total",
      help: "Events of the host, by kind",
      labelNames: ["kind"],
      registers,
    });
    agent.subscribe((event) => events.inc({ kind: event.kind }));
    new Gauge({ name: "headroom_build_info", help: "Always 1", labelNames: ["version"], registers }).set(
      { version },
      1,
    );
    this.vmInfo = new Gauge({
      name: "headroom_vm_info",
      help: "Always 1; state and ratio of a VM as labels",
      labelNames: ["vm", "uuid", "state", "ratio"],
      registers,
    });
    for (const [name, help, labelNames] of totals === null ? [] : TOTALS)
      this.counters.set(name, new Counter({ name: `headroom_${name}`, help, labelNames: [...labelNames], registers }));
    for (const [name, help] of SERVER_GAUGES) this.add(name, help, []);
    for (const [name, help] of HOST_GAUGES) this.add(name, help, []);
    for (const [name, help] of POOL_GAUGES) this.add(name, help, ["ratio"]);
    for (const [name, help] of VM_GAUGES) this.add(name, help, ["vm"]);
  }

  /** The process's own metrics; once per process, by the server that listens. */
  addProcessMetrics(): void {
    collectDefaultMetrics({ register: this.registry });
  }

  observe(method: string, route: string, status: number, durationMs: number): void {
    this.durations.observe({ method, route, status }, durationMs / MS_PER_SECOND);
  }

  countProblem(code: string): void {
    this.problems.inc({ code });
  }

  readonly contentType = Registry.PROMETHEUS_CONTENT_TYPE;

  /** The exposition text, read from one status of the agent. */
  text(): Promise<string> {
    for (const [name, , value] of SERVER_GAUGES) this.set(name, {}, value(this.server, this.agent));
    this.readHost(this.agent.status());
    this.readVms(this.agent.vms());
    if (this.totals !== null) this.readTotals(this.totals());
    return this.registry.metrics();
  }

  private readTotals(totals: AgentMetrics): void {
    for (const [name, , , series] of TOTALS) {
      const counter = this.counters.get(name);
      counter?.reset();
      for (const [labels, value] of series(totals)) counter?.inc(labels, value);
    }
  }

  private readHost(status: AgentStatus): void {
    for (const [name, , value] of HOST_GAUGES) this.set(name, {}, value(status));
    for (const [name, , value] of POOL_GAUGES) {
      this.plain.get(name)?.reset();
      for (const pool of status.pools) this.set(name, { ratio: String(pool.ratio) }, value(pool));
    }
  }

  private readVms(vms: readonly VmView[]): void {
    this.vmInfo.reset();
    for (const { name, uuid, state, ratio } of vms)
      this.vmInfo.set({ vm: name, uuid, state, ratio: ratio === null ? "template" : String(ratio) }, 1);
    for (const [name, , value] of VM_GAUGES) {
      this.plain.get(name)?.reset();
      for (const vm of vms) this.set(name, { vm: vm.name }, value(vm));
    }
  }

  private add(name: string, help: string, labelNames: string[]): void {
    this.plain.set(name, new Gauge({ name: `headroom_${name}`, help, labelNames, registers: [this.registry] }));
  }

  private set(name: string, labels: Record<string, string>, value: Maybe): void {
    if (value === null) this.plain.get(name)?.remove(labels);
    else this.plain.get(name)?.set(labels, value);
  }
}
