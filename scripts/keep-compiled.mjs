// Keeps what this Node compiles of a bundle (scripts/bundle-start.mjs) beside it, for bin/start.cjs: V8 compiles functions when
// they are first called, so that short runs are made of it before.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";

const require = createRequire(import.meta.url);
const { compiledPath, optimizeLate, runScript, scriptOf } = require("../bin/start.cjs");

const [, , file] = process.argv;
const folder = mkdtempSync(join(tmpdir(), "headroom-compiled-"));
const trace = join(folder, "trace.json");
const usage = (level) => Array.from({ length: 40 }, (_, i) => level + (i % 7) / 8);
const machine = (size, level) => ({
  raw_data: Array.from({ length: 6 }, (_, i) => ({
    time: usage(60 * i),
    cpu: [size],
    mem: [64 * size],
    cpu_usage: usage(level + i),
    mem_usage: usage(8 * level),
    mem_rss: usage(8 * level),
    sched_busy: usage(0),
    swpagefaults: usage(0),
  })),
});
const config = { node_name: "n", node_scope: 60, slice_scope: 60, historical_occurences: 1 };
const epoch = [60, 120, 180, 240, 300, 360];
writeFileSync(
  trace,
  JSON.stringify({ config, epoch, node: machine(16, 5), vm: { a: machine(8, 2), b: machine(4, 1) } }),
);

const runs = ["headroom", "percentile", "greedy", "maxpeak"].flatMap((strategy) =>
  [[], ["--faithful", "--assessor", "percentile"]].map((form) => ["--strategy", strategy, ...form]),
);

optimizeLate();
const script = scriptOf(file);
for (const words of runs) {
  process.argv = [process.execPath, file, "estimate", "--load", trace, "--out", folder, ...words];
  runScript(script, file);
  // Promises alone are waited for in such a run.
  await new Promise(setImmediate);
}
writeFileSync(compiledPath(file), script.createCachedData());
rmSync(folder, { recursive: true });
