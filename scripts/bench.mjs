// Runs the benchmarks one after the other, so that none disturbs the next: `node scripts/bench.mjs [PART ...]`. Each prints
// its own figures and the ratio to a baseline measured in the same run.
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";

const filters = process.argv.slice(2);
const files = readdirSync(join("test", "bench"), { recursive: true })
  .map((name) => join("test", "bench", name))
  .filter((name) => name.endsWith(".bench.ts"))
  .filter((name) => filters.length === 0 || filters.some((part) => name.includes(part)))
  .sort();
if (files.length === 0) {
  console.error(`no benchmark matches ${filters.join(" ")}`);
  process.exit(2);
}
console.log(`Node ${process.version}, ${cpus().length} x ${cpus()[0]?.model ?? "unknown CPU"}`);
let failed = 0;
for (const file of files) {
  console.log(`\n${file}`);
  // Collections on request let a benchmark measure live memory.
  const { status } = spawnSync(process.execPath, ["--expose-gc", "--import", "tsx", file], { stdio: "inherit" });
  if (status !== 0) failed++;
}
if (failed > 0) console.error(`\n${failed} of ${files.length} benchmarks failed`);
process.exitCode = failed === 0 ? 0 : 1;
