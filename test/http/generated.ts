/** The generated files and their text, from apps whose services are never asked. Written by `npm run openapi`. */
import type { App } from "../../src/http/app-type.js";
import { type OpenapiDocument, parseOpenapi } from "../../src/http/openapi.js";
import { AGENT_API, apiPage, SCHEDULER_API } from "../../src/http/reference/api-page.js";
import { errorsPage } from "../../src/http/reference/errors-page.js";
import { SchedulerDouble, schedulerApp } from "../http-scheduler/scheduler-double.js";
import { serve } from "./support.js";

async function documentOf(app: App): Promise<{ readonly text: string; readonly document: OpenapiDocument }> {
  const answer: unknown = (await app.inject("/openapi.json")).json();
  await app.close();
  return { text: `${JSON.stringify(answer, null, 2)}\n`, document: parseOpenapi(answer) };
}

export async function generatedFiles(): Promise<ReadonlyMap<string, string>> {
  const agent = await documentOf(serve({ version: "1" }).app);
  const scheduler = await documentOf(schedulerApp(new SchedulerDouble(), { version: "1" }).app);
  return new Map([
    ["openapi/agent.json", agent.text],
    ["openapi/scheduler.json", scheduler.text],
    ["docs/api.md", apiPage(agent.document, AGENT_API)],
    ["docs/scheduler-api.md", apiPage(scheduler.document, SCHEDULER_API)],
    ["docs/errors.md", errorsPage()],
  ]);
}
