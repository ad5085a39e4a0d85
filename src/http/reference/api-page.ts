/** docs/api.md and docs/scheduler-api.md, written from the OpenAPI documents: calls by tag, their input, and the fields of every component. Pure. */
import { z } from "zod";
import type { OpenapiDocument, Operation } from "../openapi.js";

/** The part of JSON schema that the document uses. */
const schemaShape = z.looseObject({
  $ref: z.string().optional(),
  type: z.union([z.string(), z.array(z.string())]).optional(),
  description: z.string().optional(),
  enum: z.array(z.unknown()).optional(),
  const: z.unknown().optional(),
  pattern: z.string().optional(),
  minimum: z.number().optional(),
  maximum: z.number().optional(),
  required: z.array(z.string()).default([]),
  properties: z.record(z.string(), z.unknown()).optional(),
  items: z.unknown().optional(),
  anyOf: z.array(z.unknown()).optional(),
  additionalProperties: z.unknown().optional(),
});
type Schema = z.infer<typeof schemaShape>;
const read = (schema: unknown): Schema => schemaShape.parse(schema ?? {});

/** What stands above the calls. */
export interface ApiHead {
  readonly title: string;
  /** The document's file. */
  readonly source: string;
  readonly introduction: string;
}

export const AGENT_API: ApiHead = {
  title: "The HTTP interface of a host agent",
  source: "openapi/agent.json",
  introduction: `The agent serves this description itself at \`/openapi.json\`. Errors are in [errors.md](errors.md), tokens and limits in
[security.md](security.md).

\`\`\`
curl -s http://127.0.0.1:8099/v1/vms -H 'Content-Type: application/json' -H 'Idempotency-Key: 7f3c' \\
  -d '{"name":"web-1","vcpus":2,"memoryMiB":2048,"ratio":2,"image":"/var/lib/libvirt/images/debian.qcow2"}'
curl -s 'http://127.0.0.1:8099/v1/vms?pool=2'
curl -N http://127.0.0.1:8099/v1/events
\`\`\``,
};

export const SCHEDULER_API: ApiHead = {
  title: "The HTTP interface of a scheduler",
  source: "openapi/scheduler.json",
  introduction: `A scheduler serves this description itself at \`/openapi.json\`. Any scheduler of a cluster may be asked: one that does not
lead answers reads and passes changes on ([cluster.md](cluster.md)). Errors are in [errors.md](errors.md), tokens and limits
in [security.md](security.md).

\`\`\`
curl -s http://127.0.0.1:8100/v1/vms -H 'Content-Type: application/json' -H 'Idempotency-Key: 7f3c' \\
  -d '{"name":"db-1","vcpus":4,"memoryMiB":8192,"ratio":2,"constraints":{"antiAffinity":"db","labels":{"zone":"a"}}}'
curl -s http://127.0.0.1:8100/v1/placements:explain -H 'Content-Type: application/json' \\
  -d '{"vcpus":4,"memoryMiB":8192,"ratio":2}'
curl -s 'http://127.0.0.1:8100/deploy?name=web&cpu=2&mem=4&oc=2.0&qcow2=/var/lib/libvirt/images/debian.qcow2'
\`\`\``,
};

const headText = ({ title, source, introduction }: ApiHead): string => `# ${title}

<!-- Written by \`npm run openapi\` from ${source}. -->

${introduction}

"Needs" says which tokens may make a call: \`read\` any; \`change\` agent and operator; \`operate\` operator; \`open\` none at all.
`;

export function apiPage(document: OpenapiDocument, head: ApiHead): string {
  const calls = Object.entries(document.paths).flatMap(([path, operations]) =>
    Object.entries(operations).map(([method, operation]) => ({ path, method: method.toUpperCase(), operation })),
  );
  const tags = [...new Set(calls.flatMap((call) => call.operation.tags))];
  const sections = tags.map((tag) => {
    const own = calls.filter((call) => call.operation.tags.includes(tag));
    return `## ${tag}\n\n${own.map(({ method, path, operation }) => callText(method, path, operation)).join("\n")}`;
  });
  const components = Object.entries(document.components.schemas)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, schema]) => componentText(name, read(schema)));
  return `${headText(head)}\n${sections.join("\n")}\n# Shapes\n\n${components.join("\n")}`;
}

function callText(method: string, path: string, operation: Operation): string {
  const lines = [`### ${method} ${path}`, "", `${operation.summary}. Needs: \`${operation["x-access"]}\`.`, ""];
  const parameters = operation.parameters ?? [];
  if (parameters.length > 0) {
    lines.push("| parameter | in | | |", "|---|---|---|---|");
    for (const parameter of parameters) {
      const schema = read(parameter.schema);
      const about = [parameter.description, schema.description].find((text) => typeof text === "string") ?? "";
      const needed = parameter.required === true ? "required" : "optional";
      lines.push(
        `| \`${parameter.name}\` | ${parameter.in} | ${needed}, ${typeText(schema)} | ${cell(String(about))} |`,
      );
    }
    lines.push("");
  }
  const body = contentText(operation.requestBody);
  if (body !== null) lines.push(`Body: ${body}`, "");
  for (const [status, response] of Object.entries(operation.responses)) {
    if (status !== "default") lines.push(`${status}: ${contentText(response) ?? response.description}`, "");
  }
  return lines.join("\n");
}

const contentShape = z.looseObject({
  content: z.record(z.string(), z.looseObject({ schema: z.unknown() })).optional(),
});

function contentText(part: unknown): string | null {
  const content = part === undefined ? undefined : contentShape.parse(part).content;
  const [media, inner] = Object.entries(content ?? {})[0] ?? [];
  if (media === undefined || inner === undefined) return null;
  const type = typeText(read(inner.schema));
  return media === "application/json" ? type : `${type} as \`${media}\``;
}

function componentText(name: string, schema: Schema): string {
  const lines = [`## ${name}`, ""];
  if (schema.description !== undefined) lines.push(schema.description, "");
  lines.push("| field | type | |", "|---|---|---|");
  addFields(lines, schema, "");
  return `${lines.join("\n")}\n`;
}

/** Nested objects are written with dotted names, lists of them with `[]`. */
function addFields(lines: string[], schema: Schema, prefix: string): void {
  for (const [name, inner] of Object.entries(schema.properties ?? {})) {
    const field = read(inner);
    const optional = schema.required.includes(name) ? "" : ", optional";
    lines.push(`| \`${prefix}${name}\` | ${typeText(field)}${optional} | ${cell(field.description ?? "")} |`);
    const nested = [field, ...(field.anyOf ?? []).map(read)].find((one) => one.properties !== undefined);
    if (nested !== undefined) addFields(lines, nested, `${prefix}${name}.`);
    if (field.items !== undefined) addFields(lines, read(field.items), `${prefix}${name}[].`);
  }
}

function typeText(schema: Schema): string {
  if (schema.$ref !== undefined) {
    const name = schema.$ref.split("/").at(-1) ?? "";
    return `[${name}](#${name.toLowerCase()})`;
  }
  if (schema.const !== undefined) return `\`${String(schema.const)}\``;
  if (schema.enum !== undefined) return schema.enum.map((value) => `\`${String(value)}\``).join(", ");
  if (schema.anyOf !== undefined) return schema.anyOf.map((one) => typeText(read(one))).join(" or ");
  if (schema.items !== undefined) return `list of ${typeText(read(schema.items))}`;
  const types = typeof schema.type === "string" ? [schema.type] : (schema.type ?? ["any"]);
  return types.join(" or ") + rangeText(schema);
}

function rangeText({ minimum, maximum, pattern }: Schema): string {
  if (pattern !== undefined) return ` \`${cell(pattern)}\``;
  if (minimum !== undefined && maximum !== undefined) return ` from ${minimum} to ${maximum}`;
  return minimum === undefined ? "" : `, at least ${minimum}`;
}

const cell = (text: string): string => text.replaceAll("|", "\\|").replaceAll("\n", " ");
