// Runs the tests. Without arguments, everything that `make test` promises: type check and build, lint and format, every test
// file; the last line is the totals. `node scripts/test.mjs PART ...` runs the test files whose path contains a part.
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
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

const runnerArguments = (reporter, files, concurrency) => [
  "--import",
  "tsx",
  "--test",
  `--test-concurrency=${concurrency}`,
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

const NO_COUNTS = { passed: 0, failed: 0, skipped: 0, names: [] };

async function runTests({ files, concurrency }) {
  if (files.length === 0) return NO_COUNTS;
  const folder = mkdtempSync(join(tmpdir(), "headroom-test-"));
  const countsFile = join(folder, "counts.json");
  try {
    const runner = spawn(process.execPath, runnerArguments("./scripts/reporter.mjs", files, concurrency), {
      stdio: "inherit",
      env: { ...process.env, TEST_COUNTS_FILE: countsFile },
    });
    const [status] = await once(runner, "close");
    const counts = JSON.parse(readFileSync(countsFile, "utf8"));
    // The runner may fail for a reason that belongs to no test (a worker killed, a reporter broken).
    if (status !== 0 && counts.failed === 0) counts.failed = 1;
    return counts;
  } finally {
    rmSync(folder, { recursive: true });
  }
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
  const groups = await Promise.all(lanes.map(runTests));
  groups.push(await runTests(alone));
  const total = (key) => groups.reduce((sum, counts) => sum + counts[key], 0);
  const counts = {
    passed: total("passed"),
    failed: total("failed"),
    skipped: total("skipped"),
    names: groups.flatMap(({ names }) => names),
  };
  const passed = counts.passed + steps.filter((held) => held).length;
  const failed = counts.failed + steps.filter((held) => !held).length;
  if (counts.names.length > 0) console.log(`\nSkipped (${counts.names.length}):`);
  for (const { file, name, reason } of counts.names) console.log(`  - ${file}: ${name} (${reason})`);
  console.log(`\n${passed} passed, ${failed} failed${counts.skipped > 0 ? `, ${counts.skipped} skipped` : ""}`);
  return failed === 0 ? 0 : 1;
}

const filters = process.argv.slice(2);
process.exitCode = filters.length > 0 ? runSome(filters) : await runAll();
