/**
 * What a setting is: its names, what values it takes, its default. Also the schemas that settings share. Values come as
 * text (flag, environment, `.env`) or as JSON (config file); one schema reads both. Leaves out where values come from
 * (see resolve.ts).
 */
import { isAbsolute, normalize } from "node:path";
import { z } from "zod";
import { type CpuSet, parseCpuSet } from "../../core/cpuset.js";

export const GROUPS = [
  "Host",
  "Pools",
  "Guests",
  "Memory",
  "Ballooning",
  "Listening",
  "Limits",
  "Cluster",
  "Placement",
  "Store",
  "Telemetry",
  "Estimates",
  "OpenStack",
  "Samples",
  "Running",
  "Client",
] as const;
export type Group = (typeof GROUPS)[number];

export interface Setting<T> {
  readonly group: Group;
  /** Names in the environment and in `.env`; where several are set in one place, the first wins. */
  readonly names: readonly [string, ...string[]];
  readonly about: string;
  /** What is allowed, in words: the end of the sentence "must be ...". */
  readonly allowed: string;
  readonly fallback: T;
  readonly schema: z.ZodType<T>;
  /** Masked wherever it is printed. */
  readonly secret?: true;
}

/** Keeps the value's type while checking the shape. */
export const setting = <T>(definition: Setting<T>): Setting<T> => definition;

/** An empty text clears a setting that may be absent. */
const emptyAsNull = (value: unknown): unknown => (value === "" ? null : value);

const numeric = z.union([
  z.number(),
  z
    .string()
    .trim()
    .regex(/^[+-]?\d+(\.\d+)?$/)
    .transform(Number),
]);

export const wholeNumber = (least: number, most: number): z.ZodType<number> =>
  numeric.pipe(z.number().int().min(least).max(most));

export const decimal = (least: number, most: number): z.ZodType<number> =>
  numeric.pipe(z.number().min(least).max(most));

export const nonEmpty: z.ZodType<string> = z.string().trim().min(1);

export const orNull = <T>(schema: z.ZodType<T>): z.ZodType<T | null> => z.preprocess(emptyAsNull, schema.nullable());

export const choice = <const T extends string>(...options: readonly T[]): z.ZodType<T> =>
  z.string().trim().toLowerCase().pipe(z.enum(options));

const YES = new Set(["true", "yes", "on", "1"]);
const NO = new Set(["false", "no", "off", "0"]);

export const yesOrNo: z.ZodType<boolean> = z.union([
  z.boolean(),
  z
    .string()
    .trim()
    .toLowerCase()
    .refine((text) => YES.has(text) || NO.has(text))
    .transform((text) => YES.has(text)),
]);

/** Absolute, and kept in its normal form. */
export const absolutePath: z.ZodType<string> = nonEmpty.pipe(
  z
    .string()
    .refine((path) => isAbsolute(path) && !path.includes("\0"))
    .transform((path) => (path === "/" ? path : normalize(path).replace(/\/+$/, ""))),
);

const splitList = (value: unknown): unknown =>
  typeof value === "string"
    ? value
        .split(",")
        .map((part) => part.trim())
        .filter((part) => part !== "")
    : value;

/** A comma-separated text or a JSON array; the empty text is the empty list. */
export const listOf = <T>(item: z.ZodType<T>): z.ZodType<readonly T[]> => z.preprocess(splitList, z.array(item));

/** `0-3,8` or a JSON array of ids. */
export const cpuSet: z.ZodType<CpuSet> = z
  .union([z.string(), z.array(z.number().int().min(0))])
  .transform((value, context) => {
    try {
      return parseCpuSet(typeof value === "string" ? value : value.join(","));
    } catch (error) {
      context.addIssue({ code: "custom", message: (error as Error).message });
      return z.NEVER;
    }
  });

/** A value as it would be written in the environment; the empty text for nothing. */
export function formatSetting(value: unknown): string {
  if (value === null || value === undefined) return "";
  if (typeof value === "boolean") return value ? "yes" : "no";
  return Array.isArray(value) ? value.join(",") : String(value);
}
