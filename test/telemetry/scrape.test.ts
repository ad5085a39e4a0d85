/** A scrape over real HTTP: whatever the other side does, it is over by the deadline, and says what was wrong. */
import assert from "node:assert/strict";
import { createServer, type RequestListener, type Server } from "node:http";
import { type AddressInfo, createServer as createTcpServer, type Server as TcpServer } from "node:net";
import { after, before, describe, test } from "node:test";
import { Agent } from "undici";
import { milliseconds } from "../../src/core/units.js";
import { fetchText, type ScrapeFault } from "../../src/telemetry/collector/fetch-text.js";

const TEXT = "headroom_probe_timestamp_seconds 1\n";
const DEADLINE_MS = 1_000;
const MAXIMUM = 10_000;

const answers: Readonly<Record<string, RequestListener>> = {
  "/good": (_request, response) => response.setHeader("content-type", "text/plain").end(TEXT),
  "/untyped": (_request, response) => response.end(TEXT),
  "/missing": (_request, response) => response.writeHead(404).end("no"),
  "/moved": (_request, response) => response.writeHead(302, { location: "/good" }).end(),
  "/page": (_request, response) => response.setHeader("content-type", "text/html; charset=utf-8").end("<html>"),
  "/binary": (_request, response) => response.end(Buffer.from([0x61, 0xff, 0xfe, 0x00])),
  "/packed": (_request, response) => response.setHeader("content-encoding", "gzip").end("x"),
  "/silent": () => undefined,
  "/drops": (_request, response) => {
    const timer = setInterval(() => response.write("a 1\n"), 50);
    response.on("close", () => clearInterval(timer));
  },
  "/endless": (_request, response) => {
    const more = (): void => {
      while (!response.destroyed && response.write("a 1\n".repeat(100)));
    };
    response.on("drain", more);
    more();
  },
  "/promised": (_request, response) => {
    response.setHeader("content-length", String(MAXIMUM + 1));
    response.flushHeaders();
  },
  "/cut": (_request, response) => {
    response.setHeader("content-length", "1000");
    response.write(TEXT);
    setTimeout(() => response.destroy(), 20);
  },
  "/half": (_request, response) => {
    response.write(TEXT);
    setTimeout(() => response.destroy(), 20);
  },
};

describe("a scrape", () => {
  let server: Server;
  let nonsense: TcpServer;
  let dispatcher: Agent;
  let base = "";
  before(async () => {
    server = createServer((request, response) => answers[request.url ?? ""]?.(request, response));
    nonsense = createTcpServer((socket) => socket.on("error", () => undefined).end("SSH-2.0-OpenSSH\r\n"));
    for (const one of [server, nonsense]) await new Promise<void>((resolve) => one.listen(0, "127.0.0.1", resolve));
    base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    dispatcher = new Agent();
  });
  after(async () => {
    await dispatcher.destroy();
    server.closeAllConnections();
    server.close();
    nonsense.close();
  });

  const scrape = (url: string, signal = new AbortController().signal) =>
    fetchText({ deadline: milliseconds(DEADLINE_MS), maximumBytes: MAXIMUM, token: null, dispatcher })(url, signal);

  for (const path of ["/good", "/untyped"])
    test(`${path}: the text`, async () => assert.deepEqual(await scrape(base + path), { ok: true, text: TEXT }));

  const wrong: readonly (readonly [string, ScrapeFault])[] = [
    ["/missing", "status"],
    ["/moved", "status"],
    ["/page", "not-text"],
    ["/binary", "not-text"],
    ["/packed", "not-text"],
    ["/silent", "timeout"],
    ["/drops", "timeout"],
    ["/endless", "too-large"],
    ["/promised", "too-large"],
    ["/cut", "unreachable"],
    ["/half", "unreachable"],
  ];
  for (const [path, fault] of wrong)
    test(`${path}: ${fault}`, async () => {
      const result = await scrape(base + path);
      assert.ok(!result.ok);
      assert.equal(result.fault, fault, result.problem);
    });

  test("nobody there, and somebody who speaks something else: unreachable", async () => {
    const { port } = nonsense.address() as AddressInfo;
    for (const url of [`http://127.0.0.1:${port}/`, "http://127.0.0.1:1/", "http://host.invalid/"]) {
      const result = await scrape(url);
      assert.ok(!result.ok && (result.fault === "unreachable" || result.fault === "timeout"), url);
    }
  });

  test("an order to stop ends it at once", async () => {
    const stop = new AbortController();
    const scraped = scrape(`${base}/silent`, stop.signal);
    stop.abort();
    assert.equal((await scraped).ok, false);
  });
});

test("a token is presented", async (context) => {
  let seen: string | undefined;
  const server = createServer((request, response) => {
    seen = request.headers.authorization;
    response.end(TEXT);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  context.after(() => server.close());
  const dispatcher = new Agent();
  context.after(() => dispatcher.destroy());
  const fetch = fetchText({ deadline: milliseconds(5_000), maximumBytes: MAXIMUM, token: "secret", dispatcher });
  await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`, new AbortController().signal);
  assert.equal(seen, "Bearer secret");
});
