/** Server-sent events over a real connection. */
import assert from "node:assert/strict";
import { connect } from "node:net";
import { after, before, test } from "node:test";
import { request } from "undici";
import { eventAnswer } from "../../src/http/schemas/answers.js";
import { type Listening, listen } from "../../src/http/server.js";
import type { AgentDouble } from "./agent-double.js";
import { type Served, serve } from "./support.js";

let served: Served<AgentDouble>;
let listening: Listening;
before(async () => {
  served = serve({ limits: { eventHeartbeatMs: 40, eventStreams: 2, eventBufferBytes: 4096 } });
  listening = await listen(served.app, { host: "127.0.0.1", port: 0 });
});
after(() => listening.close());

interface Reader {
  /** Waits until the stream has said something that matches. */
  readonly until: (pattern: RegExp) => Promise<string>;
  readonly ids: () => string[];
  readonly end: () => void;
}

async function follow(lastEventId?: string): Promise<Reader> {
  const stop = new AbortController();
  const headers = lastEventId === undefined ? {} : { "last-event-id": lastEventId };
  const { body, statusCode } = await request(`${listening.url}/v1/events`, { headers, signal: stop.signal });
  assert.equal(statusCode, 200);
  let text = "";
  body.setEncoding("utf8");
  body.on("data", (chunk: string) => {
    text += chunk;
  });
  body.on("error", () => undefined);
  const until = async (pattern: RegExp): Promise<string> => {
    for (let tries = 0; !pattern.test(text); tries++) {
      assert.ok(tries < 500, `the stream never said ${pattern}: ${text}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    return text;
  };
  return {
    until,
    ids: () => [...text.matchAll(/^id: (.*)$/gm)].map((match) => match[1] ?? ""),
    end: () => stop.abort(),
  };
}

const readersGone = async (): Promise<void> => {
  for (let tries = 0; tries < 200; tries++) {
    if (/headroom_http_event_readers 0/.test((await served.app.inject("/metrics")).body)) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  assert.fail("a reader that has gone still counts");
};

test("a reader gets what happens from now on, each event as JSON of its schema, and heartbeats", async () => {
  served.agent.report("vm-deployed", "before");
  const reader = await follow();
  await reader.until(/headroom events/);
  served.agent.report("vm-deployed", "web-1", "web-1 is deployed");
  const text = await reader.until(/event: vm-deployed[\s\S]*still here/);
  assert.doesNotMatch(text, /before/);
  const data = /^data: (.*)$/m.exec(text)?.[1] ?? "";
  assert.equal(eventAnswer.parse(JSON.parse(data)).vm, "web-1");
  reader.end();
  await readersGone();
});

test("a reader that comes back with the last id that it saw misses nothing and gets nothing twice", async () => {
  const first = await follow("0");
  served.agent.report("pin-repaired", "a");
  await first.until(/pin-repaired/);
  const last = first.ids().at(-1);
  first.end();
  served.agent.report("vm-stopped", "b");
  served.agent.report("vm-vanished", "c");
  const second = await follow(last);
  await second.until(/vm-vanished/);
  assert.equal(second.ids().length, 2);
  second.end();
  await readersGone();
});

test("an id of an earlier process gives everything that is remembered", async () => {
  const reader = await follow("zzzz-99999");
  await reader.until(/vm-vanished/);
  assert.equal(reader.ids().length, served.agent.eventsAfter(0).length);
  reader.end();
  await readersGone();
});

test("readers above the limit get 503", async () => {
  const readers = [await follow(), await follow()];
  const { statusCode, headers, body } = await request(`${listening.url}/v1/events`);
  assert.equal(statusCode, 503);
  assert.equal(headers["retry-after"], "1");
  await body.dump();
  for (const reader of readers) reader.end();
  await readersGone();
});

test("a reader that does not read is cut off instead of buffered for", async () => {
  const socket = connect(listening.port, "127.0.0.1");
  socket.on("error", () => undefined);
  socket.write("GET /v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n");
  await new Promise((resolve) => socket.once("readable", resolve));
  socket.pause();
  const closed = new Promise((resolve) => socket.once("close", resolve));
  const long = "x".repeat(100_000);
  for (let sent = 0; sent < 400; sent++) {
    served.agent.report("action-failed", null, long);
    if (sent % 50 === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  }
  await readersGone();
  socket.resume();
  await closed;
});

test("a server that closes ends its streams", async () => {
  const other = serve();
  const own = await listen(other.app, { host: "127.0.0.1", port: 0 });
  const { body } = await request(`${own.url}/v1/events`);
  const ended = body.text();
  await own.close();
  assert.match(await ended, /headroom events/);
});
