/** Workloads to be played: the lines of JSON or the Parquet that `headroom generate` writes, or a table of VMs (inventory.ts); told by the first bytes. */
import { z } from "zod";
import type { SizedVm } from "../../core/sizing/model.js";
import { mib, ratio, seconds } from "../../core/units.js";
import { OperationalError } from "../../ports/errors.js";
import { linePieces } from "../input.js";
import { readInventory } from "./inventory.js";
import { isParquet } from "./parquet-file.js";
import { badTable } from "./table.js";

const line = z.object({
  name: z.string().min(1),
  vcpus: z.int().min(1),
  memoryMiB: z.number().min(1),
  ratio: z.number().min(1),
  arrival: z.number().min(0),
  departure: z.number().min(0),
  permanent: z.boolean().default(false),
  meanPercent: z.number().min(0).max(100).optional(),
  p95Percent: z.number().min(0).max(100).optional(),
  periodic: z.boolean().default(false),
});

const BRACE = 0x7b;

/** In order of submission; a VM that stays has no departure. Throws `bad-input-file` naming line and field. */
export async function readWorkload(path: string): Promise<readonly SizedVm[]> {
  if (await isParquet(path)) {
    const { readParquet } = await import("./parquet.js");
    return (await readParquet(path)).map((row, place) => checked(path, place + 1, row));
  }
  for await (const piece of linePieces(path)) return piece[0] === BRACE ? readLines(path) : readInventory(path);
  throw new OperationalError("bad-input-file", `${path}: is empty`, false);
}

async function readLines(path: string): Promise<readonly SizedVm[]> {
  const vms: SizedVm[] = [];
  let number = 0;
  if (await isParquet(path)) {
    const { readParquet } = await import("./parquet.js");
    return (await readParquet(path)).map((row, place) => checked(path, place + 1, row));
  }
  for await (const piece of linePieces(path)) {
    for (const text of piece.toString("utf8").split("\n")) {
      if (text.trim() === "") continue;
      vms.push(vmOf(path, ++number, text));
    }
  }
  return vms;
}

const vmOf = (path: string, number: number, text: string): SizedVm => checked(path, number, jsonOf(path, number, text));

/** `number`: of the line or the row. */
function checked(path: string, number: number, value: unknown): SizedVm {
  const parsed = line.safeParse(value);
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!;
    throw badTable(path, number, `${issue.path.join(".") || "the line"}: ${issue.message}`);
  }
  const { name, vcpus, memoryMiB, permanent, meanPercent, p95Percent, periodic, ...vm } = parsed.data;
  const isSaid = meanPercent !== undefined && p95Percent !== undefined;
  return {
    id: name,
    vcpus,
    memoryMiB: mib(memoryMiB),
    ratio: ratio(vm.ratio),
    arrival: seconds(vm.arrival),
    departure: permanent ? seconds(Number.POSITIVE_INFINITY) : seconds(vm.departure),
    ...(isSaid ? { usage: { meanPercent, p95Percent, periodic } } : {}),
  };
}

function jsonOf(path: string, number: number, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw badTable(path, number, `is no JSON: ${(error as Error).message}`);
  }
}
