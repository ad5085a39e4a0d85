/**
 * Workloads as Parquet: a row a VM, the columns of the lines of JSON; for DuckDB, pandas and whoever reads columns. Written a row group at a
 * time, so that a workload of any length streams; the file has its name when it is whole.
 */
import { rename, rm } from "node:fs/promises";
import { type AsyncBuffer, asyncBufferFromFile, parquetReadObjects } from "hyparquet";
import { type ColumnSource, fileWriter, ParquetWriter, schemaFromColumnData } from "hyparquet-writer";
import type { WorkloadVm } from "../../core/workload/generate.js";
import { OperationalError } from "../../ports/errors.js";

/** VMs of a row group: some megabytes. */
const GROUP = 50_000;

const COLUMNS: readonly (readonly [name: keyof WorkloadVm, type: "INT32" | "DOUBLE" | "STRING" | "BOOLEAN"])[] = [
  ["index", "INT32"],
  ["name", "STRING"],
  ["vcpus", "INT32"],
  ["memoryMiB", "INT32"],
  ["ratio", "DOUBLE"],
  ["arrival", "DOUBLE"],
  ["departure", "DOUBLE"],
  ["permanent", "BOOLEAN"],
  ["profile", "STRING"],
  ["meanPercent", "DOUBLE"],
  ["p95Percent", "DOUBLE"],
  ["periodic", "BOOLEAN"],
];

const columnsOf = (vms: readonly WorkloadVm[]): ColumnSource[] =>
  COLUMNS.map(([name, type]) => ({ name, type, nullable: false, data: vms.map((vm) => vm[name]) }));

/** Throws `OperationalError` (state-not-written). */
export async function writeParquet(path: string, vms: Iterable<WorkloadVm>): Promise<void> {
  const fresh = `${path}.new`;
  try {
    const schema = schemaFromColumnData({ columnData: columnsOf([]) });
    const writer = new ParquetWriter({ writer: fileWriter(fresh), schema, createdBy: "headroom" });
    let group: WorkloadVm[] = [];
    const flush = async (): Promise<void> => {
      await writer.write({ columnData: columnsOf(group), rowGroupSize: GROUP });
      group = [];
    };
    for (const vm of vms) if (group.push(vm) === GROUP) await flush();
    if (group.length > 0) await flush();
    await writer.finish();
    await rename(fresh, path);
  } catch (cause) {
    await rm(fresh, { force: true });
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new OperationalError("state-not-written", `${path}: cannot be written: ${message}`, false, { cause });
  }
}

/** Rows as objects, by the names of their columns. Throws `OperationalError` (bad-input-file). */
export async function readParquet(path: string): Promise<readonly Readonly<Record<string, unknown>>[]> {
  try {
    const file: AsyncBuffer = await asyncBufferFromFile(path);
    return await parquetReadObjects({ file });
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new OperationalError("bad-input-file", `${path}: is no Parquet that can be read: ${message}`, false, {
      cause,
    });
  }
}
