/**
 * Agents of cluster-http.bench.ts, many in one process: `cluster-agents.ts COUNT FIRST`. Prints their addresses as JSON, and for
 * each line its CPU seconds so far.
 */
import { createInterface } from "node:readline";
import { ratio } from "../../src/core/units.js";
import { createApp } from "../../src/http/app.js";
import { startAgent } from "../http/real-agent.js";
import { IMAGES, LogBook, realClock } from "../http/support.js";

const [count = 0, first = 0] = process.argv.slice(2).map(Number);
const log = new LogBook();
const urls: string[] = [];
for (let index = first; index < first + count; index++) {
  const { agent } = await startAgent({ hostname: `host-${String(index).padStart(5, "0")}` });
  const app = createApp({
    agent,
    tokens: null,
    log,
    clock: realClock,
    seedCalls: false,
    maximumRatio: ratio(16),
    imageFolders: [IMAGES],
    version: "bench",
  });
  // Metrics of the process would be collected once for each of them.
  await app.listen({ host: "127.0.0.1", port: 0 });
  const address = app.server.address();
  if (address !== null && typeof address === "object") urls.push(`http://127.0.0.1:${address.port}`);
}
console.log(JSON.stringify(urls));
for await (const _ of createInterface({ input: process.stdin })) {
  const { user, system } = process.cpuUsage();
  console.log(JSON.stringify({ cpuSeconds: (user + system) / 1e6 }));
}
