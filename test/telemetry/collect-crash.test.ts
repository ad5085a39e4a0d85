/** `headroom collect` killed in the middle of its work: the history opens again. HEADROOM_KILLS: how often (50 when it counts). */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { printIdiomatic } from "../../src/core/telemetry/idiomatic-form.js";
import { milliseconds } from "../../src/core/units.js";
import { openEmbeddedReader } from "../../src/drivers/stores/samples/embedded/reader.js";
import { logged, Processes } from "../cli/processes.js";
import { reading } from "./readings.js";

const KILLS = Number(process.env.HEADROOM_KILLS ?? 3);
const ENDPOINTS = 10;
/**
 * Answers of an endpoint that a crash may lose, the latest ones: the one that is on its way, and the one of the second that the
 * store may keep to itself. Counted in scrapes of a second each and not in seconds: a collector that gets no CPU does not scrape.
 */
const MAY_BE_LOST = 2;
/** Beyond what an endpoint has answered so many times, the moment of the kill is another each time. */
const LONGEST_EXTRA_MS = 1_500;

let folder = "";
let processes: Processes;
const servers: Server[] = [];
/** When each endpoint answered, by its address. */
const answered = new Map<string, number[]>();

async function startEndpoint(): Promise<string> {
  const times: number[] = [];
  const server = createServer((_request, response) => {
    const now = Date.now();
    response.end(printIdiomatic(reading(now, { cpu_total: 8, cpu_kernel: now * 1e6, cpu_user: 0 })), () =>
      times.push(now),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  servers.push(server);
  const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  answered.set(address, times);
  return address;
}

before(async () => {
  folder = mkdtempSync(join(tmpdir(), "headroom-collect-"));
  processes = new Processes(folder);
  for (let i = 0; i < ENDPOINTS; i++) await startEndpoint();
});
after(() => {
  processes.killAll();
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
  rmSync(folder, { recursive: true });
});

/** Times of what is stored, by host; every sample whole. */
async function stored(): Promise<ReadonlyMap<string, ReadonlySet<number>>> {
  const store = await openEmbeddedReader(join(folder, "samples"));
  const range = { from: milliseconds(0), to: milliseconds(Date.now() + 3_600_000) };
  const found = new Map<string, Set<number>>();
  for (const { host } of await store.sources(range)) {
    const times = new Set<number>();
    for await (const { at, values } of store.read({ host, of: "host", metrics: [], ...range })) {
      assert.equal(values.cpu, 8);
      times.add(at);
    }
    found.set(host, times);
  }
  await store.close();
  return found;
}

const timesOf = (found: ReadonlyMap<string, ReadonlySet<number>>, address: string): ReadonlySet<number> =>
  [...found].find(([host]) => host.includes(address))?.[1] ?? new Set();

test(`killed ${KILLS} times, it goes on from a history that lacks at most the last second`, async (context) => {
  const list = [...answered.keys()].map((address) => `http://${address}/metrics`).join(",");
  // No scrape is given up on a busy machine: its answer would be counted, and is rightly not stored.
  const patient = ["--scrape-seconds", "1", "--scrape-timeout-seconds", "60"];
  const common = ["--port", "0", "--sample-folder", join(folder, "samples"), ...patient];
  let checked = 0;
  for (let kill = 0; kill < KILLS; kill++) {
    const begun = new Map([...answered].map(([address, times]) => [address, times.length]));
    const collector = processes.start(["collect", "--log-format", "json", ...common, "--endpoints", list]);
    await logged(collector, /"the collector is ready"/);
    const inThisLife = (address: string, times: readonly number[]): readonly number[] =>
      times.slice(begun.get(address));
    const enough = ([address, times]: readonly [string, number[]]): boolean =>
      inThisLife(address, times).length > MAY_BE_LOST;
    while (![...answered].every(enough)) await pause(20);
    await pause((kill * 377) % LONGEST_EXTRA_MS);
    collector.child.kill("SIGKILL");
    await collector.ended;
    const found = await stored();
    for (const [address, times] of answered) {
      const due = inThisLife(address, times).slice(0, -MAY_BE_LOST);
      const missing = due.filter((at) => !timesOf(found, address).has(at));
      assert.deepEqual(missing, [], `kill ${kill}: answers of ${address} that are not stored`);
      checked += due.length;
    }
  }
  assert.ok(checked > 0, "something was due");
  const all = [...(await stored()).values()].reduce((sum, times) => sum + times.size, 0);
  context.diagnostic(`${checked} answers were due and are stored; ${all} are stored in all`);
});
