/**
 * The dashboard's files, as `make build` leaves them: its assets below `/assets/` and its icon; the page itself is `/`
 * (routes/root.ts). Open to everybody, as they hold nothing: what they show comes through the API, with the reader's token.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import staticFiles from "@fastify/static";
import type { App } from "./app-type.js";

/** Only its own scripts, styles and calls; in no frame of others. */
export const DASHBOARD_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; " +
  "form-action 'none'; frame-ancestors 'none'";

/** Adds the files; gives the page. Null where the dashboard was not built: everything else works without it. */
export function addDashboard(app: App, folder: string | null): string | null {
  if (folder === null || !existsSync(join(folder, "index.html"))) return null;
  app.register(async (scope) => {
    scope.addHook("onRoute", (route) => {
      route.config = { ...route.config, access: "open" };
      route.schema = { ...route.schema, hide: true };
    });
    const shared = { wildcard: false, index: false, decorateReply: false } as const;
    await scope.register(staticFiles, {
      ...shared,
      root: join(folder, "assets"),
      prefix: "/assets/",
      immutable: true,
      maxAge: "365d",
    });
    await scope.register(staticFiles, { ...shared, root: folder, globIgnore: ["assets/**", "index.html"] });
  });
  return readFileSync(join(folder, "index.html"), "utf8");
}
