/**
 * Names for schemas: a named schema becomes a component of the OpenAPI document. Names live in zod's global registry, where
 * `.meta()` keeps descriptions too, so they must be unique in the process.
 */
import type { z } from "zod";

export const named = <S extends z.ZodType>(id: string, description: string, schema: S): S =>
  schema.meta({ id, description });

/** What a value of type T looks like after a trip through JSON: branded numbers become numbers. */
export type Wire<T> = unknown extends T
  ? unknown
  : T extends number
    ? number
    : T extends string | boolean | null | undefined
      ? T
      : T extends readonly (infer Item)[]
        ? readonly Wire<Item>[]
        : { readonly [Key in keyof T]: Wire<T[Key]> };

/**
 * The way back: JSON has no units, so a value that was checked against the schema of `T` is a `T` again by its name alone.
 * The one place where units are given without a conversion.
 */
export const fromWire = <T>(value: Wire<T>): T => value as T;
