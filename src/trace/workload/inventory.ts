/**
 * A list of VMs to be sized: the sizing experiment's CSV, or an operator's own inventory. Needed are vCPUs and memory; a ratio that is
 * not given is 1, a VM without times is there from the beginning and stays. Memory is what is reserved for the VM: `mem_mb_eff`
 * where the file has it, which counts before what was sold (`mem_gb`). MB and GB mean MiB and GiB, as in the experiment.
 */
import type { SizedVm } from "../../core/sizing/model.js";
import { mib, ratio, seconds } from "../../core/units.js";
import type { VmUsage } from "../../core/workload/usage.js";
import { badTable, Table, type TableRow } from "./table.js";

/** Times below this are no matter of seconds but of years. */
const LONGEST_SECONDS = 1e12;
const MOST_VCPUS = 100_000;
const MOST_RATIO = 1_000;
/** Ratios that one inventory may have: each is a pool of its own. */
const MOST_RATIOS = 16;

interface Column {
  readonly place: number;
  readonly name: string;
}

interface Columns {
  readonly id: number;
  readonly vcpus: Column;
  readonly memory: Column & { readonly mibPerUnit: number };
  readonly ratio: Column;
  readonly arrival: Column;
  readonly departure: Column;
  readonly mean: Column;
  readonly p95: Column;
}

const MEMORY_NAMES: readonly (readonly [names: readonly string[], mibPerUnit: number])[] = [
  [["mem_mb_eff"], 1],
  [["memory_mib", "memory_mb", "mem_mib", "mem_mb"], 1],
  [["memory_gib", "memory_gb", "mem_gib", "mem_gb"], 1024],
  [["memory", "mem", "ram"], 1],
];

/** In order of submission. Throws `bad-input-file` naming the line and the field. */
export async function readInventory(path: string): Promise<readonly SizedVm[]> {
  const table = await Table.open(path);
  const columns = columnsOf(table);
  const vms: SizedVm[] = [];
  const ratios = new Set<number>();
  for await (const row of table.rows) {
    const vm = vmOf(row, columns, path, vms.length);
    ratios.add(vm.ratio);
    if (ratios.size > MOST_RATIOS) throw badTable(path, row.line, `more than ${MOST_RATIOS} different ratios`);
    vms.push(vm);
  }
  if (vms.length === 0) throw badTable(path, 1, "a header, but no VM after it");
  return vms;
}

function columnsOf(table: Table): Columns {
  const named = (...names: readonly string[]): Column => nameOf(table, table.column(...names));
  const memory = MEMORY_NAMES.find(([names]) => table.column(...names) >= 0);
  const [names, mibPerUnit] = memory ?? [["memory_mib", "memory_gib", "mem_mb", "mem_gb"], 1];
  return {
    id: table.column("vm_id", "id", "name", "vm", "uuid"),
    vcpus: nameOf(table, table.needed("vCPUs", "vcpus", "cpu", "cpus", "vcpu")),
    memory: { ...nameOf(table, table.needed("memory", ...names)), mibPerUnit },
    ratio: named("ratio", "oc", "allocation_ratio"),
    arrival: named("arrival_s", "arrival", "start_s", "start"),
    departure: named("departure_s", "departure", "end_s", "end"),
    mean: named("avg_pct"),
    p95: named("p95_pct"),
  };
}

const nameOf = ({ header }: Table, place: number): Column => ({ place, name: header[place] ?? "" });

interface Range {
  readonly least: number;
  readonly most: number;
  readonly whole?: boolean;
}

function vmOf(row: TableRow, columns: Columns, path: string, place: number): SizedVm {
  const at = (column: Column, range: Range, otherwise: number | null): number =>
    numberOf(row, column, range, otherwise, path);
  const memory = at(columns.memory, { least: 0, most: Number.MAX_SAFE_INTEGER / 1024 }, null);
  const arrival = at(columns.arrival, { least: 0, most: LONGEST_SECONDS }, 0);
  const departure = at(columns.departure, { least: 0, most: LONGEST_SECONDS }, Number.POSITIVE_INFINITY);
  if (departure < arrival)
    throw badTable(path, row.line, `${columns.departure.name} ${departure} is before the arrival at ${arrival}`);
  return {
    id: columns.id >= 0 ? row.fields[columns.id]! : String(place + 1),
    vcpus: at(columns.vcpus, { least: 1, most: MOST_VCPUS, whole: true }, null),
    memoryMiB: mib(memory * columns.memory.mibPerUnit),
    ratio: ratio(at(columns.ratio, { least: 1, most: MOST_RATIO }, 1)),
    arrival: seconds(arrival),
    departure: seconds(departure),
    ...(columns.mean.place < 0 || columns.p95.place < 0 ? {} : { usage: usageOf(row, columns, path) }),
  };
}

/** In percent of the VM's vCPUs. */
function usageOf(row: TableRow, { mean, p95 }: Columns, path: string): VmUsage {
  const percent = (column: Column): number => numberOf(row, column, { least: 0, most: 100 }, 0, path);
  return { meanPercent: percent(mean), p95Percent: percent(p95), periodic: false };
}

/** `otherwise`: what an absent column or an empty field means; null: it must be there. */
function numberOf(row: TableRow, column: Column, range: Range, otherwise: number | null, path: string): number {
  const text = (column.place < 0 ? "" : row.fields[column.place]!).trim();
  if (text === "" && otherwise !== null) return otherwise;
  const value = /^\d+(\.\d+)?([eE]\+?\d+)?$/.test(text) ? Number(text) : Number.NaN;
  const wrong = Number.isNaN(value) || value < range.least || value > range.most;
  if (!wrong && (range.whole !== true || Number.isInteger(value))) return value;
  const kind = range.whole === true ? "a whole number" : "a number";
  throw badTable(
    path,
    row.line,
    `${column.name} is ${JSON.stringify(text)}; allowed: ${kind} from ${range.least} to ${range.most}`,
  );
}
