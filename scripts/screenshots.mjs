// Takes the pictures of docs/dashboard.md, in docs/screenshots: each page of the dashboard on the demonstration's cluster, the first while one host
// is down. Needs Chromium and a build (`make build`): `node scripts/screenshots.mjs`. Estimates are published by this script, as no estimator runs in the demonstration.
import { spawn } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { chromium } from "playwright-core";

const FOLDER = "docs/screenshots";
const program = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find((path) =>
  existsSync(path),
);
if (program === undefined) throw new Error("no Chromium on this machine");

const demo = spawn(process.execPath, ["bin/start.cjs", "demo", "--plain", "--keep", "--seconds", "60"], {
  stdio: ["ignore", "pipe", "inherit"],
});
let said = "";
const url = await new Promise((resolve, reject) => {
  demo.stdout.on("data", (text) => {
    said += text;
    const found = /Open (http:\/\/127\.0\.0\.1:\d+)\//.exec(said);
    if (found) resolve(found[1]);
  });
  demo.on("exit", () => reject(new Error(`the demonstration ended: ${said}`)));
});

const ask = async (path, body) => {
  const options =
    body === undefined
      ? {}
      : { method: "POST", body: JSON.stringify(body), headers: { "content-type": "application/json" } };
  const response = await fetch(url + path, options);
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  return response.json();
};
const until = async (holds) => {
  for (let tries = 0; !(await holds()); tries++) {
    if (tries > 600) throw new Error("waited too long");
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
};

/** Eight windows of each host: used as it is now, more or less; needed a little more. */
async function publishEstimates() {
  const { items } = await ask("/v1/hosts");
  const now = Date.now();
  for (let window = 0; window < 8; window++) {
    const at = now - (7 - window) * 900_000;
    const resource = (capacity, booked, used) => {
      const peak = used * (0.75 + 0.25 * Math.sin(window + used));
      return {
        capacity,
        booked,
        need: 1.15 * used,
        free: capacity - 1.15 * used,
        peak,
        stable: true,
        samples: 60,
        missing: 0,
        instead: null,
      };
    };
    const estimates = items.map(({ id, status }) => ({
      host: id,
      at,
      horizonSeconds: 900,
      validUntil: at + 1_200_000,
      strategy: "headroom",
      vms: status.vmCount,
      cpu: resource(
        status.pcpus.total,
        status.pools.reduce((sum, pool) => sum + pool.allocatedVcpus, 0),
        status.usage.cpuPcpus ?? 1,
      ),
      memory: resource(status.memory.capacityMiB, status.memory.allocatedMiB, status.usage.memoryMiB ?? 1024),
    }));
    await ask("/v1/estimates", { estimates });
  }
}

const browser = await chromium.launch({ executablePath: program, args: ["--no-sandbox", "--disable-gpu"] });
async function picture(name, hash, sign, { scheme = "light", width = 1100, height = 760, before } = {}) {
  const context = await browser.newContext({ viewport: { width, height }, colorScheme: scheme });
  const page = await context.newPage();
  await page.goto(`${url}/${hash}`);
  await page.getByText(sign).first().waitFor();
  await before?.(page);
  await page.waitForTimeout(1_500);
  await page.screenshot({ path: `${FOLDER}/${name}.png` });
  await context.close();
  console.log(`${FOLDER}/${name}.png`);
}

try {
  mkdirSync(FOLDER, { recursive: true });
  const watching = browser.newContext({ viewport: { width: 1100, height: 760 } });
  const early = await (await watching).newPage();
  // Open from the beginning, so that its course and its events are there.
  await early.goto(`${url}/#/`);
  await until(async () => (await ask("/v1/hosts")).items.some(({ state }) => state === "down"));
  await early
    .getByText(/down, silent/)
    .first()
    .waitFor();
  await early.screenshot({ path: `${FOLDER}/cluster.png` });
  console.log(`${FOLDER}/cluster.png`);
  await until(async () => /Played/.test(said));
  await publishEstimates();
  const { items } = await ask("/v1/hosts");
  const host = [...items].sort((a, b) => b.vmCount - a.vmCount)[0].id;
  const vm = (await ask(`/v1/vms?host=${host}`)).items[0].name;
  await picture("host", `#/hosts/${host}`, /Pools: exclusive/, {
    scheme: "dark",
    height: 900,
    before: (page) => page.getByText("NUMA cell").first().waitFor(),
  });
  await picture("vms", "#/vms", /Deploy one/);
  await picture("vm", `#/vms/${vm}`, /Each vCPU/, { before: (page) => page.waitForTimeout(8_000) });
  await picture("estimates", `#/estimates?host=${host}`, /what was expected/, { height: 900 });
  await picture("what-if", "#/what-if?vcpus=4&memory=8&ratio=2", /It would go to/);
  await picture("phone", "#/", /In sum|Hosts and VMs/, { width: 390, height: 760, scheme: "dark" });
} finally {
  await browser.close();
  demo.kill("SIGINT");
}
