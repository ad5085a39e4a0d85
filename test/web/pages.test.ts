/** The dashboard as people use it: by role and label, in both colour schemes, on a phone, against a real cluster. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { Page } from "playwright-core";
import { milliseconds } from "../../src/core/units.js";
import { createToken, parseTokens } from "../../src/http/auth.js";
import { SETTINGS } from "../dynamic/support.js";
import { estimateOf } from "../estimator-online/estimates.js";
import { TestCluster } from "../http-scheduler/cluster.js";
import { browserMissing, checkAccessible, checkWidth, Dashboard } from "./browser.js";

const operator = createToken("operator");
const viewer = createToken("viewer");
const tokens = parseTokens(`${operator.line}\n${viewer.line}\n`, "tokens");

describe("the dashboard", { skip: browserMissing }, () => {
  let dashboard: Dashboard;
  let cluster: TestCluster;
  before(async () => {
    dashboard = await Dashboard.open();
    // Guests that boot for an hour move no ratio, whatever they do and however busy the machine is.
    const dynamic = { ...SETTINGS, bootTime: milliseconds(3_600_000) };
    cluster = await new TestCluster({ hosts: 3, dashboard: dashboard.folder, dynamic }).start();
    for (const [name, vcpus, ratio] of [
      ["web-1", 2, 1],
      ["db.main_1", 4, 2],
      ["batch-3", 3, 3],
    ] as const)
      await cluster.post("/v1/vms", { name, vcpus, memoryMiB: 2048, ratio });
    // Three windows of two hosts, by a strategy that was changed meanwhile.
    for (const [window, strategy] of ["maxpeak", "headroom", "headroom"].entries())
      await cluster.scheduler.publishEstimates(
        ["host-0", "host-1"].map((host) => ({
          ...estimateOf(host),
          at: milliseconds(Date.now() + window - 3),
          validUntil: milliseconds(Date.now() + 3_600_000),
          strategy,
        })),
      );
  });
  after(async () => {
    await cluster?.end();
    await dashboard?.close();
    assert.deepEqual(dashboard?.complaints, [], "no page complains in its console");
  });

  const visit = async (page: Page, hash: string): Promise<void> => {
    await page.goto(`${cluster.url}/${hash}`);
    await page.getByText("live", { exact: true }).waitFor();
  };

  const PAGES: readonly (readonly [name: string, hash: string, sign: RegExp])[] = [
    ["cluster", "#/", /No host is in trouble/],
    ["cluster, with estimates", "#/", /at most [\d.,]+ expected on 2 of 3 hosts/],
    ["host", "#/hosts/host-0", /Pools: exclusive pCPUs|No pool yet/],
    ["VMs", "#/vms", /db\.main_1/],
    ["VM", "#/vms/db.main_1", /Each vCPU and where it may run/],
    ["estimates", "#/estimates?host=host-1", /what was expected and what came/],
    ["what if", "#/what-if?vcpus=2&memory=1&ratio=2", /It would go to/],
  ];

  for (const scheme of ["light", "dark"] as const) {
    test(`every page is there and accessible in the ${scheme} scheme`, async () => {
      const page = await dashboard.page({ colorScheme: scheme });
      for (const [name, hash, sign] of PAGES) {
        await visit(page, hash);
        await page.getByText(sign).first().waitFor();
        await checkAccessible(page, `${name} (${scheme})`);
      }
      await page.context().close();
    });
  }

  test("on a phone no page is wider than the screen", async () => {
    const page = await dashboard.page({ viewport: { width: 360, height: 740 } });
    for (const [name, hash, sign] of PAGES) {
      await visit(page, hash);
      await page.getByText(sign).first().waitFor();
      await checkWidth(page, name);
    }
    await page.context().close();
  });

  test("the host page nests pCPUs by package and cache, also seen through the scheduler", async () => {
    const page = await dashboard.page();
    await visit(page, "#/hosts/host-0");
    const map = page.getByRole("img", { name: /Map of pCPUs: pool/ });
    await map.getByText("NUMA cell 0").waitFor();
    const topology = await cluster.get<{ host: string; totalPcpus: number }>("/v1/hosts/host-0/topology");
    assert.equal(topology.host, "host-0");
    await page.waitForFunction(`document.querySelectorAll(".cpu-map .pcpu").length === ${topology.totalPcpus}`);
    await page.context().close();
  });

  test("pools that follow their usage: what they were sold at, are counted with and may be, and what of them is active", async () => {
    const page = await dashboard.page();
    const host = cluster.scheduler.vm("batch-3")?.host;
    await visit(page, `#/hosts/${host}`);
    const table = page.getByRole("table", { name: /Pools that follow their usage/ });
    const cells = await table.getByRole("row", { name: /^3:1/ }).getByRole("cell").allTextContents();
    assert.deepEqual(cells.slice(0, 4), ["3:1", "1 to 3", "3", "0"]);
    assert.equal(await table.getByRole("row", { name: /^1:1/ }).count(), 0, "exclusive pCPUs take no part");
    await page.context().close();
  });

  test("a VM's page tells where it was placed and why, and what-if how many more fit", async () => {
    const page = await dashboard.page();
    await visit(page, "#/vms/web-1");
    await page
      .getByRole("list", { name: "Events, newest first" })
      .getByText(/2 vCPUs and 2048 MiB at ratio 1: best score, .*balance/)
      .waitFor();
    await visit(page, "#/what-if?vcpus=2&memory=1&ratio=2");
    await page.getByText(/such VMs fit in all, one after the other/).waitFor();
    await page
      .getByText(/room for \d+/)
      .first()
      .waitFor();
    await page.context().close();
  });

  test("estimates: what is needed, booked and there of every host, and how it went, a line for each strategy", async () => {
    const page = await dashboard.page();
    await visit(page, "#/");
    await page.getByRole("link", { name: "Estimates" }).click();
    const bar = page.getByRole("row", { name: /host-0/ }).getByRole("img");
    assert.equal(await bar.getAttribute("aria-label"), "12.3 needed, 40 booked, of 64 pCPUs");
    await page.getByRole("link", { name: "host-1" }).click();
    await page.getByRole("heading", { name: "host-1, by the strategy headroom" }).waitFor();
    const figure = page.getByRole("figure").filter({ hasText: "CPU: what was expected and what came" });
    for (const label of ["expected (maxpeak)", "expected (headroom)", "peak", "booked", "capacity"])
      await figure.getByText(label, { exact: true }).first().waitFor();
    await page.context().close();
  });

  test("what happens is shown without asking: a VM that is deployed elsewhere appears", async () => {
    const page = await dashboard.page();
    await visit(page, "#/");
    await cluster.post("/v1/vms", { name: "seen-live", vcpus: 1, memoryMiB: 512, ratio: 1 });
    await page.getByRole("list", { name: "Events, newest first" }).getByRole("link", { name: "seen-live" }).waitFor();
    await page.getByText("3 hosts, 4 VMs").waitFor();
    await cluster.scheduler.remove("seen-live");
    await page.context().close();
  });

  test("an operator deploys from what-if, and removes again, with a confirmation each", async () => {
    const page = await dashboard.page();
    await visit(page, "#/what-if?vcpus=1&memory=1&ratio=1");
    await page.getByLabel("Name").fill("made-here");
    await page.getByRole("button", { name: "Deploy" }).click();
    await page.getByRole("dialog", { name: "Deploy made-here?" }).getByRole("button", { name: "Deploy" }).click();
    await page.getByRole("heading", { name: "made-here", exact: true }).waitFor();
    assert.ok(cluster.placed().has("made-here"));
    await page.getByRole("button", { name: "Remove" }).click();
    const dialog = page.getByRole("dialog", { name: "Remove made-here?" });
    await dialog.getByRole("button", { name: "Leave it" }).click();
    assert.ok(cluster.placed().has("made-here"), "leaving it leaves it");
    await page.getByRole("button", { name: "Remove" }).click();
    await dialog.getByRole("button", { name: "Remove" }).click();
    await page.getByRole("heading", { name: "VMs", exact: true }).waitFor();
    assert.ok(!cluster.placed().has("made-here"));
    await page.context().close();
  });

  test("a refusal is said in the server's own words, and nothing else happens", async () => {
    const page = await dashboard.page();
    await visit(page, "#/what-if?vcpus=1&memory=1&ratio=1");
    await page.getByLabel("Name").fill("web-1");
    await page.getByRole("button", { name: "Deploy" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByRole("button", { name: "Deploy" }).click();
    await dialog.getByRole("alert").getByText(/web-1/).waitFor();
    await page.context().close();
  });

  test("a host is closed and opened again", async () => {
    const page = await dashboard.page();
    await visit(page, "#/hosts/host-2");
    await page.getByRole("button", { name: "Cordon", exact: true }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Cordon", exact: true }).click();
    await page.getByRole("button", { name: "Uncordon" }).click();
    assert.equal(cluster.scheduler.host("host-2")?.cordoned, true);
    await page.getByRole("dialog").getByRole("button", { name: "Uncordon" }).click();
    await page.getByRole("button", { name: "Cordon", exact: true }).waitFor();
    assert.equal(cluster.scheduler.host("host-2")?.cordoned, false);
    await page.context().close();
  });

  test("what is wrong is said: a VM and a host that are not there, a shape that cannot be, an address that leads nowhere", async () => {
    const page = await dashboard.page();
    await visit(page, "#/vms/nobody");
    await page
      .getByRole("alert")
      .getByText(/nobody/)
      .waitFor();
    await visit(page, "#/hosts/%3Cb%3Enowhere");
    await page.getByText("There is no host of this name here.").waitFor();
    await page.getByRole("heading", { name: "<b>nowhere" }).waitFor();
    await visit(page, "#/what-if?vcpus=0&memory=1&ratio=1");
    await page
      .getByRole("alert")
      .getByText(/vCPUs: a whole number from 1/)
      .waitFor();
    await visit(page, "#/attic");
    await page.getByRole("heading", { name: "No such page" }).waitFor();
    await page.context().close();
  });

  test("by keyboard alone: skip to the content, open a host, cancel a dialog with Escape", async () => {
    const page = await dashboard.page();
    await visit(page, "#/");
    await page.keyboard.press("Tab");
    assert.equal(await page.evaluate("document.activeElement.textContent.trim()"), "To the content");
    await page.getByRole("link", { name: "host-1", exact: true }).first().focus();
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "host-1" }).waitFor();
    await page.getByRole("button", { name: "Drain" }).focus();
    await page.keyboard.press("Enter");
    await page.getByRole("dialog", { name: "Empty host-1?" }).waitFor();
    await page.keyboard.press("Escape");
    await page
      .getByRole("dialog")
      .waitFor({ state: "detached" })
      .catch(() => page.getByRole("dialog").waitFor({ state: "hidden" }));
    assert.equal(cluster.scheduler.host("host-1")?.draining, false);
    await page.context().close();
  });
});

describe("the dashboard with tokens", { skip: browserMissing }, () => {
  let dashboard: Dashboard;
  let cluster: TestCluster;
  before(async () => {
    dashboard = await Dashboard.open();
    cluster = await new TestCluster({ hosts: 1, tokens, token: operator.token, dashboard: dashboard.folder }).start();
  });
  after(async () => {
    await cluster?.end();
    await dashboard?.close();
  });

  const signIn = async (page: Page, token: string): Promise<void> => {
    await page.getByLabel("Token").fill(token);
    await page.getByRole("button", { name: "Sign in" }).click();
  };

  test("asks for a token, says when it is wrong, offers a viewer nothing that would be refused, and forgets it", async () => {
    const page = await dashboard.page();
    await page.goto(`${cluster.url}/#/hosts/host-0`);
    await page.getByRole("heading", { name: "Sign in" }).waitFor();
    await checkAccessible(page, "signing in");
    await signIn(page, "wrong");
    await page.getByText(/not one of this server's/).waitFor();
    await signIn(page, viewer.token);
    await page.getByRole("heading", { name: "host-0" }).waitFor();
    assert.equal(await page.getByRole("button", { name: "Cordon" }).count(), 0);
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByRole("heading", { name: "Sign in" }).waitFor();
    await signIn(page, operator.token);
    await page.getByRole("button", { name: "Cordon" }).waitFor();
    await page.context().close();
  });

  test("a server that dies is said to be away, with what was last known; when it is back, so is the page", async () => {
    const page = await dashboard.page();
    await page.goto(`${cluster.url}/`);
    await signIn(page, operator.token);
    await page.getByText("live", { exact: true }).waitFor();
    await cluster.stopScheduler();
    await page
      .getByRole("alert")
      .getByText(/The server does not answer/)
      .waitFor();
    await page.getByRole("link", { name: "host-0", exact: true }).first().waitFor();
    await cluster.startScheduler();
    await page.getByText("live", { exact: true }).waitFor();
    await page.context().close();
  });
});

describe("the dashboard of a cluster without hosts", { skip: browserMissing }, () => {
  test("says how to add one", async () => {
    const dashboard = await Dashboard.open();
    const cluster = await new TestCluster({ hosts: 0, dashboard: dashboard.folder }).start();
    try {
      const page = await dashboard.page();
      await page.goto(cluster.url);
      await page.getByText(/No host yet/).waitFor();
      await checkAccessible(page, "an empty cluster");
      await page.getByRole("link", { name: "Estimates" }).click();
      await page.getByText(/No estimate has been published/).waitFor();
    } finally {
      await cluster.end();
      await dashboard.close();
    }
  });
});
