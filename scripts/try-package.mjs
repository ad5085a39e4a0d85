// Packs Headroom, installs the package into an empty folder as a user would, and runs what it brings: the command, its help, completion and
// manual page, and a simulated agent with its dashboard. Asks the registry for what npm has not cached. Takes half a minute and more, and so
// is no part of the tests: `node scripts/try-package.mjs`. KEEP=1 leaves the folder.
import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const folder = mkdtempSync(join(tmpdir(), "headroom-package-"));
const run = (command, args, options = {}) =>
  execFileSync(command, args, { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"], ...options });
const check = (what, holds) => {
  if (!holds) throw new Error(`not so: ${what}`);
  console.log(`ok: ${what}`);
};

/** Resolves with the first answer that `url` gives. */
async function answer(url, headers) {
  for (let tries = 0; ; tries++) {
    try {
      return await (await fetch(url, { headers })).text();
    } catch (error) {
      if (tries === 100) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

async function tryAgent(headroom) {
  const args = ["agent", "--hypervisor", "fake:///", "--topology", "i7-1185g7", "--port", "0", "--log-format", "json"];
  const agent = spawn(headroom, [...args, "--state-folder", join(folder, "state")], {
    stdio: ["ignore", "pipe", "pipe"],
    cwd: folder,
  });
  try {
    const url = await new Promise((resolve, reject) => {
      let said = "";
      const hear = (text) => {
        said += text;
        const found = /http:\/\/127\.0\.0\.1:\d+/.exec(said);
        if (found) resolve(found[0]);
      };
      agent.stdout.on("data", hear);
      agent.stderr.on("data", hear);
      agent.on("exit", () => reject(new Error(`the agent ended: ${said}`)));
    });
    const page = await answer(`${url}/`, { accept: "text/html" });
    check("an agent runs, and shows the dashboard", page.includes('<script type="module"'));
    const script = /src="([^"]+\.js)"/.exec(page)?.[1] ?? "";
    check("with its scripts", (await answer(new URL(script, `${url}/`))).length > 10_000);
    check("and its interface", JSON.parse(await answer(`${url}/openapi.json`)).openapi.startsWith("3."));
  } finally {
    agent.kill();
  }
}

try {
  run("npm", ["pack", "--pack-destination", folder, "--loglevel", "error"]);
  const [name] = readdirSync(folder).filter((file) => file.endsWith(".tgz"));
  const size = statSync(join(folder, name)).size;
  console.log(`${name}: ${(size / 1e6).toFixed(1)} MB`);
  check("the package is smaller than 5 MB", size < 5e6);
  const prefix = join(folder, "opt", "headroom");
  const install = ["install", "--global", "--prefix", prefix, "--no-audit", "--no-fund", "--prefer-offline"];
  run("npm", [...install, join(folder, name)], { cwd: folder });
  const headroom = join(prefix, "bin", "headroom");
  check("headroom --version", /^\d+\.\d+\.\d+\n$/.test(run(headroom, ["--version"])));
  check("headroom --help lists commands", run(headroom, ["--help"]).includes("headroom report"));
  check("completion", run(headroom, ["completion", "bash"]).includes("complete"));
  check("a topology is drawn", run(headroom, ["topology", "--topology", "epyc-7662-2s"]).includes("L3"));
  check(
    "the other names",
    ["vcpu_scheduler", "memory_coordinator"].every((bin) => existsSync(join(prefix, "bin", bin))),
  );
  check("the manual page", existsSync(join(prefix, "share", "man", "man1", "headroom.1")));
  const units = join(prefix, "lib", "node_modules", "headroom", "deploy", "systemd");
  check("units for /opt/headroom", readdirSync(units).includes("headroom-agent.service"));
  await tryAgent(headroom);
} finally {
  if (process.env.KEEP === "1") console.log(`left: ${folder}`);
  else rmSync(folder, { recursive: true, force: true });
}
