/** How servers hand out the dashboard, and what they tell it of the caller. */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { createToken, parseTokens } from "../../src/http/auth.js";
import { serve } from "../http/support.js";
import { SchedulerDouble, schedulerApp } from "../http-scheduler/scheduler-double.js";

const folder = mkdtempSync(join(tmpdir(), "headroom-dashboard-"));
after(() => rmSync(folder, { recursive: true }));
mkdirSync(join(folder, "assets"));
writeFileSync(join(folder, "index.html"), "<!doctype html><title>Headroom</title>");
writeFileSync(join(folder, "icon.svg"), "<svg/>");
writeFileSync(join(folder, "assets", "index-1a2b.js"), "export {};");

const operator = createToken("operator");
const viewer = createToken("viewer");
const tokens = parseTokens(`${operator.line}\n${viewer.line}\n`, "tokens");

test("a browser gets the dashboard at /, whoever else asks gets a line", async () => {
  const { app } = serve({ dashboard: folder });
  const page = await app.inject({ url: "/", headers: { accept: "text/html,*/*" } });
  assert.match(page.body, /<title>Headroom/);
  assert.match(String(page.headers["content-security-policy"]), /script-src 'self'.*frame-ancestors 'none'/);
  assert.equal(page.headers["cache-control"], "no-cache");
  assert.match((await app.inject("/")).body, /^The Headroom agent is up\n$/);
  await app.close();
});

test("its files are open to everybody, may be kept for ever where their names change, and nothing else is handed out", async () => {
  const { app } = serve({ dashboard: folder, tokens });
  const script = await app.inject("/assets/index-1a2b.js");
  assert.equal(script.statusCode, 200);
  assert.match(String(script.headers["content-type"]), /javascript/);
  assert.match(String(script.headers["cache-control"]), /immutable/);
  assert.equal((await app.inject("/icon.svg")).statusCode, 200);
  for (const url of [
    "/assets/../index.html",
    "/assets/%2e%2e/index.html",
    "/assets/",
    "/assets/none.js",
    "/index.html",
  ])
    assert.equal((await app.inject(url)).statusCode, 404, url);
  assert.equal((await app.inject("/v1/vms")).statusCode, 401);
  await app.close();
});

test("where it was not built, a browser gets links", async () => {
  const { app } = serve({ dashboard: join(folder, "nowhere") });
  assert.match((await app.inject({ url: "/", headers: { accept: "text/html" } })).body, /\/v1\/vms/);
  await app.close();
});

test("a session says whom one speaks to, and as whom", async () => {
  const ask = async (app: ReturnType<typeof schedulerApp>["app"], token: string | null) =>
    (
      await app.inject({ url: "/v1/session", headers: token === null ? {} : { authorization: `Bearer ${token}` } })
    ).json<unknown>();
  const open = serve();
  assert.deepEqual(await ask(open.app, null), { program: "agent", version: "test", role: "operator", tokens: false });
  await open.app.close();
  const { app } = schedulerApp(new SchedulerDouble(), { tokens });
  assert.deepEqual(await ask(app, viewer.token), {
    program: "scheduler",
    version: "test",
    role: "viewer",
    tokens: true,
  });
  assert.deepEqual(await ask(app, operator.token), {
    program: "scheduler",
    version: "test",
    role: "operator",
    tokens: true,
  });
  assert.equal((await app.inject("/v1/session")).statusCode, 401);
  await app.close();
});
