/**
 * Pages in a real browser: Debian's Chromium, driven by Playwright, on a dashboard built for the test. Accessibility is looked
 * at by axe. Where there is no Chromium, `browserMissing` says so, and the tests are skipped by name.
 */
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { build } from "vite";
import { ROOT } from "../style/source-files.js";

const PROGRAM = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find((path) =>
  existsSync(path),
);

export const browserMissing: string | false = PROGRAM === undefined ? "no chromium on this machine" : false;

/** Root has no sandbox; nothing but loopback is to be spoken to. */
const ARGUMENTS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** Patience for a busy machine; nothing waits this long where all is well. */
const PATIENCE_MS = 30_000;

interface AxeResult {
  readonly violations: readonly {
    readonly id: string;
    readonly impact: string;
    readonly nodes: readonly { readonly html: string }[];
  }[];
}

export class Dashboard {
  /** What the page's own code complained of. */
  readonly complaints: string[] = [];

  private constructor(
    readonly folder: string,
    private readonly browser: Browser,
  ) {}

  static async open(): Promise<Dashboard> {
    const folder = mkdtempSync(join(tmpdir(), "headroom-dashboard-"));
    await build({ configFile: join(ROOT, "web", "vite.config.ts"), logLevel: "error", build: { outDir: folder } });
    const browser = await chromium.launch({ executablePath: PROGRAM ?? "", args: ARGUMENTS });
    return new Dashboard(folder, browser);
  }

  async close(): Promise<void> {
    await this.browser.close();
    rmSync(this.folder, { recursive: true });
  }

  /** A reader of its own: another tab, another token. */
  async page(options: BrowserContextOptions = {}): Promise<Page> {
    const context = await this.browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
    context.setDefaultTimeout(PATIENCE_MS);
    const page = await context.newPage();
    page.on("pageerror", (error) => this.complaints.push(error.message));
    return page;
  }
}

/** Throws what axe finds serious or critical (WCAG 2.2 A and AA). */
export async function checkAccessible(page: Page, where: string): Promise<void> {
  // The page's policy lets no foreign script in; the debugger may.
  await page.evaluate(axe);
  const result = (await page.evaluate("axe.run({ resultTypes: ['violations'] })")) as AxeResult;
  const serious = result.violations.filter(({ impact }) => impact === "serious" || impact === "critical");
  assert.deepEqual(
    serious.map(({ id, nodes }) => `${where}: ${id}: ${nodes[0]?.html}`),
    [],
  );
}

/** Wider than its window, a page scrolls sideways: on a phone that is a fault. */
export async function checkWidth(page: Page, where: string): Promise<void> {
  const over = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth");
  assert.equal(over, 0, `${where} is ${over} pixels too wide`);
}
