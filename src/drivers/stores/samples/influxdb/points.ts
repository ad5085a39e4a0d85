/**
 * Samples as InfluxDB has them, the seed's schema (spec 6.2): measurement `node` with the tag `url`, measurement `domain` with the
 * tags `url` and `domain`, a field for each value. All fields are floats but `vm_number`.
 */
import { Point } from "@influxdata/influxdb-client";
import type { Sample } from "../../../../ports/sample-store.js";
import type { Wanted } from "../remote/pieces.js";

export const HOST_MEASUREMENT = "node";
export const VM_MEASUREMENT = "domain";
/** Whole numbers in the seed's database, where a field keeps the type that it had first. */
const INTEGERS: ReadonlySet<string> = new Set(["vm_number"]);

/** Where what is wanted lies. */
export function measurementsOf(of: Wanted["of"]): readonly string[] {
  if (of === "all") return [HOST_MEASUREMENT, VM_MEASUREMENT];
  return [of === "host" ? HOST_MEASUREMENT : VM_MEASUREMENT];
}

/** Whose values a row of a measurement are. */
export const vmOf = (measurement: string, domain: string | null | undefined): string | null =>
  measurement === HOST_MEASUREMENT ? null : (domain ?? "");

/** A line of the line protocol, its time in milliseconds. */
export function lineOf({ host, vm, at, values }: Sample): string {
  const point = new Point(vm === null ? HOST_MEASUREMENT : VM_MEASUREMENT).tag("url", host);
  if (vm !== null) point.tag("domain", vm);
  for (const [name, value] of Object.entries(values)) {
    if (INTEGERS.has(name)) point.intField(name, Math.round(value));
    else point.floatField(name, value);
  }
  return point.timestamp(String(at)).toLineProtocol() ?? "";
}
