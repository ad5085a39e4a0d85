// Writes dist/man/headroom.1 from the command line as it is. Run when a package is made (package.json, `prepack`).
import { mkdirSync, statSync, writeFileSync } from "node:fs";
import { manualPage } from "../src/cli/manual/page.js";
import { buildProgram } from "../src/cli/program.js";

const FOLDER = "dist/man";
mkdirSync(FOLDER, { recursive: true });
// The day of the changes that are packed, so that the same sources make the same page.
const date = statSync("CHANGELOG.md").mtime.toISOString().slice(0, 10);
writeFileSync(`${FOLDER}/headroom.1`, manualPage(buildProgram(), date));
