// Runs the tests. Without arguments, everything that `make test` promises: type check and build, lint and format, every test
// file; the last line is the totals. `node scripts/test.mjs PART ...` runs the test files whose path contains a part.
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { prepareLab } from "./lab-packages.mjs";

const TOOLS = join("node_modules", ".bin");

function testFiles(filters) {
  return readdirSync("test", { recursive: true })
    .map((name) => join("test", name))
    .filter((name) => name.endsWith(".test.ts"))
    .filter((name) => filters.length === 0 || filters.some((part) => name.includes(part)))
    .sort();
}

/** Files at a time. Property tests fill a core each; real guests are emulated, and share one libvirt. */
const CONCURRENCY = 2;
const LAB_CONCURRENCY = 1;

const usesLab = (file) => readFileSync(file, "utf8").includes("openLab");

/** What these say of real guests are loads, seen from two sides: they want the machine for themselves. */
const MEASURING = ["cpu-course", "dynamic", "memory-course", "telemetry"].map((name) =>
  join("test", "lab", `${name}.test.ts`),
);

/** The files in lanes that run beside each other, and what comes after them alone. */
function inGroups(files) {
  const lab = files.filter(usesLab);
  const measuring = lab.filter((file) => MEASURING.includes(file));
  return {
    lanes: [
      { files: files.filter((file) => !lab.includes(file)), concurrency: CONCURRENCY },
      { files: lab.filter((file) => !measuring.includes(file)), concurrency: LAB_CONCURRENCY },
    ],
    alone: { files: measuring, concurrency: LAB_CONCURRENCY },
  };
}

/**
 * Longest that one file may take, in milliseconds: a file that leaves something open (a connection, a guest that never starts)
 * fails by its name instead of holding up all others for ever. The slowest takes 130 s on a quiet machine of two cores.
 */
const FILE_TIMEOUT_MS = 600_000;

const runnerArguments = (reporter, files, concurrency) => [
  "--import",
  "tsx",
  "--test",
  `--test-concurrency=${concurrency}`,
  `--test-timeout=${FILE_TIMEOUT_MS}`,
  `--test-reporter=${reporter}`,
  ...files,
];

function runSome(filters) {
  const files = testFiles(filters);
  if (files.length === 0) {
    console.error(`no test file matches ${filters.join(" ")}`);
    return 2;
  }
  const concurrency = files.some(usesLab) ? LAB_CONCURRENCY : CONCURRENCY;
  return spawnSync(process.execPath, runnerArguments("spec", files, concurrency), { stdio: "inherit" }).status ?? 1;
}

/** One step that either holds or does not; counted as one test. */
function runStep(name, program, args) {
  const started = performance.now();
  const { status } = spawnSync(program, args, { stdio: "inherit" });
  const seconds = `${((performance.now() - started) / 1000).toFixed(1)} s`;
  console.log(`${status === 0 ? "✓" : "✗"} ${name.padEnd(58)} ${seconds.padStart(7)}`);
  return status === 0;
}

/** What became of each file: `{ file, passed, failed, skipped, report }`, a line of the report each. */
async function runTests({ files, concurrency }) {
  if (files.length === 0) return [];
  const folder = mkdtempSync(join(tmpdir(), "headroom-test-"));
  const resultsFile = join(folder, "results.json");
  try {
    const runner = spawn(process.execPath, runnerArguments("./scripts/reporter.mjs", files, concurrency), {
      stdio: "inherit",
      env: { ...process.env, TEST_RESULTS_FILE: resultsFile },
    });
    const [status] = await once(runner, "close");
    const results = JSON.parse(readFileSync(resultsFile, "utf8"));
    // The runner may fail for a reason that belongs to no test (a worker killed, a reporter broken).
    if (status !== 0 && !results.some(({ failed }) => failed > 0)) {
      const report = `✗ the runner ended with status ${status}, though no test failed\n`;
      results.push({ file: "scripts/test.mjs", passed: 0, failed: 1, skipped: [], report });
    }
    return results;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Test files that are run again at the most: where more failed, something is broken. */
const AGAIN_AT_MOST = 3;

/** The test files that a line of the report is about: itself, or those that use this suite. */
function testFilesOf(file) {
  if (file.endsWith(".test.ts")) return [file];
  const imported = `${basename(file, ".ts")}.js`;
  return testFiles([]).filter((name) => readFileSync(name, "utf8").includes(imported));
}

/**
 * Emulated guests and processes that are killed share the cores with everything else that runs. What failed among them is tried
 * once more, alone. If it holds then, the run holds, and says in full what failed before: a race that somebody should look at. What
 * is wrong in itself fails again: properties are tested from one seed.
 */
async function runFailedAgain(results) {
  const failed = results.filter((one) => one.failed > 0);
  const filesOfEach = failed.map(({ file }) => testFilesOf(file));
  const files = [...new Set(filesOfEach.flat())];
  const known = filesOfEach.every((some) => some.length > 0);
  if (failed.length === 0 || !known || files.length > AGAIN_AT_MOST) return { failed, unsteady: [] };
  console.log("\nOnce more, alone:");
  const again = await runTests({ files, concurrency: 1 });
  const broken = again.some((one) => one.failed > 0);
  return broken ? { failed, unsteady: [] } : { failed: [], unsteady: failed };
}

async function runAll() {
  for (const line of prepareLab()) console.log(line);
  const steps = [
    runStep("type check and build", join(TOOLS, "tsc"), ["-b"]),
    runStep("build of the dashboard", join(TOOLS, "vite"), [
      "build",
      "--config",
      "web/vite.config.ts",
      "--logLevel",
      "warn",
    ]),
    runStep("lint and format", join(TOOLS, "biome"), ["check", "--error-on-warnings", "."]),
  ];
  // Processes under test start from the build, which takes them a third of the time (test/support/program.ts).
  if (steps[0]) process.env.HEADROOM_TEST_BUILT = "yes";
  const { lanes, alone } = inGroups(testFiles([]));
  const results = (await Promise.all(lanes.map(runTests))).flat();
  results.push(...(await runTests(alone)));
  const { failed, unsteady } = await runFailedAgain(results);
  return summary(steps, results, failed, unsteady);
}

/** Prints what is worth another look, and the totals; the exit code. */
function summary(steps, results, failed, unsteady) {
  const tests = (key, of = results) => of.reduce((sum, one) => sum + one[key], 0);
  const skipped = results.flatMap((one) => one.skipped);
  if (skipped.length > 0) console.log(`\nSkipped (${skipped.length}):`);
  for (const { file, name, reason } of skipped) console.log(`  - ${file}: ${name} (${reason})`);
  // In full once more, where whoever sees only the end of a long log finds it.
  if (unsteady.length > 0)
    console.log(`\nPassed only when run again, alone (${tests("failed", unsteady)}); they failed with:`);
  for (const { report } of unsteady) process.stdout.write(report);
  if (failed.length > 0) console.log(`\nFailed (${tests("failed", failed)}):`);
  for (const { report } of failed) process.stdout.write(report);
  const broken = tests("failed", failed) + steps.filter((held) => !held).length;
  const passed = tests("passed") + tests("failed", unsteady) + steps.filter((held) => held).length;
  console.log(`\n${passed} passed, ${broken} failed${skipped.length > 0 ? `, ${skipped.length} skipped` : ""}`);
  return broken === 0 ? 0 : 1;
}

const filters = process.argv.slice(2);
process.exitCode = filters.length > 0 ? runSome(filters) : await runAll();
