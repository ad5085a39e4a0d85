/**
 * The OpenAPI document: made by @fastify/swagger from the routes' own schemas, then completed with what holds for every
 * call: problems, tokens, Idempotency-Key. Deterministic: a test compares the file openapi/agent.json with it.
 */
import swagger from "@fastify/swagger";
import { jsonSchemaTransform, jsonSchemaTransformObject } from "fastify-type-provider-zod";
import { z } from "zod";
import type { App } from "./app-type.js";
import type { Access } from "./auth.js";

const operationShape = z.looseObject({
  summary: z.string().default(""),
  operationId: z.string(),
  tags: z.array(z.string()).default([]),
  parameters: z.array(z.looseObject({ name: z.string(), in: z.string() })).optional(),
  requestBody: z.unknown().optional(),
  responses: z.record(z.string(), z.looseObject({ description: z.string() })).default({}),
  security: z.array(z.unknown()).default([]),
  /** What the call needs: `open`, `read`, `change` or `operate` (src/http/auth.ts). */
  "x-access": z.string().default("open"),
});
const documentShape = z.looseObject({
  openapi: z.string(),
  info: z.looseObject({ title: z.string(), version: z.string(), description: z.string() }),
  paths: z.record(z.string(), z.record(z.string(), operationShape)),
  components: z.looseObject({ schemas: z.record(z.string(), z.unknown()) }),
});
export type Operation = z.infer<typeof operationShape>;
export type OpenapiDocument = z.infer<typeof documentShape>;

/** Reads a document that this module made, from a file or an answer. */
export const parseOpenapi = (document: unknown): OpenapiDocument => documentShape.parse(document);

/** What a document says of itself, and the component that describes the events of `/v1/events`. */
export interface OpenapiHead {
  readonly title: string;
  readonly description: string;
  readonly event: string;
}

const IDEMPOTENCY_PARAMETER = {
  name: "Idempotency-Key",
  in: "header",
  required: false,
  description: "The same key gives the same answer; the work is done once. 1 to 128 visible ASCII characters",
  schema: { type: "string", minLength: 1, maxLength: 128 },
};
const EPOCH_PARAMETER = {
  name: "Headroom-Epoch",
  in: "header",
  required: false,
  description:
    "Of the scheduler that asks; one below the highest seen is refused (`stale-leader`). People leave it out",
  schema: { type: "integer", minimum: 1 },
};
const RESUME_PARAMETER = {
  name: "Last-Event-ID",
  in: "header",
  required: false,
  description: "The last event seen, as the stream gave its id; 0 for all that is remembered",
  schema: { type: "string" },
};
const PROBLEM_RESPONSE = {
  description: "A problem; `code` says which",
  content: { "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } } },
};

/** Must be called before the routes are added: it watches them come. Gives the document, made when first asked for. */
export function addOpenapi(app: App, head: OpenapiHead, version: string): () => OpenapiDocument {
  const access = new Map<string, Access>();
  const epochs = new Set<string>();
  const keyed = new Set<string>();
  app.addHook("onRoute", (route) => {
    const id = route.schema?.operationId;
    if (id === undefined) return;
    if (route.config?.access !== undefined) access.set(id, route.config.access);
    if (route.config?.epoch) epochs.add(id);
    if (route.config?.keyed || route.config?.epoch) keyed.add(id);
  });
  app.register(swagger, {
    openapi: {
      openapi: "3.1.0",
      info: { title: head.title, version, description: head.description },
      components: { securitySchemes: { token: { type: "http", scheme: "bearer" } } },
    },
    transform: jsonSchemaTransform,
    transformObject: jsonSchemaTransformObject,
  });
  let document: OpenapiDocument | null = null;
  return () => {
    document ??= complete(app.swagger(), { access, epochs, keyed }, head.event);
    return document;
  };
}

/** What the routes' own settings say, by operation. */
interface Traits {
  readonly access: ReadonlyMap<string, Access>;
  /** Operations that take Headroom-Epoch. */
  readonly epochs: ReadonlySet<string>;
  /** Operations that take Idempotency-Key though they are no POST. */
  readonly keyed: ReadonlySet<string>;
}

function complete(generated: unknown, { access, epochs, keyed }: Traits, event: string): OpenapiDocument {
  const document = parseOpenapi(withoutSafeBounds(generated));
  for (const operations of Object.values(document.paths)) {
    delete operations.head;
    for (const [method, operation] of Object.entries(operations)) {
      const needs = access.get(operation.operationId) ?? "open";
      operation["x-access"] = needs;
      operation.security = needs === "open" ? [] : [{ token: [] }];
      operation.responses = { ...operation.responses, default: PROBLEM_RESPONSE };
      for (const response of Object.values(operation.responses))
        if (response.description === "Default Response") response.description = "Done";
      const forSchedulers = epochs.has(operation.operationId);
      const takesKey = method === "post" || (method === "delete" && keyed.has(operation.operationId));
      operation.parameters = [
        ...(operation.parameters ?? []),
        ...(takesKey ? [IDEMPOTENCY_PARAMETER] : []),
        ...(forSchedulers ? [EPOCH_PARAMETER] : []),
      ];
      if (operation.parameters.length === 0) delete operation.parameters;
      if (operation.operationId === "followEvents") operation.parameters = [RESUME_PARAMETER];
    }
  }
  document.components.schemas = usedSchemas(document, event);
  return document;
}

/** The transform writes an input and an output form of each schema; keeps those that are referred to. */
function usedSchemas(document: OpenapiDocument, event: string): Record<string, unknown> {
  const all = document.components.schemas;
  const used = new Set<string>();
  const visit = (part: unknown): void => {
    for (const [, name] of JSON.stringify(part).matchAll(/"#\/components\/schemas\/(\w+)"/g)) {
      if (name === undefined || used.has(name)) continue;
      used.add(name);
      visit(all[name]);
    }
  };
  visit(document.paths);
  visit({ $ref: `#/components/schemas/${event}` });
  // By name: the registry's order is that in which modules happened to be loaded.
  const kept = Object.entries(all).filter(([name]) => used.has(name));
  return Object.fromEntries(kept.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Whole numbers carry the bounds of doubles, which tell a reader nothing. */
function withoutSafeBounds(part: unknown): unknown {
  if (Array.isArray(part)) return part.map(withoutSafeBounds);
  if (typeof part !== "object" || part === null) return part;
  const kept = Object.entries(part).filter(([, value]) => Math.abs(Number(value)) !== Number.MAX_SAFE_INTEGER);
  return Object.fromEntries(kept.map(([key, value]) => [key, withoutSafeBounds(value)]));
}
