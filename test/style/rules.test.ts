/** The style rules of CONTRIBUTING that a program can hold. Function length and empty blocks are biome's (biome.json). */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { blankComments } from "./blank.js";
import { codeFiles, ROOT, type SourceFile, textFiles } from "./source-files.js";

const LONGEST_FILE = 400;

const files = codeFiles();
const sources = files.filter((file) => file.path.startsWith("src/"));

/** `path:line: text` of every line of `text` that matches; the text may be a blanked form of the file's. */
function hits(file: SourceFile, pattern: RegExp, text = file.text): string[] {
  return text.split("\n").flatMap((line, index) => {
    const shown = file.text.split("\n")[index]?.trim().slice(0, 100);
    return pattern.test(line) ? [`${file.path}:${index + 1}: ${shown}`] : [];
  });
}

const inCode = (file: SourceFile, pattern: RegExp): string[] => hits(file, pattern, blankComments(file.text, true));

test(`no file is longer than ${LONGEST_FILE} lines`, () => {
  const lengths = files.map((file) => ({ path: file.path, lines: file.text.trimEnd().split("\n").length }));
  assert.deepEqual(
    lengths.filter(({ lines }) => lines > LONGEST_FILE).map(({ path, lines }) => `${path} (${lines})`),
    [],
  );
});

test("every file opens with a comment that says what it is for; tests may leave it to their names", () => {
  const spoken = files.filter((file) => !file.path.endsWith(".test.ts"));
  const silent = spoken.filter((file) => !/^(?:#!.*\n)?(?:\/\*\*?[\s*]*[^\s*/]|\/\/ \S)/.test(file.text));
  assert.deepEqual(
    silent.map((file) => file.path),
    [],
  );
});

test("core knows no time, no randomness and no machine", () => {
  const core = sources.filter((file) => file.path.startsWith("src/core/"));
  const impure =
    /\bMath\.random\b|\bDate\b|\bperformance\.now\b|\bprocess\.|\bcrypto\.|\bset(?:Timeout|Interval|Immediate)\b/;
  assert.deepEqual(
    core.flatMap((file) => inCode(file, impure)),
    [],
  );
});

test("randomness is an argument everywhere in the program", () => {
  assert.deepEqual(
    sources.flatMap((file) => inCode(file, /\bMath\.random\b/)),
    [],
  );
});

test("signals are joined by src/ports/signals.ts, which leaves nothing behind", () => {
  assert.deepEqual(
    sources.flatMap((file) => inCode(file, /\bAbortSignal\.any\b/)),
    [],
  );
});

test("only src/cli/environment.ts reads the command line and the environment", () => {
  const others = sources.filter((file) => file.path !== "src/cli/environment.ts");
  assert.deepEqual(
    others.flatMap((file) => inCode(file, /\bprocess\.(?:env|argv)\b/)),
    [],
  );
});

test("no file only passes on what others export", () => {
  const barrels = sources.filter((file) => {
    const statements = blankComments(file.text)
      .split(";")
      .map((statement) => statement.trim())
      .filter((statement) => statement !== "");
    return statements.length > 0 && statements.every((statement) => /^export\b[^=]*\bfrom\b/.test(statement));
  });
  assert.deepEqual(
    barrels.map((file) => file.path),
    [],
  );
});

const EMPTY_BLOCK = /\bcatch\s*(?:\([^)]*\))?\s*\{\s*\}|\.catch\(\s*\(\s*\w*\s*\)\s*=>\s*\{\s*\}\s*\)/;
const NOTHING_INSTEAD = /\.catch\(\s*\(\s*\w*\s*\)\s*=>\s*(?:undefined|null)\s*\)/;

test("no failure is swallowed by an empty catch", () => {
  const blanked = files.map((file) => ({ path: file.path, code: blankComments(file.text, true) }));
  const wrong = blanked.filter(({ path, code }) => {
    // A test may kill whoever should answer, and then expects no answer.
    return EMPTY_BLOCK.test(code) || (!path.startsWith("test/") && NOTHING_INSTEAD.test(code));
  });
  assert.deepEqual(
    wrong.map((file) => file.path),
    [],
  );
});

test("no type is silenced", () => {
  const silenced = files.flatMap((file) => [
    ...inCode(file, /\bas any\b|:\s*any\b|<any>|\bas unknown as any\b/),
    ...hits(file, /@ts-(?:ignore|nocheck|expect-error)|biome-ignore-all/),
  ]);
  // This file must name what it looks for.
  assert.deepEqual(
    silenced.filter((hit) => !hit.startsWith("test/style/rules.test.ts")),
    [],
  );
});

/** The seeds' words, which the glossary replaces; each stands only in files that read or write a format of the seeds. */
const SEED_WORDS =
  /\b(?:subsets?|consumers?|vNodes?|sib_smt|sib_cpu|palloc|pcap|vavail|vpotential|oversubscription levels?)\b/i;
const SEED_FORMATS: readonly RegExp[] = [
  /^src\/trace\//,
  /^src\/core\/topology\/(?:seed-json|json-field)\.ts$/,
  /^src\/core\/pool\/status\.ts$/,
  /^src\/agent\/(?:replay\/|recorder\.ts$)/,
  /^src\/report\/recording\//,
  /^test\/bench\/made-trace\.ts$/,
  /^src\/http\/(?:routes|schemas)\/seed[\w-]*\.ts$/,
  /^test\/(?:golden|replay|report|topology|http|http-scheduler|style|pool|trace)\//,
  /^(?:GLOSSARY|README|ARCHITECTURE|CHANGELOG|CONTRIBUTING)\.md$/,
  /^openapi\//,
  /^docs\//,
];

test("the seeds' words stand only where a format of the seeds is read or written", () => {
  const others = textFiles().filter((file) => !SEED_FORMATS.some((allowed) => allowed.test(file.path)));
  assert.deepEqual(
    others.flatMap((file) => hits(file, SEED_WORDS)),
    [],
  );
});

/** Written in pieces, so that this file does not hold what it bans. */
const UNFINISHED = new RegExp(
  `\\b(?:${["TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK"].join("|")})\\b|${"not impl" + "emented"}|\\b${"place" + "holder"}\\b`,
);
const MACHINE_PATHS = new RegExp(`(?:/${"work"}/|/${"root"}/|/${"farm"}/|/${"tmp"}/[a-z]|/home/[a-z])`);

test("nothing says that it is unfinished", () => {
  assert.deepEqual(
    textFiles().flatMap((file) => hits(file, UNFINISHED)),
    [],
  );
});

test("no path of one machine is written down", () => {
  assert.deepEqual(
    textFiles().flatMap((file) => hits(file, MACHINE_PATHS)),
    [],
  );
});

test("no test is left alone or left out without a reason", () => {
  const tests = files.filter((file) => file.path.endsWith(".test.ts"));
  assert.deepEqual(
    tests.flatMap((file) => inCode(file, /\b(?:test|it|describe)\.(?:only|todo|skip)\(|\bonly:\s*true|\bskip:\s*true/)),
    [],
  );
});

test("properties are tested from one seed", () => {
  const others = files.filter(({ path }) => path.endsWith(".ts") && path !== "test/support/property.ts");
  assert.deepEqual(
    others.flatMap((file) => hits(file, /^import .* from "fast-check"/)),
    [],
    "import test/support/property.ts",
  );
});

interface Lock {
  readonly packages: Readonly<Record<string, { readonly optionalDependencies?: Readonly<Record<string, string>> }>>;
}
const lockText = readFileSync(`${ROOT}package-lock.json`, "utf8");

test("the lock file names no registry", () => {
  assert.doesNotMatch(lockText, /"resolved"|https?:\/\/[^"]*\.tgz/);
});

test("the lock file has the packages of every platform, as npm ci wants; else run scripts/complete-lock.mjs", () => {
  const { packages } = JSON.parse(lockText) as Lock;
  const missing = Object.entries(packages).flatMap(([path, { optionalDependencies = {} }]) =>
    Object.keys(optionalDependencies).filter(
      (name) =>
        packages[`${path}/node_modules/${name}`] === undefined && packages[`node_modules/${name}`] === undefined,
    ),
  );
  assert.deepEqual(missing, []);
});
