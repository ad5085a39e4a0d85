/**
 * Registry of the named schemas: a schema registered here becomes a component of the OpenAPI document. Its own registry,
 * so that no other user of zod in the process can collide with the names.
 */
import { z } from "zod";

export const components = z.registry<{ id?: string | undefined; description?: string | undefined }>();

export function named<S extends z.ZodType>(id: string, description: string, schema: S): S {
  components.add(schema, { id, description });
  return schema;
}

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
