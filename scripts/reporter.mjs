// What `make test` prints of the tests: a line per test file, failures in full. A reporter for Node's own runner; the same on
// Node 20, 22 and 24. Writes what became of each file to the file that TEST_RESULTS_FILE names, for scripts/test.mjs.
import { writeFileSync } from "node:fs";
import { isAbsolute, relative } from "node:path";
import { inspect } from "node:util";

/** A file as the reader knows it, whichever way the runner names it. */
const shown = (file) => (file && isAbsolute(file) ? relative(process.cwd(), file) : (file ?? "?"));

const newFile = (file) => ({ file, passed: 0, failed: 0, skipped: [], milliseconds: 0, failures: [], output: [] });

function indent(text, by) {
  return text
    .split("\n")
    .map((line) => (line === "" ? line : by + line))
    .join("\n");
}

function describeFailure(data) {
  const error = data.details?.error;
  const cause = error?.cause ?? error;
  const text = cause instanceof Error ? (cause.stack ?? cause.message) : inspect(cause);
  return `    ✗ ${data.name}\n${indent(text, "      ")}\n`;
}

function fileLine(entry) {
  const counts = [`${entry.passed} passed`];
  if (entry.failed > 0) counts.push(`${entry.failed} failed`);
  if (entry.skipped.length > 0) counts.push(`${entry.skipped.length} skipped`);
  const seconds = `${(entry.milliseconds / 1000).toFixed(1)} s`;
  return `${entry.failed > 0 ? "✗" : "✓"} ${entry.file.padEnd(58)} ${seconds.padStart(7)}  ${counts.join(", ")}\n`;
}

function fileReport(entry) {
  const output = entry.failed > 0 && entry.output.length > 0 ? `${indent(entry.output.join(""), "    | ")}\n` : "";
  return fileLine(entry) + entry.failures.join("") + output;
}

/** Counts one finished test in its file. Suites and the runner's own entry per file count only when they broke themselves. */
function count(entry, event) {
  const { data } = event;
  if (data.nesting === 0) entry.milliseconds += data.details?.duration_ms ?? 0;
  const followsFromSubtests = data.details?.error?.failureType === "subtestsFailed";
  if (event.type === "test:fail" && data.todo === undefined) {
    if (followsFromSubtests) return;
    entry.failed++;
    entry.failures.push(describeFailure(data));
  } else if (data.skip !== undefined) {
    const reason = typeof data.skip === "string" && data.skip !== "" ? data.skip : "no reason given";
    entry.skipped.push({ file: entry.file, name: data.name, reason });
  } else if (data.details?.type !== "suite" && shown(data.name) !== entry.file) {
    entry.passed++;
  }
}

export default async function* report(source) {
  const results = [];
  const entries = new Map();
  const entryOf = (file) => {
    const name = shown(file);
    if (!entries.has(name)) entries.set(name, newFile(name));
    return entries.get(name);
  };
  /** What is known of a file so far; what comes later (tests of a shared suite take turns) starts a new line. */
  const close = (entry) => {
    entries.delete(entry.file);
    const { file, passed, failed, skipped } = entry;
    const report = fileReport(entry);
    results.push({ file, passed, failed, skipped, report });
    return report;
  };
  let current = null;
  for await (const event of source) {
    if (event.type === "test:stdout" || event.type === "test:stderr") {
      entryOf(event.data.file).output.push(event.data.message);
    } else if (event.type === "test:pass" || event.type === "test:fail") {
      const entry = entryOf(event.data.file ?? event.data.name);
      if (current !== null && current !== entry) yield close(current);
      current = entry;
      count(entry, event);
    }
  }
  if (current !== null) yield close(current);
  writeFileSync(process.env.TEST_RESULTS_FILE, JSON.stringify(results));
}
