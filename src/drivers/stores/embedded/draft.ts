/** The state as it will be when the group of commits being put together is durable; readers see it only then. */
import type { StoreRecord } from "../../../ports/cluster-store.js";
import { applyEntry, type Entry, recordChanges, type State } from "./state.js";

export class Draft {
  readonly entries: Entry[] = [];
  private readonly records = new Map<string, StoreRecord | null>();
  private readonly leases = new Map<string, boolean>();

  constructor(private readonly state: State) {}

  get revision(): number {
    const last = this.entries.findLast((entry) => "r" in entry);
    return last?.r ?? this.state.revision;
  }

  get epoch(): number {
    const last = this.entries.findLast((entry) => "epoch" in entry);
    return last?.epoch ?? this.state.epoch;
  }

  readonly find = (key: string): StoreRecord | null => {
    const changed = this.records.get(key);
    return changed === undefined ? (this.state.records.get(key) ?? null) : changed;
  };

  hasLease(host: string): boolean {
    return this.leases.get(host) ?? this.state.leases.has(host);
  }

  add(entry: Entry): void {
    this.entries.push(entry);
    if ("host" in entry) this.leases.set(entry.host, entry.period !== null);
    for (const change of recordChanges(entry)) {
      if (change.kind === "put") this.records.set(change.record.key, change.record);
      else this.records.set(change.key, null);
    }
  }

  apply(): void {
    for (const entry of this.entries) applyEntry(this.state, entry);
  }
}
