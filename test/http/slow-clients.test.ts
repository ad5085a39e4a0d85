/** Slow and greedy clients, on real sockets with short limits. */
import assert from "node:assert/strict";
import { connect, type Socket } from "node:net";
import { after, before, test } from "node:test";
import { type Listening, listen } from "../../src/http/server.js";
import type { AgentDouble } from "./agent-double.js";
import { exchange, parseAnswer } from "./raw.js";
import { type Served, serve } from "./support.js";

let served: Served<AgentDouble>;
let listening: Listening;
before(async () => {
  const limits = { headersMs: 300, requestMs: 600, keepAliveMs: 300, changeMs: 300, connections: 8 };
  served = serve({ limits });
  listening = await listen(served.app, { host: "127.0.0.1", port: 0 });
});
after(() => listening.close());

/** Writes `pieces` one by one, `pauseMs` apart, until the server closes; gives what it answered. */
function drip(pieces: Iterable<string>, pauseMs: number): Promise<string> {
  return new Promise((resolve) => {
    const socket: Socket = connect(listening.port, "127.0.0.1");
    const iterator = pieces[Symbol.iterator]();
    let received = "";
    const timer = setInterval(() => {
      const { done, value } = iterator.next();
      if (done !== true && socket.writable) socket.write(value);
    }, pauseMs);
    socket.setEncoding("utf8");
    socket.on("data", (chunk: string) => {
      received += chunk;
    });
    socket.on("error", () => undefined);
    socket.on("close", () => {
      clearInterval(timer);
      resolve(received);
    });
  });
}

test("a client that sends nothing is cut off", async () => {
  const answer = parseAnswer(await drip([], 50));
  assert.ok(answer.status === 408 || answer.status === 0, answer.head);
});

test("a client that drips its headers is answered 408 and cut off", async () => {
  const answer = parseAnswer(await drip(["GET / HTTP/1.1\r\n", ..."Host: localhost".repeat(100)], 20));
  assert.equal(answer.status, 408, answer.head);
  assert.match(answer.body, /"code":"request-timeout"/);
});

test("a client that drips its body is answered 408 and cut off, and nothing is deployed", async () => {
  const head =
    "POST /v1/vms HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 5000\r\n\r\n";
  const answer = parseAnswer(await drip([head, ..." ".repeat(4000)], 20));
  assert.equal(answer.status, 408, answer.head);
  assert.equal(served.agent.deploys, 0);
});

test("an idle connection is closed", async () => {
  const received = await drip(["GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"], 10);
  assert.equal(parseAnswer(received).status, 200);
});

test("connections above the limit are dropped, and the server goes on", async () => {
  const idle = await Promise.all(
    Array.from(
      { length: 20 },
      () =>
        new Promise<Socket>((resolve) => {
          const socket = connect(listening.port, "127.0.0.1", () => resolve(socket));
          socket.on("error", () => undefined);
        }),
    ),
  );
  await new Promise((resolve) => setTimeout(resolve, 100));
  const open = await new Promise<number>((resolve, reject) =>
    served.app.server.getConnections((error, count) => (error ? reject(error) : resolve(count))),
  );
  assert.ok(open <= 8, `${open} connections are open`);
  for (const socket of idle) socket.destroy();
  await new Promise((resolve) => setTimeout(resolve, 50));
  const answer = await exchange(
    listening.port,
    "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
  );
  assert.equal(answer.status, 200);
});

test("no slow client met a bug", () => assert.deepEqual(served.log.errors, []));
