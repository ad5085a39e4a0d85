// Looks at Node's version and at the build before anything is loaded that an older Node could not even parse.
import { existsSync, readdirSync, statSync } from "node:fs";
import module from "node:module";
import { fileURLToPath } from "node:url";

const OLDEST = [20, 20];
const [major, minor] = process.versions.node.split(".").map(Number);
const dist = new URL("../dist/", import.meta.url);
const main = new URL("cli/main.js", dist);

/** The same for recorded hosts in one file, which starts sooner (scripts/bundle-start.mjs); null: another form, or not up to date. */
function bundle([command, ...words]) {
  const others = ["--compare", "--watch", "--once", "--list", "--help", "-h"];
  if (command !== "estimate" || words.some((word) => others.includes(word))) return null;
  const changed = (url) => statSync(url, { throwIfNoEntry: false })?.mtimeMs;
  const file = new URL("start/estimate.js", dist);
  const made = changed(file);
  // The compiler leaves the time at which a folder was compiled; a package has no such file, and a bundle of its own.
  const isNewer = (folder) => changed(new URL(`${folder}/.tsbuildinfo`, dist)) > made;
  const unused = ["test", "scripts", "web-types"];
  return made === undefined || readdirSync(dist).some((name) => !unused.includes(name) && isNewer(name)) ? null : file;
}

function fail(message) {
  process.stderr.write(`headroom: ${message}\n`);
  process.exit(1);
}

if (major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1])) {
  fail(`Node.js ${process.version} is too old; Headroom needs ${OLDEST.join(".")} or newer (https://nodejs.org)`);
}
if (!existsSync(main)) fail(`not built yet: run "make build" in ${fileURLToPath(new URL("..", import.meta.url))}`);
// Node 22 and newer keep compiled code between runs, which halves the start.
module.enableCompileCache?.();
await import((bundle(process.argv.slice(2)) ?? main).href);
