/**
 * What a scheduler that does not lead knows: the records and the hosts' leases, as the store tells them. Enough to answer
 * reads; what hosts say of themselves, only the leader hears.
 */
import type { ClusterStore, LeaseUpdate, StoreUpdate } from "../ports/cluster-store.js";
import type { Log } from "../ports/log.js";
import { HOST_RECORDS, type HostRecord, type RecordKind, VM_RECORDS, type VmRecord } from "./record-model.js";
import type { ClusterHost, ClusterVm } from "./service.js";
import { clusterVm, NO_FACTS, unheardHost } from "./views.js";

export class Standby {
  private readonly vmRecords = new Map<string, VmRecord>();
  private readonly hostRecords = new Map<string, HostRecord>();
  private readonly alive = new Set<string>();
  private readonly seen = { vms: false, hosts: false };

  constructor(
    private readonly store: ClusterStore,
    private readonly log: Log,
  ) {}

  /** True once everything was read. */
  get current(): boolean {
    return this.seen.vms && this.seen.hosts && this.store.status().reachable;
  }

  /** Follows the store until `signal` aborts. */
  async follow(signal: AbortSignal): Promise<void> {
    await Promise.all([this.followVms(signal), this.followHosts(signal), this.followLeases(signal)]);
  }

  vm(name: string): ClusterVm | null {
    const record = this.vmRecords.get(name);
    return record === undefined ? null : clusterVm(record, NO_FACTS);
  }

  vms(): readonly ClusterVm[] {
    const vms = [...this.vmRecords.values()].map((record) => clusterVm(record, NO_FACTS));
    return vms.sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  hosts(): readonly ClusterHost[] {
    const counts = new Map<string, number>();
    for (const { host } of this.vmRecords.values()) counts.set(host, (counts.get(host) ?? 0) + 1);
    return [...this.hostRecords.values()]
      .map((record) => unheardHost(record, this.alive.has(record.id) ? "up" : "down", counts.get(record.id) ?? 0, []))
      .sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  private async followVms(signal: AbortSignal): Promise<void> {
    for await (const update of this.store.watch(VM_RECORDS.prefix, { signal })) {
      this.apply(VM_RECORDS, this.vmRecords, update);
      this.seen.vms = true;
    }
  }

  private async followHosts(signal: AbortSignal): Promise<void> {
    for await (const update of this.store.watch(HOST_RECORDS.prefix, { signal })) {
      this.apply(HOST_RECORDS, this.hostRecords, update);
      this.seen.hosts = true;
    }
  }

  private async followLeases(signal: AbortSignal): Promise<void> {
    for await (const update of this.store.leases.watch(signal)) applyLease(this.alive, update);
  }

  private apply<T>(kind: RecordKind<T>, known: Map<string, T>, update: StoreUpdate): void {
    if (update.kind === "snapshot") {
      known.clear();
      for (const { key, value } of update.records) this.put(kind, known, key, value);
      return;
    }
    for (const change of update.changes) {
      if (change.kind === "put") this.put(kind, known, change.record.key, change.record.value);
      else known.delete(decodeURIComponent(change.key.slice(kind.prefix.length)));
    }
  }

  /** A damaged record is the leader's trouble; a reader goes on without it. */
  private put<T>(kind: RecordKind<T>, known: Map<string, T>, key: string, value: string): void {
    try {
      const record = kind.decode(key, value);
      known.set(kind.nameOf(record), record);
    } catch (error) {
      this.log.error({ err: error, key }, "a record of the store cannot be read");
    }
  }
}

function applyLease(alive: Set<string>, update: LeaseUpdate): void {
  if (update.kind === "snapshot") {
    alive.clear();
    for (const host of update.hosts) alive.add(host);
  } else if (update.kind === "opened") alive.add(update.host);
  else alive.delete(update.host);
}
