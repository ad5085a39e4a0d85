// Looks at Node's version and at the build before anything is loaded that an older Node could not even parse.
import { existsSync } from "node:fs";
import module from "node:module";
import { fileURLToPath } from "node:url";

const OLDEST = [20, 20];
const [major, minor] = process.versions.node.split(".").map(Number);
const main = new URL("../dist/cli/main.js", import.meta.url);

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
await import(main.href);
