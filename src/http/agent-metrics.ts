/** The agent's part of `/metrics`: the host, its pools and VMs, and the agent's loop, from one status at scrape time. */
import { Counter, Gauge } from "prom-client";
import type { AgentMetrics } from "../agent/counters.js";
import type { AgentService, AgentStatus, PoolView, VmView } from "../agent/service.js";
import { bytes, type Maybe, MS_PER_SECOND, type ServerGauges, ServerMetrics } from "./server-metrics.js";

type HostValue = readonly [name: string, help: string, value: (status: AgentStatus) => number | null];

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

type PoolValue = readonly [name: string, help: string, value: (pool: PoolView) => Maybe];
const POOL_GAUGES: readonly PoolValue[] = [
  ["pool_pcpus", "pCPUs of the pool", (p) => p.pcpuCount],
  ["pool_allocated_vcpus", "vCPUs in the pool", (p) => p.allocatedVcpus],
  ["pool_free_vcpus", "vCPUs that fit in without growing", (p) => p.freeVcpus],
  ["pool_vms", "VMs with a vCPU in the pool", (p) => p.vms.length],
  ["pool_cpu_usage_pcpus", "pCPUs in use over the last tick", (p) => p.usagePcpus],
  ["pool_cpu_wait_pcpus", "Time its vCPUs wanted to run and waited, per second", (p) => p.waitPcpus],
  [
    "pool_effective_ratio",
    "vCPUs per pCPU that a pool which follows its usage is counted with",
    (p) => p.dynamics?.effectiveRatio ?? null,
  ],
  [
    "pool_active_pcpus",
    "pCPUs of its own on which an elastic pool's vCPUs may run",
    (p) => p.dynamics?.activePcpus ?? null,
  ],
  [
    "pool_expected_peak_pcpus",
    "What the pool is expected to need at most in the next window",
    (p) => p.dynamics?.expectedPeakPcpus ?? null,
  ],
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

export class AgentHttpMetrics extends ServerMetrics {
  private readonly vmInfo: Gauge<"vm" | "uuid" | "state" | "ratio">;
  private readonly counters = new Map<string, Counter>();

  constructor(
    private readonly agent: AgentService,
    version: string,
    server: ServerGauges,
    private readonly totals: (() => AgentMetrics) | null,
  ) {
    super(agent, "agent", version, server);
    const registers = [this.registry];
    this.vmInfo = new Gauge({
      name: "headroom_vm_info",
      help: "Always 1; state and ratio of a VM as labels",
      labelNames: ["vm", "uuid", "state", "ratio"],
      registers,
    });
    for (const [name, help, labelNames] of totals === null ? [] : TOTALS)
      this.counters.set(name, new Counter({ name: `headroom_${name}`, help, labelNames: [...labelNames], registers }));
    for (const [name, help] of HOST_GAUGES) this.add(name, help, []);
    for (const [name, help] of POOL_GAUGES) this.add(name, help, ["ratio"]);
    for (const [name, help] of VM_GAUGES) this.add(name, help, ["vm"]);
  }

  protected override read(): void {
    this.readHost(this.agent.status());
    this.readVms(this.agent.vms());
    if (this.totals !== null) this.readTotals(this.totals());
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
      this.clear(name);
      for (const pool of status.pools) this.set(name, { ratio: String(pool.ratio) }, value(pool));
    }
  }

  private readVms(vms: readonly VmView[]): void {
    this.vmInfo.reset();
    for (const { name, uuid, state, ratio } of vms)
      this.vmInfo.set({ vm: name, uuid, state, ratio: ratio === null ? "template" : String(ratio) }, 1);
    for (const [name, , value] of VM_GAUGES) {
      this.clear(name);
      for (const vm of vms) this.set(name, { vm: vm.name }, value(vm));
    }
  }
}
