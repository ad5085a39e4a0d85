/**
 * What a replay needs to know of a trace before it can decide anything (spec 3): of a VM's name, ratio and sizes the last
 * record holds, and its departure is when it was last seen. One pass; memory grows with VMs and gaps, not with the length.
 */
import { readHeader } from "./header.js";
import { decodeText, linePieces } from "./input.js";
import { TickTimes } from "./presence.js";
import { badTrace, Problems } from "./problems.js";
import type { Resource } from "./record.js";
import { TraceScanner, type TraceVisitor } from "./scanner.js";
import { type TraceVm, type VmRow, VmRows } from "./vm-rows.js";

export interface TraceIndex {
  readonly path: string;
  readonly rows: VmRows;
  readonly ticks: TickTimes;
  readonly problems: Problems;
  /** Lines of the file, the header included. */
  readonly lines: number;
}

class Indexer implements TraceVisitor {
  readonly ticks = new TickTimes();
  #tick = -1;
  #line = 1;
  /** Pools with a record of their own: the last tick, by resource and name. */
  readonly #poolTicks = new Map<string, number>();
  readonly #globalTicks = { cpu: -1, mem: -1 };

  constructor(
    private readonly rows: VmRows,
    private readonly problems: Problems,
  ) {}

  timestamp(seconds: number, line: number): void {
    this.finishTick();
    this.#tick = this.ticks.add(seconds);
    this.#line = line;
  }

  global(resource: Resource, _value: string, line: number): void {
    if (this.#globalTicks[resource] === this.#tick) this.#repeated(line, "res", `global ${resource}`);
    this.#globalTicks[resource] = this.#tick;
    this.#line = line;
  }

  pool(resource: Resource, pool: string, _value: string, line: number): void {
    const key = `${resource} ${pool}`;
    if (this.#poolTicks.get(key) === this.#tick) this.#repeated(line, "subset", `subset ${key}`);
    this.#poolTicks.set(key, this.#tick);
    (resource === "mem" ? this.rows.memory : this.rows.cpuPool(pool)).mark(this.#tick);
    this.#line = line;
  }

  vm(row: VmRow, _bytes: Buffer, _from: number, _to: number, line: number): void {
    const { vm } = row;
    const tick = this.#tick;
    if (!row.presence.mark(tick)) this.#repeated(line, "vm_uuid", `VM ${row.name} (${vm.uuid})`);
    if (row.poolPresence.last !== tick) row.poolPresence.mark(tick);
    vm.lastRow = row;
    if (row.resource === "cpu") {
      vm.lastCpuRow = row;
      vm.lastSight = tick;
      if (vm.arrival < 0) vm.arrival = tick;
    } else vm.lastMemRow = row;
    this.#line = line;
  }

  /** A pool that exists has a record at every later timestamp. */
  finishTick(): void {
    for (const [key, tick] of this.#poolTicks) {
      if (tick === this.#tick || tick < 0) continue;
      const when = this.ticks.timeOf(this.#tick);
      this.problems.add(this.#line, "subset", "pool-missing", `no record of the pool ${key} at ${when}`);
    }
  }

  #repeated(line: number, field: string, what: string): void {
    const when = this.ticks.timeOf(this.#tick);
    this.problems.add(line, field, "repeated-record", `${what} was recorded at ${when} already; the last value holds`);
  }
}

/**
 * Reads the whole file and hands its records to `visitor`, and calls `afterPiece` after every so many of them. Throws `OperationalError`
 * (bad-input-file) where the file cannot be read, is empty or has no header.
 */
export async function scanTrace(
  path: string,
  rows: VmRows,
  visitor: TraceVisitor,
  problems: Problems,
  afterPiece?: () => void,
): Promise<TraceScanner> {
  let scanner: TraceScanner | null = null;
  for await (const piece of linePieces(path)) {
    let start = 0;
    if (scanner === null) {
      const headerEnd = piece.indexOf("\n") + 1;
      start = headerEnd === 0 ? piece.length : headerEnd;
      const layout = readHeader(piece.toString("latin1", 0, start), path, problems);
      scanner = new TraceScanner(rows, visitor, problems, layout);
    }
    scanner.scan(piece, start);
    afterPiece?.();
  }
  if (scanner === null) throw badTrace(path, { line: 1, field: "tmp", kind: "empty", message: "the file is empty" });
  return scanner;
}

/**
 * Reads the trace once. `strict`: throws `OperationalError` (bad-input-file) at the first problem; else problems are counted
 * and left out. Throws also where the file cannot be read or has no header.
 */
export async function indexTrace(path: string, strict: boolean): Promise<TraceIndex> {
  const problems = new Problems(path, strict);
  const rows = new VmRows();
  const indexer = new Indexer(rows, problems);
  const scanner = await scanTrace(path, rows, indexer, problems);
  indexer.finishTick();
  if (indexer.ticks.count === 0) problems.add(1, "tmp", "empty", "no records after the header");
  return { path, rows, ticks: indexer.ticks, problems, lines: scanner.line };
}

/** The VMs that a replay deploys: those with a cpu and a mem record, in order of first appearance. */
export const deployableVms = (index: TraceIndex): readonly TraceVm[] => [...index.rows.vms.values()].filter(isComplete);

/** Names of the VMs without a cpu or without a mem record: never deployed. */
export const incompleteVms = (index: TraceIndex): readonly string[] =>
  [...index.rows.vms.values()].filter((vm) => !isComplete(vm)).map((vm) => decodeText(vm.lastRow?.name ?? vm.uuid));

const isComplete = (vm: TraceVm): boolean => vm.lastCpuRow !== null && vm.lastMemRow !== null;
