/** `GET /`: a line that says that the agent is up; for a browser, a page of links to what can be read. */
import { z } from "zod";
import type { HttpContext, Routes } from "../context.js";
import { noQuery } from "../schemas/requests.js";

interface Link {
  readonly path: string;
  readonly about: string;
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

export const rootRoute =
  (seedCalls: boolean): Routes =>
  (app, context) => {
    const page = pageOf(context, seedCalls ? [...LINKS, ...SEED_LINKS] : LINKS);
    app.route({
      method: "GET",
      url: "/",
      config: { access: "open" },
      schema: {
        tags: ["Health"],
        summary: "A line of text: it is up (a browser gets a page of links)",
        operationId: "root",
        querystring: noQuery,
        response: { 200: { description: "It is up", content: { "text/plain": { schema: z.string() } } } },
      },
      handler: (request, reply) => {
        const browser = (request.headers.accept ?? "").includes("text/html");
        reply.serializer(String).header("vary", "accept");
        if (browser)
          reply.type("text/html; charset=utf-8").header("content-security-policy", "default-src 'none'").send(page);
        else reply.type("text/plain; charset=utf-8").send("The Headroom agent is up\n");
      },
    });
  };

function pageOf(context: HttpContext, links: readonly Link[]): string {
  const items = links.map(({ path, about }) => `<li><a href="${path}">${path}</a>: ${about}</li>`);
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Headroom agent</title>
<h1>Headroom agent ${context.version}</h1>
<p>It is up. What can be read here:</p>
<ul>
${items.join("\n")}
</ul>
<p>On the command line: <code>headroom status</code>, <code>headroom vm list</code>.</p>
</html>
`;
}
