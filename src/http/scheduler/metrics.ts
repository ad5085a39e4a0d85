/**
 * The scheduler's part of `/metrics`: who leads, hosts and VMs by state, what is free, the store. Leaves out figures per
 * host: agents show their own, and ten thousand hosts would make every scrape megabytes.
 */
import type { ClusterStatus, SchedulerService } from "../../scheduler/service.js";
import { bytes, type Maybe, type ServerGauges, ServerMetrics } from "../server-metrics.js";

type ClusterValue = readonly [name: string, help: string, value: (status: ClusterStatus) => Maybe];

const GAUGES: readonly ClusterValue[] = [
  ["scheduler_leader", "1 while this scheduler leads", (s) => Number(s.leadership.role === "leader")],
  ["scheduler_epoch", "Epoch of the present leader, as far as known", (s) => s.leadership.epoch],
  ["scheduler_store_reachable", "1 while the store can be asked and written", (s) => Number(s.store.reachable)],
  ["cluster_vms", "VMs of the cluster", (s) => s.vms.total],
  ["cluster_vms_placing", "VMs reserved on a host and not confirmed yet", (s) => s.vms.placing],
  ["cluster_vms_migrating", "VMs on their way to another host", (s) => s.vms.migrating],
  ["cluster_vms_removing", "VMs whose removal is not confirmed yet", (s) => s.vms.removing],
  ["cluster_vms_lost", "VMs whose host was replaced or given up", (s) => s.vms.lost],
  ["cluster_pcpus", "pCPUs of all hosts", (s) => s.pcpus.total],
  ["cluster_free_pcpus", "pCPUs that no pool holds and that pools may take", (s) => s.pcpus.free],
  ["cluster_memory_capacity_bytes", "Memory that VMs may be promised in all", (s) => bytes(s.memory.capacityMiB)],
  ["cluster_memory_free_bytes", "Memory not promised yet", (s) => bytes(s.memory.freeMiB)],
  ["cluster_problems", "VMs and hosts that need a person", (s) => s.problems.length],
];
const HOSTS = "cluster_hosts";
const ESTIMATES = "cluster_estimates";

export class SchedulerMetrics extends ServerMetrics {
  constructor(
    private readonly scheduler: SchedulerService,
    version: string,
    server: ServerGauges,
  ) {
    super(scheduler, "scheduler", version, server);
    for (const [name, help] of GAUGES) this.add(name, help, []);
    this.add(HOSTS, "Hosts of the cluster, by state", ["state"]);
    this.add(ESTIMATES, "Hosts with an estimate, by whether it counts", ["state"]);
  }

  protected override read(): void {
    const status = this.scheduler.clusterStatus();
    for (const [name, , value] of GAUGES) this.set(name, {}, value(status));
    for (const [state, count] of Object.entries(status.hosts)) this.set(HOSTS, { state }, count);
    const estimates = this.scheduler.estimates();
    const stale = estimates.filter((one) => one.stale).length;
    this.set(ESTIMATES, { state: "fresh" }, estimates.length - stale);
    this.set(ESTIMATES, { state: "stale" }, stale);
  }
}
