// Puts the modules that `headroom estimate` needs for a recorded host into one file, dist/start/estimate.js: Node takes longer to
// find and link sixty modules than such a run takes to read its trace. bin/start.mjs takes the file while it is not older than
// what was compiled; nothing else depends on it. Packages stay where they are, except the one that every run needs.
import { readFile } from "node:fs/promises";
import { relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const dist = fileURLToPath(new URL("../dist/", import.meta.url));
const out = resolve(dist, "start");

/** Modules that such a run never comes to. */
const ELSEWHERE = /\/(program|commands\/(?!estimate\.js)[^/]*|compare-to-files|comparison-table)\.js$/;

const plugin = {
  name: "headroom",
  setup(bundle) {
    bundle.onResolve({ filter: /^\./ }, ({ path, resolveDir }) =>
      ELSEWHERE.test(path) ? { path: `./${relative(out, resolve(resolveDir, path))}`, external: true } : null,
    );
    bundle.onResolve({ filter: /^[^./]/ }, ({ path }) => (path === "commander" ? null : { path, external: true }));
    // Files next to a module are found from where it stood.
    bundle.onLoad({ filter: /\/dist\/.*\.js$/ }, async ({ path }) => {
      const url = `new URL(${JSON.stringify(relative(out, path))}, import.meta.url).href`;
      return { contents: (await readFile(path, "utf8")).replaceAll("import.meta.url", url) };
    });
  },
};

await build({
  entryPoints: [resolve(dist, "cli/main.js")],
  outfile: resolve(out, "estimate.js"),
  bundle: true,
  format: "esm",
  platform: "node",
  target: "node20",
  plugins: [plugin],
  // For what commander requires: Node's own modules.
  banner: { js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);' },
  logLevel: "warning",
});
