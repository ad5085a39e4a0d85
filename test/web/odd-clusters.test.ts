/** Clusters that are large, slow, or have names of odd characters: all shown well. Over a scheduler's HTTP application with made-up hosts. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { listen } from "../../src/http/server.js";
import type { ClusterHost, ClusterMoves } from "../../src/scheduler/service.js";
import { SchedulerDouble, schedulerApp } from "../http-scheduler/scheduler-double.js";
import { browserMissing, checkAccessible, checkWidth, Dashboard } from "./browser.js";
import { LargeCluster, movesBetween } from "./large-cluster.js";

/** Names that a careless page would take for markup, for an address or for several words; a listed agent is called by its address. */
const ODD = [
  "<img src=x onerror=alert(1)>",
  "rack 1/3 at 50% #7?",
  "http://10.0.0.9:8099",
  "Größe-Ж-主机",
  "x".repeat(120),
];

class OddHosts extends SchedulerDouble {
  override hosts = (): readonly ClusterHost[] => {
    const { status } = LARGE!.hosts()[0]!;
    const some = LARGE!.hosts()[0]!;
    return ODD.map((id) => ({ ...some, id, status: status === null ? null : { ...status, host: id } }));
  };
  override moves = (): ClusterMoves => movesBetween("host-a", ODD[1]!, ODD[4]!);
  override host = (id: string): ClusterHost | null => this.hosts().find((host) => host.id === id) ?? null;
}

let LARGE: LargeCluster | null = null;

describe("the dashboard of an unusual cluster", { skip: browserMissing }, () => {
  let dashboard: Dashboard;
  before(async () => {
    dashboard = await Dashboard.open();
    LARGE = await LargeCluster.of(1_000, 4);
  });
  after(async () => {
    await dashboard?.close();
    assert.deepEqual(dashboard?.complaints, [], "no page complains in its console");
  });

  /** Serves the scheduler's application for as long as `look` looks. */
  async function served(scheduler: SchedulerDouble, look: (url: string) => Promise<void>): Promise<void> {
    const { app } = schedulerApp(scheduler, { dashboard: dashboard.folder });
    const server = await listen(app, { host: "127.0.0.1", port: 0 });
    try {
      await look(server.url);
    } finally {
      await server.close();
    }
  }

  test("of 1,000 hosts those in trouble come first, the others are a search or a click away", () =>
    served(LARGE!, async (url) => {
      const page = await dashboard.page();
      await page.goto(url);
      await page.getByText("1,000 hosts, 4,000 VMs").waitFor();
      const tiles = page.locator(".tiles li");
      assert.equal(await tiles.count(), 240);
      assert.match((await tiles.first().textContent()) ?? "", /down, silent for 1 min/);
      const moves = page.getByRole("region", { name: "Live moves", exact: true });
      await moves.getByText("17 of 60 moves begun in the last hour to make room").waitFor();
      await moves.getByText("1 planned, the oldest counts for 21 min 0 s more, at most 2 for each VM").waitFor();
      await moves.getByText("asked waits for room on host-0001: 0 of 2 moves made, 4 s of 45 s").waitFor();
      await moves
        .getByRole("row", { name: "small host-0001 host-0002 moving, 3 s 2 GiB to make room for asked" })
        .waitFor();
      await moves.getByRole("row", { name: "next host-0001 host-0003 planned 2 GiB to make room for asked" }).waitFor();
      await checkAccessible(page, "1,000 hosts");
      await page.getByRole("button", { name: "Show more: 760 hosts are not shown" }).click();
      await page.waitForFunction(`document.querySelectorAll(".tiles li").length === 1000`);
      await page.getByLabel("Name or state").fill("host-0999");
      await page.getByRole("link", { name: "host-0999" }).click();
      await page.getByRole("heading", { name: "host-0999" }).waitFor();
      await page.getByText(/packages, caches and cores are not known/).waitFor();
      await page.context().close();
    }));

  test("names of any characters are shown as they are, lead to their pages, and break no phone's screen", () =>
    served(new OddHosts(), async (url) => {
      const page = await dashboard.page({ viewport: { width: 360, height: 740 }, colorScheme: "dark" });
      for (const name of ODD) {
        await page.goto(`${url}/#/`);
        await page.getByRole("list").getByRole("link", { name, exact: true }).click();
        await page.getByRole("heading", { name, exact: true }).waitFor();
        await checkWidth(page, name);
      }
      await page.goto(`${url}/#/`);
      await page.getByRole("link", { name: ODD[0]!, exact: true }).waitFor();
      await page.getByText("to make room for asked").first().waitFor();
      await checkWidth(page, "the cluster");
      await checkAccessible(page, "odd names on a phone");
      await page.context().close();
    }));

  test("a server that takes its time is said to be slow, and what it says is shown", () =>
    served(new SchedulerDouble(), async (url) => {
      const page = await dashboard.page();
      await page.route("**/v1/hosts?*", async (route) => {
        await new Promise((resolve) => setTimeout(resolve, 2_100));
        await route.continue();
      });
      await page.goto(url);
      await page.getByText("Asking for the hosts…").waitFor();
      await page
        .getByRole("status")
        .getByText(/slow: answers take 2\.\d s/)
        .waitFor();
      await page.getByRole("link", { name: "host-a", exact: true }).waitFor();
      await checkAccessible(page, "a slow server");
      await page.context().close();
    }));
});
