/**
 * The scheduler of cluster-http.bench.ts, in a process of its own so that its CPU time and memory are its own. Reads the
 * agents' addresses as one line of JSON, prints its port once it leads and hears of all of them, and for each further line its
 * CPU seconds so far and its live memory in MiB.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as pause } from "node:timers/promises";
import { WEIGHTS } from "../../src/core/placement/weights.js";
import { milliseconds } from "../../src/core/units.js";
import { realClock } from "../../src/drivers/linux/real-clock.js";
import { openEmbeddedStore } from "../../src/drivers/stores/embedded/store.js";
import { agentClients, DEFAULT_DEADLINES } from "../../src/http/agent-client/client.js";
import { agentConnections } from "../../src/http/agent-client/pool.js";
import { listen } from "../../src/http/server.js";
import { createScheduler } from "../../src/scheduler/scheduler.js";
import { schedulerApp } from "../http-scheduler/scheduler-double.js";
import { quietLog } from "../support/quiet-log.js";

const MIB = 1024 * 1024;
/** Nobody is asked twice: heartbeats are what is measured. */
const RARELY = milliseconds(3_600_000);

const clock = realClock();
const log = quietLog();
const folder = mkdtempSync(join(tmpdir(), "headroom-bench-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
process.on("SIGTERM", () => process.exit(0));
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

const liveMiB = (): number => {
  globalThis.gc?.();
  const { heapUsed, external } = process.memoryUsage();
  return (heapUsed + external) / MIB;
};

const urls: string[] = JSON.parse((await lines.next()).value ?? "[]");
const store = await openEmbeddedStore({ folder, clock, log });
const before = liveMiB();
const scheduler = createScheduler({
  store,
  clients: agentClients({ token: null, dispatcher: agentConnections(), ...DEFAULT_DEADLINES }),
  clock,
  log,
  address: "http://127.0.0.1:0",
  placement: { weights: WEIGHTS.headroom },
  settings: { listedUrls: urls, heartbeatInterval: RARELY, suspectAfter: RARELY, downAfter: RARELY, mostCalls: 64 },
});
const { app } = schedulerApp(scheduler);
const { port } = await listen(app, { host: "127.0.0.1", port: 0 });
void scheduler.run(new AbortController().signal);
while (scheduler.clusterStatus().hosts.up < urls.length || scheduler.leadership().role !== "leader") await pause(50);
console.log(port);
for (;;) {
  if ((await lines.next()).done) break;
  const { user, system } = process.cpuUsage();
  console.log(JSON.stringify({ cpuSeconds: (user + system) / 1e6, liveMiB: liveMiB(), grownMiB: liveMiB() - before }));
}
process.exit(0);
