// Writes openapi/*.json, docs/api.md, docs/scheduler-api.md and docs/errors.md from the routes' schemas and the error table.
import { mkdirSync, writeFileSync } from "node:fs";
import { generatedFiles } from "../test/http/generated.js";

mkdirSync("openapi", { recursive: true });
mkdirSync("docs", { recursive: true });
for (const [path, text] of await generatedFiles()) {
  writeFileSync(path, text);
  console.log(`wrote ${path}`);
}
