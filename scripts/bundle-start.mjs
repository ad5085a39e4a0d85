// Puts the modules that `headroom estimate` needs for a recorded host into one file, dist/start/estimate.cjs, and keeps beside it
// what this Node compiles of them: Node takes longer to find, link and compile sixty modules than such a run takes to read its
// trace. bin/start.cjs takes the file while it is not older than what was compiled, and the code while Node is the one that made
// it; nothing else depends on them. Packages stay where they are, except the one that every run needs.
import { spawnSync } from "node:child_process";
import { readFile, rm } from "node:fs/promises";
import { relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const dist = fileURLToPath(new URL("../dist/", import.meta.url));
const out = resolve(dist, "start");
const outfile = resolve(out, "estimate.cjs");

/** Modules that such a run never comes to. */
const ELSEWHERE = /\/(program|commands\/(?!estimate\.js)[^/]*|compare-to-files|comparison-table)\.js$/;
/** What commander only needs for commands that are programs of their own: loaded when it is called for. */
const LATER = "node:child_process";

const plugin = {
  name: "headroom",
  setup(bundle) {
    bundle.onResolve({ filter: /^\./ }, ({ path, resolveDir }) =>
      ELSEWHERE.test(path) ? { path: `./${relative(out, resolve(resolveDir, path))}`, external: true } : null,
    );
    bundle.onResolve({ filter: /^[^./]/ }, ({ path, namespace }) => {
      if (path === LATER && namespace !== "later") return { path, namespace: "later" };
      return path === "commander" ? null : { path, external: true };
    });
    bundle.onLoad({ filter: /.*/, namespace: "later" }, ({ path }) => ({
      contents: `exports.spawn = (...words) => require(${JSON.stringify(path)}).spawn(...words);`,
    }));
    // Files next to a module are found from where it stood.
    bundle.onLoad({ filter: /\/dist\/.*\.js$/ }, async ({ path }) => {
      const place = JSON.stringify(relative(out, path));
      const url = `require("node:url").pathToFileURL(require("node:path").join(__dirname, ${place})).href`;
      return { contents: (await readFile(path, "utf8")).replaceAll("import.meta.url", url) };
    });
  },
};

// What was kept of an earlier bundle may not go with this one: V8 compares no more than lengths.
await rm(out, { recursive: true, force: true });
await build({
  entryPoints: [resolve(dist, "cli/main.js")],
  outfile,
  bundle: true,
  format: "cjs",
  platform: "node",
  target: "node20",
  plugins: [plugin],
  logLevel: "warning",
});
const keeper = fileURLToPath(new URL("keep-compiled.mjs", import.meta.url));
// As bin/headroom starts it: V8 takes code only under the flags that it was compiled under.
const { status } = spawnSync(process.execPath, ["--max-semi-space-size=1", keeper, outfile], {
  stdio: ["ignore", "ignore", "inherit"],
});
process.exitCode = status ?? 1;
