/** The type of the HTTP application: Fastify, with handlers typed by zod schemas. */
import type { Server } from "node:http";
import type {
  FastifyBaseLogger,
  FastifyInstance,
  FastifyTypeProvider,
  RawReplyDefaultExpression,
  RawRequestDefaultExpression,
} from "fastify";
import type { z } from "zod";
import type { Wire } from "./schemas/names.js";

/** Handlers get what the schema makes of the input, and may answer with read-only and branded values of its shape. */
interface ZodTypes extends FastifyTypeProvider {
  readonly validator: this["schema"] extends z.ZodType ? z.output<this["schema"]> : unknown;
  readonly serializer: this["schema"] extends z.ZodType ? Wire<z.output<this["schema"]>> : unknown;
}

export type App = FastifyInstance<
  Server,
  RawRequestDefaultExpression<Server>,
  RawReplyDefaultExpression<Server>,
  FastifyBaseLogger,
  ZodTypes
>;
