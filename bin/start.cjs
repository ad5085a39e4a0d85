// Looks at Node's version and at the build before anything is loaded that an older Node could not even parse. A CommonJS module:
// Node starts one without its loader of ES modules, which would take it a tenth of what a short run takes.
const { existsSync, readdirSync, readFileSync, statSync } = require("node:fs");
const Module = require("node:module");
const { dirname, join } = require("node:path");
const { pathToFileURL } = require("node:url");

const OLDEST = [20, 20];
const [major, minor] = process.versions.node.split(".").map(Number);
const dist = join(__dirname, "..", "dist");
const main = join(dist, "cli", "main.js");
/** Bytecode that a function runs between V8's looks at it; by default 15 times less. */
const BUDGET = 1_000_000;

/** The same for recorded hosts in one file, which starts sooner (scripts/bundle-start.mjs); null: another form, or not up to date. */
function bundle([command, ...words]) {
  const others = ["--compare", "--watch", "--once", "--list", "--help", "-h"];
  if (command !== "estimate" || words.some((word) => others.includes(word))) return null;
  const changed = (path) => statSync(path, { throwIfNoEntry: false })?.mtimeMs;
  const file = join(dist, "start", "estimate.cjs");
  const made = changed(file);
  // The compiler leaves the time at which a folder was compiled; a package has no such file, and a bundle of its own.
  const isNewer = (folder) => changed(join(dist, folder, ".tsbuildinfo")) > made;
  const unused = ["test", "scripts", "web-types"];
  return made === undefined || readdirSync(dist).some((name) => !unused.includes(name) && isNewer(name)) ? null : file;
}

/** Where the code that this Node compiles of a bundle is kept. */
const compiledPath = (file) => `${file}.${process.version}-${process.platform}-${process.arch}`;

/**
 * By default V8 optimizes every function that runs a few thousand times, which for a trace of 12 windows takes longer than
 * reading it. So, only loops over its bytes are, at once; the others are where a trace is long enough. Newer V8s have no such
 * flag, and say so aloud. To be called before scripts are made: V8 takes compiled code only under the flags it was made under.
 */
function optimizeLate() {
  if (major === 20) require("node:v8").setFlagsFromString(`--interrupt-budget=${BUDGET}`);
}

/** The bundle as `require` would take it. `compiled`: what its `createCachedData` gave; where V8 does not want it, it compiles. */
function scriptOf(file, compiled) {
  const { constants, Script } = require("node:vm");
  return new Script(Module.wrap(readFileSync(file, "latin1")), {
    filename: file,
    cachedData: compiled,
    importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
  });
}

function runScript(script, file) {
  const own = { exports: {} };
  script.runInThisContext()(own.exports, require, own, file, dirname(file));
}

function fail(message) {
  process.stderr.write(`headroom: ${message}\n`);
  process.exit(1);
}

function start() {
  if (major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1])) {
    fail(`Node.js ${process.version} is too old; Headroom needs ${OLDEST.join(".")} or newer (https://nodejs.org)`);
  }
  if (!existsSync(main)) fail(`not built yet: run "make build" in ${dirname(__dirname)}`);
  const file = bundle(process.argv.slice(2));
  if (file !== null) optimizeLate();
  if (file !== null && existsSync(compiledPath(file))) {
    runScript(scriptOf(file, readFileSync(compiledPath(file))), file);
    return;
  }
  // Node 22 and newer keep compiled code between runs, which halves the start.
  Module.enableCompileCache?.();
  if (file === null) import(pathToFileURL(main).href);
  else require(file);
}

if (require.main === module) start();
else module.exports = { compiledPath, optimizeLate, runScript, scriptOf };
