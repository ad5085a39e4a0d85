/**
 * Joins zod and Fastify: inputs are checked by the route's zod schema, and every wrong field is named with what is allowed;
 * answers are written by a serialiser compiled from the same kind of schema (a JSON schema needs half the CPU time of
 * validating with zod on the way out; tests parse the answers with zod instead).
 */
import { SerializerSelector } from "@fastify/fast-json-stringify-compiler";
import type { FastifySchemaCompiler, FastifySerializerCompiler } from "fastify";
import { z } from "zod";
import { type FieldError, type FieldPlace, fieldsError } from "./problem.js";

const PLACES: Readonly<Record<string, FieldPlace>> = {
  body: "body",
  querystring: "query",
  params: "path",
  headers: "header",
};
const SHOWN_CHARACTERS = 60;

export const validatorCompiler: FastifySchemaCompiler<z.ZodType> = ({ schema, httpPart }) => {
  const place = PLACES[httpPart ?? "body"] ?? "body";
  const known = schema instanceof z.ZodObject ? Object.keys(schema.shape) : [];
  return (data: unknown) => {
    const parsed = schema.safeParse(data);
    if (parsed.success) return { value: parsed.data };
    return { error: fieldsError(parsed.error.issues.flatMap((issue) => fieldErrors(issue, data, place, known))) };
  };
};

function fieldErrors(
  issue: z.core.$ZodIssue,
  data: unknown,
  place: FieldPlace,
  known: readonly string[],
): readonly FieldError[] {
  if (issue.code === "unrecognized_keys") return issue.keys.map((key) => unknownField(place, key, known));
  const field = issue.path.length === 0 ? place : issue.path.map(String).join(".");
  const value = valueAt(data, issue.path);
  // Fastify hands over null where there is no body.
  const missing = value === undefined || (place === "body" && value === null && issue.path.length === 0);
  const got = missing ? "is missing" : `is not allowed: ${show(value)}`;
  const allowed = issue.path.length === 0 ? "a JSON object" : issue.message;
  return [
    { in: place, field, fault: missing ? "missing" : "not-allowed", message: `${got}; allowed: ${allowed}`, allowed },
  ];
}

function unknownField(place: FieldPlace, key: string, known: readonly string[]): FieldError {
  const field = clip(key);
  const allowed = known.length === 0 ? null : `one of ${known.join(", ")}`;
  const message = allowed === null ? "is not known: this call takes none" : `is not known; allowed: ${allowed}`;
  return { in: place, field, fault: "unknown", message, allowed };
}

function valueAt(data: unknown, path: readonly PropertyKey[]): unknown {
  let value: unknown = data;
  for (const key of path) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) return undefined;
    value = (value as Record<PropertyKey, unknown>)[key];
  }
  return value;
}

/** A value as it may stand in a message: JSON, so that control characters and markup stay harmless, and short. */
export function show(value: unknown): string {
  if (typeof value === "object" && value !== null) return Array.isArray(value) ? "a list" : "an object";
  return clip(JSON.stringify(value) ?? String(value));
}

const clip = (text: string): string =>
  text.length <= SHOWN_CHARACTERS ? text : `${text.slice(0, SHOWN_CHARACTERS)}...`;

/** Named schemas are written out in place: the serialiser wants no references. */
const NO_NAMES = z.registry<{ id?: string }>();
const selectSerializer = SerializerSelector();
const compileJsonSchema = selectSerializer({}, {});

/** Serialisers by schema: schemas live as long as the process, and many applications in one process share them. */
const compiled = new WeakMap<z.ZodType, ReturnType<FastifySerializerCompiler<z.ZodType>>>();

/** Compiles each answer's schema once. Fields that the schema does not name are not sent. */
export const serializerCompiler: FastifySerializerCompiler<z.ZodType> = (route) => {
  const known = compiled.get(route.schema);
  if (known !== undefined) return known;
  const options = { io: "output", target: "openapi-3.0", metadata: NO_NAMES } as const;
  const schema: Record<string, unknown> = { ...z.toJSONSchema(route.schema, options) };
  const serializer = compileJsonSchema({
    method: route.method,
    url: route.url,
    httpStatus: route.httpStatus ?? "",
    schema,
  });
  compiled.set(route.schema, serializer);
  return serializer;
};
