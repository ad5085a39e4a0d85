/** `GET /`: a line that says that the agent is up; for a browser the dashboard, or a page of links where it was not built. */
import { z } from "zod";
import type { Routes, SharedContext } from "../context.js";
import { DASHBOARD_POLICY } from "../dashboard.js";
import { noQuery } from "../schemas/requests.js";

interface Link {
  readonly path: string;
  readonly about: string;
}

/** What the page of a server shows. */
export interface Face {
  readonly program: string;
  readonly links: readonly Link[];
  readonly seedLinks: readonly Link[];
  /** Commands to try. */
  readonly commands: readonly string[];
}

const LINKS: readonly Link[] = [
  { path: "/v1/hosts", about: "the host: pools, free resources, the state of its agent" },
  { path: "/v1/vms", about: "VMs, their ratios, pins and usage" },
  { path: "/v1/pools", about: "CPU pools" },
  { path: "/v1/topology", about: "packages, cores, caches and NUMA cells" },
  { path: "/v1/events", about: "events as they happen" },
  { path: "/metrics", about: "metrics for Prometheus" },
  { path: "/readyz", about: "whether the agent takes requests" },
  { path: "/openapi.json", about: "this interface as an OpenAPI document" },
];
const SEED_LINKS: readonly Link[] = [
  { path: "/status", about: "pools and free resources as the earlier systems answered" },
  { path: "/listvm", about: "names of the VMs" },
];

export const AGENT_FACE: Face = {
  program: "agent",
  links: LINKS,
  seedLinks: SEED_LINKS,
  commands: ["headroom status", "headroom vm list"],
};

export const rootRoute =
  (face: Face, seedCalls: boolean): Routes<SharedContext> =>
  (app, context) => {
    const links = pageOf(context, face, seedCalls ? [...face.links, ...face.seedLinks] : face.links);
    const page = context.dashboard ?? links;
    const policy = context.dashboard === null ? "default-src 'none'" : DASHBOARD_POLICY;
    app.route({
      method: "GET",
      url: "/",
      config: { access: "open" },
      schema: {
        tags: ["Health"],
        summary: "A line of text: it is up (a browser gets the dashboard)",
        operationId: "root",
        querystring: noQuery,
        response: { 200: { description: "It is up", content: { "text/plain": { schema: z.string() } } } },
      },
      handler: (request, reply) => {
        const browser = (request.headers.accept ?? "").includes("text/html");
        reply.serializer(String).header("vary", "accept");
        if (browser)
          reply
            .type("text/html; charset=utf-8")
            .headers({ "content-security-policy": policy, "cache-control": "no-cache" })
            .send(page);
        else reply.type("text/plain; charset=utf-8").send(`The Headroom ${face.program} is up\n`);
      },
    });
  };

function pageOf(context: SharedContext, { program, commands }: Face, links: readonly Link[]): string {
  const items = links.map(({ path, about }) => `<li><a href="${path}">${path}</a>: ${about}</li>`);
  const examples = commands.map((command) => `<code>${command}</code>`).join(", ");
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Headroom ${program}</title>
<h1>Headroom ${program} ${context.version}</h1>
<p>It is up. What can be read here:</p>
<ul>
${items.join("\n")}
</ul>
<p>On the command line: ${examples}.</p>
</html>
`;
}
