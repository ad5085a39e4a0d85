/** The generated files and their text, from an app whose agent is never asked. Written by `npm run openapi`. */

import { parseOpenapi } from "../../src/http/openapi.js";
import { apiPage } from "../../src/http/reference/api-page.js";
import { errorsPage } from "../../src/http/reference/errors-page.js";
import { serve } from "./support.js";

export async function generatedFiles(): Promise<ReadonlyMap<string, string>> {
  const { app } = serve({ version: "1" });
  const document: unknown = (await app.inject("/openapi.json")).json();
  await app.close();
  return new Map([
    ["openapi/agent.json", `${JSON.stringify(document, null, 2)}\n`],
    ["docs/api.md", apiPage(parseOpenapi(document))],
    ["docs/errors.md", errorsPage()],
  ]);
}
