/**
 * The dashboard in a real browser, over a cluster of 1,000 hosts and 20,000 VMs: time to the first view, and frames while hosts'
 * use moves and VMs are placed; beside the same pages over 10 hosts in the same run. Needs Chromium.
 */
import type { Page } from "playwright-core";
import { listen } from "../../src/http/server.js";
import { schedulerApp } from "../http-scheduler/scheduler-double.js";
import { browserMissing, Dashboard } from "../web/browser.js";
import { LargeCluster } from "../web/large-cluster.js";
import { printTable } from "./table.js";

const WATCHED_MS = 15_000;
const EVENTS_A_SECOND = 20;

interface Frames {
  readonly count: number;
  readonly median: number;
  readonly p95: number;
  readonly worst: number;
  /** Script that ran for more than 50 ms at a stretch (Long Tasks API), in all. */
  readonly longMs: number;
}

/** Gaps between frames while the page is watched. As text: it runs in the page. */
const WATCH = `new Promise((resolve) => {
  const gaps = [];
  let longMs = 0;
  const observer = new PerformanceObserver((list) => { for (const entry of list.getEntries()) longMs += entry.duration; });
  observer.observe({ type: "longtask" });
  const began = performance.now();
  let last = began;
  const frame = (now) => {
    gaps.push(now - last);
    last = now;
    if (now - began < ${WATCHED_MS}) return requestAnimationFrame(frame);
    observer.disconnect();
    gaps.sort((a, b) => a - b);
    const at = (part) => gaps[Math.min(gaps.length - 1, Math.floor(part * gaps.length))];
    resolve({ count: gaps.length, median: at(0.5), p95: at(0.95), worst: gaps.at(-1), longMs });
  };
  requestAnimationFrame(frame);
})`;

async function firstView(page: Page, url: string, sign: string): Promise<number> {
  await page.goto("about:blank");
  const began = performance.now();
  await page.goto(url, { waitUntil: "commit" });
  await page.locator(sign).first().waitFor();
  return performance.now() - began;
}

const PAGES = [
  ["cluster", "#/", ".tiles li"],
  ["host", "#/hosts/host-0001", ".cpu-map"],
  ["VMs", "#/vms", "tbody tr"],
  ["what if", "#/what-if", ".verdicts li"],
] as const;

async function measure(dashboard: Dashboard, hosts: number): Promise<readonly (readonly string[])[]> {
  const cluster = await LargeCluster.of(hosts, 20);
  const { app } = schedulerApp(cluster, { dashboard: dashboard.folder });
  const server = await listen(app, { host: "127.0.0.1", port: 0 });
  const page = await dashboard.page();
  const rows: string[][] = [];
  try {
    for (const [name, hash, sign] of PAGES) {
      const views: number[] = [];
      for (let i = 0; i < 3; i++) views.push(await firstView(page, `${server.url}/${hash}`, sign));
      const stirring = setInterval(() => cluster.stir(EVENTS_A_SECOND), 1_000);
      const frames = (await page.evaluate(WATCH)) as Frames;
      clearInterval(stirring);
      const ms = (value: number): string => value.toFixed(0);
      rows.push([
        `${name}, ${hosts} hosts`,
        ms(Math.min(...views)),
        ...[frames.median, frames.p95, frames.worst].map((gap) => gap.toFixed(1)),
        ms(frames.longMs),
      ]);
    }
  } finally {
    await page.context().close();
    await server.close();
  }
  return rows;
}

if (browserMissing !== false) console.log(`left out: ${browserMissing}`);
else {
  const dashboard = await Dashboard.open();
  try {
    const rows = [...(await measure(dashboard, 10)), ...(await measure(dashboard, 1_000))];
    printTable(
      ["page", "first view (ms)", "frame p50", "p95", "worst (ms)", `long tasks in ${WATCHED_MS / 1000} s (ms)`],
      rows,
    );
  } finally {
    await dashboard.close();
  }
}
