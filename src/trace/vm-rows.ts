/**
 * The VMs of a trace, and the rows that tell of them. The part of a VM's line after its value hardly ever changes, and lines
 * follow each other in the same order at every timestamp: so each such rest of a line is taken apart once (a `VmRow`), and
 * found again by comparing bytes with the row that came next the last time.
 */
import { Presence } from "./presence.js";
import type { Resource } from "./record.js";

/** A VM is known by its uuid; of name, ratio and sizes the last record holds. */
export interface TraceVm {
  readonly uuid: string;
  readonly cpuPools: Map<string, Presence>;
  readonly memory: Presence;
  /** Its first and last tick with a cpu record; -1 when it has none. */
  arrival: number;
  lastSight: number;
  lastRow: VmRow | null;
  lastCpuRow: VmRow | null;
  lastMemRow: VmRow | null;
}

export interface VmRow {
  readonly vm: TraceVm;
  readonly resource: Resource;
  readonly pool: string;
  /** When the VM has a record in this pool (for memory: in any). */
  readonly presence: Presence;
  /** When the pool has a record, its own or one of a VM. */
  readonly poolPresence: Presence;
  readonly name: string;
  readonly ratio: number | null;
  readonly config: number;
  /** Everything after the value, with the line end. */
  readonly rest: Uint8Array;
  /** The row that followed it the last time. */
  next: VmRow | null;
  /** What a re-computed trace writes after the value, with the line end; null until it is asked for. */
  rewritten: string | null;
}

/** What a VM's line says after its value; texts as in the file. */
export interface RowFields {
  readonly resource: Resource;
  readonly pool: string;
  readonly uuid: string;
  readonly name: string;
  readonly ratio: number | null;
  readonly config: number;
  readonly rest: string;
}

/** A string of its own: a slice would keep the whole piece of the file alive. */
const detached = (text: string): string => Buffer.from(text, "latin1").toString("latin1");

export class VmRows {
  /** By uuid, in order of first appearance. */
  readonly vms = new Map<string, TraceVm>();
  /** CPU pools by name (`subset-1.0`): when they, or a VM in them, have a record. */
  readonly cpuPools = new Map<string, Presence>();
  readonly memory = new Presence();
  readonly #byRest = { cpu: new Map<string, VmRow>(), mem: new Map<string, VmRow>() };
  /** Under which text the row of a VM in a pool is filed. */
  readonly #current = new Map<Presence, { readonly key: string }>();

  find(resource: Resource, rest: string): VmRow | undefined {
    return this.#byRest[resource].get(rest);
  }

  cpuPool(name: string): Presence {
    const known = this.cpuPools.get(name);
    if (known !== undefined) return known;
    const presence = new Presence();
    this.cpuPools.set(detached(name), presence);
    return presence;
  }

  /** Files a row that was not seen before. */
  add(fields: RowFields): VmRow {
    const vm = this.vms.get(fields.uuid) ?? this.#newVm(detached(fields.uuid));
    const pool = detached(fields.pool);
    const row: VmRow = {
      vm,
      resource: fields.resource,
      pool,
      presence: fields.resource === "mem" ? vm.memory : presenceIn(vm.cpuPools, pool),
      poolPresence: fields.resource === "mem" ? this.memory : this.cpuPool(pool),
      name: detached(fields.name),
      ratio: fields.ratio,
      config: fields.config,
      rest: Buffer.from(fields.rest, "latin1"),
      next: null,
      rewritten: null,
    };
    const rows = this.#byRest[row.resource];
    // A VM has one row per pool at a time: the one before, with another size or name, is not expected again.
    const before = this.#current.get(row.presence);
    if (before !== undefined) rows.delete(before.key);
    const key = detached(fields.rest);
    this.#current.set(row.presence, { key });
    rows.set(key, row);
    return row;
  }

  #newVm(uuid: string): TraceVm {
    const vm: TraceVm = {
      uuid,
      cpuPools: new Map(),
      memory: new Presence(),
      arrival: -1,
      lastSight: -1,
      lastRow: null,
      lastCpuRow: null,
      lastMemRow: null,
    };
    this.vms.set(uuid, vm);
    return vm;
  }
}

function presenceIn(pools: Map<string, Presence>, pool: string): Presence {
  const known = pools.get(pool);
  if (known !== undefined) return known;
  const presence = new Presence();
  pools.set(pool, presence);
  return presence;
}
