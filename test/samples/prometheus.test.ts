/** History in real Prometheus and VictoriaMetrics keeps the promises of a sample store, as far as those servers do. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { milliseconds } from "../../src/core/units.js";
import { realClock } from "../../src/drivers/linux/real-clock.js";
import { prometheusSamples } from "../../src/drivers/stores/samples/prometheus/store.js";
import type { SampleStore } from "../../src/ports/sample-store.js";
import { afterwards, failsWith } from "../stores/support.js";
import { rememberingLog } from "../support/quiet-log.js";
import type { RealServer } from "../support/servers.js";
import {
  flushVictoria,
  skipWithoutPrometheus,
  skipWithoutVictoria,
  startPrometheus,
  startVictoria,
} from "./servers.js";
import { type OpenSamples, sampleSuite } from "./suite.js";
import { query, read, sample } from "./support.js";

const BASE = Math.floor(Date.now() / 60_000 - 120) * 60_000;

/** One server for all tests of a suite; each test has hosts of its own, by a store that renames them. */
class Shared {
  private server: Promise<RealServer> | null = null;
  private tests = 0;

  constructor(private readonly start: () => Promise<RealServer>) {
    after(async () => (await this.server)?.stop());
  }

  async url(): Promise<string> {
    this.server ??= this.start();
    return (await this.server).url;
  }

  open(settle: (url: string) => Promise<void>): OpenSamples {
    return async (context) => {
      const url = await this.url();
      const plain = open(url);
      afterwards(context, () => plain.close());
      return {
        store: renamed(plain, `test ${this.tests++} `),
        async settle() {
          await plain.flush();
          await settle(url);
        },
      };
    };
  }
}

const open = (url: string, change: { writeUrl?: string; token?: string; deadlineMs?: number } = {}): SampleStore =>
  prometheusSamples({ url, writeUrl: null, token: null, clock: realClock(), log: rememberingLog(), ...change });

/** The store, with `prefix` before the names of its hosts. */
function renamed(store: SampleStore, prefix: string): SampleStore {
  const own = (host: string): string => `${prefix}${host}`;
  const bare = (host: string): string => host.slice(prefix.length);
  return {
    // An empty name stays wrong.
    write: (samples) => store.write(samples.map((one) => ({ ...one, host: one.host === "" ? "" : own(one.host) }))),
    flush: () => store.flush(),
    async sources({ host, ...range }) {
      const all = await store.sources(host === undefined ? range : { ...range, host: own(host) });
      return all.filter((one) => one.host.startsWith(prefix)).map((one) => ({ ...one, host: bare(one.host) }));
    },
    async *read(wanted) {
      for await (const one of store.read({ ...wanted, host: own(wanted.host) })) yield { ...one, host: bare(one.host) };
    },
    async *readHosts({ hosts, ...rest }) {
      for await (const one of store.readHosts!({ hosts: hosts.map(own), ...rest }))
        yield { ...one, host: bare(one.host) };
    },
    async hosts(range) {
      return (await store.hosts!(range)).filter((host) => host.startsWith(prefix)).map(bare);
    },
    status: () => store.status(),
    close: () => store.close(),
  };
}

const prometheus = new Shared(startPrometheus);
const victoria = new Shared(startVictoria);
const never = { replaces: "never" } as const;
sampleSuite(
  "Prometheus",
  skipWithoutPrometheus,
  never,
  prometheus.open(async () => undefined),
);
sampleSuite("VictoriaMetrics", skipWithoutVictoria, { ...never, digits: 13 }, victoria.open(flushVictoria));

test("Prometheus: a value that contradicts one that it has is refused, and all others are kept", {
  skip: skipWithoutPrometheus,
}, async (context) => {
  const store = open(await prometheus.url());
  afterwards(context, () => store.close());
  const host = "refusing";
  await store.write([sample(BASE, 10, "a", { cpu: 1, mem: 1 }, host)]);
  await store.flush();
  await store.write([
    sample(BASE, 10, "a", { cpu: 2, mem: 1 }, host),
    ...Array.from({ length: 40 }, (_, i) => sample(BASE, 20 + i, "a", { cpu: i, mem: i }, host)),
  ]);
  await assert.rejects(store.flush(), (error: unknown) => {
    return failsWith("store-failed")(error) && /duplicate sample.*1 values, the first cpu of a at/.test(`${error}`);
  });
  const found = await read(store, BASE, { host });
  assert.equal(found.length, 41);
  assert.deepEqual(found[0], sample(BASE, 10, "a", { cpu: 1, mem: 1 }, host));
  assert.equal(store.status().unflushed, 0);
});

test("Prometheus: a year is searched, and a history that fits into none of its answers is read in parts", {
  skip: skipWithoutPrometheus,
}, async (context) => {
  const store = open(await prometheus.url());
  afterwards(context, () => store.close());
  const host = "long";
  const times = [0, 7, 3600, 3601, 86_000, 172_799, 172_800].map((at) => at - 2 * 86_400);
  await store.write(times.map((at) => sample(BASE, at, "a", { cpu: at }, host)));
  await store.flush();
  const from = milliseconds(BASE - 365 * 86_400_000);
  const [span] = await store.sources({ from, to: milliseconds(Date.now()), host });
  assert.deepEqual([span?.first, span?.last], [BASE + times[0]! * 1000, BASE + times.at(-1)! * 1000]);
  assert.deepEqual(
    (await read(store, 0, { host, from, to: milliseconds(1e15) })).map(({ values }) => values.cpu),
    times,
  );
});

test("without a server samples wait, and are told to; with a wrong one that is said", async (context) => {
  const log = rememberingLog();
  const nobody = prometheusSamples({
    url: "http://127.0.0.1:9",
    writeUrl: null,
    token: null,
    clock: realClock(),
    log,
  });
  await nobody.write([sample(BASE, 0, "a", { cpu: 1 })]);
  await assert.rejects(nobody.flush(), failsWith("store-unreachable"));
  assert.deepEqual([nobody.status().reachable, nobody.status().unflushed], [false, 1]);
  await assert.rejects(read(nobody, BASE), failsWith("store-unreachable"));
  await assert.rejects(nobody.close(), failsWith("store-unreachable"));

  const { createServer } = await import("node:http");
  const answers = { status: 200, text: "hello" };
  const server = createServer((_, response) => {
    response.writeHead(answers.status).end(answers.text);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  afterwards(context, () => new Promise((resolve) => server.close(resolve)));
  const { port } = server.address() as { port: number };
  const wrong = open(`http://127.0.0.1:${port}`, { deadlineMs: 500 });
  afterwards(context, () => Promise.allSettled([wrong.close()]));
  const first = async (): Promise<unknown> => wrong.read(query(BASE))[Symbol.asyncIterator]().next();
  await assert.rejects(first(), (error) => failsWith("store-failed")(error) && /right address/.test(`${error}`));
  Object.assign(answers, { status: 401, text: "who are you?" });
  await assert.rejects(
    first(),
    (error) => failsWith("store-failed")(error) && /does not accept the token/.test(`${error}`),
  );
  Object.assign(answers, { status: 503, text: "busy" });
  await assert.rejects(first(), failsWith("store-unreachable"));
  await wrong.write([sample(BASE, 0, "a", { cpu: 1 })]);
  await assert.rejects(wrong.flush(), failsWith("store-unreachable"));
  assert.equal(wrong.status().unflushed, 1);
  Object.assign(answers, { status: 200, text: "" });
  await wrong.flush();
  assert.equal(wrong.status().unflushed, 0);
  server.removeAllListeners("request");
  await assert.rejects(first(), (error) => failsWith("store-unreachable")(error) && /within 0.5 s/.test(`${error}`));
  server.closeAllConnections();
});
