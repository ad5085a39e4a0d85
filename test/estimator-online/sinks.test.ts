/** Sinks get every host's newest estimate, sooner or later, and never hold the estimator up. */
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, type TestContext, test } from "node:test";
import { milliseconds } from "../../src/core/units.js";
import { virtualClock } from "../../src/drivers/fake/virtual-clock.js";
import { realClock } from "../../src/drivers/linux/real-clock.js";
import { webhookSink } from "../../src/drivers/sinks/webhook.js";
import { Courier } from "../../src/estimator/courier.js";
import { estimatorMetrics } from "../../src/estimator/metrics-text.js";
import { stateFileOf } from "../../src/estimator/state-file.js";
import { OperationalError } from "../../src/ports/errors.js";
import type { EstimateSink, HostEstimate } from "../../src/ports/estimates.js";
import { failsWith } from "../stores/support.js";
import { quietLog } from "../support/quiet-log.js";
import { estimateOf } from "./estimates.js";

class FlakySink implements EstimateSink {
  readonly name = "flaky";
  readonly got: string[][] = [];
  failure: OperationalError | null = null;
  attempts = 0;

  async deliver(estimates: readonly HostEstimate[]): Promise<void> {
    this.attempts += 1;
    if (this.failure !== null) throw this.failure;
    this.got.push(estimates.map(({ host, strategy }) => `${host} ${strategy}`));
  }
}

const courierOf = (sink: EstimateSink, clock = virtualClock()) => ({
  courier: new Courier({ sink, clock, log: quietLog(), random: () => 0.5 }),
  clock,
});
const never = new AbortController().signal;

describe("the courier", () => {
  test("tries again, later and later, with what is newest of each host by then", async () => {
    const sink = new FlakySink();
    const { courier, clock } = courierOf(sink);
    const stop = new AbortController();
    const running = courier.run(stop.signal);
    sink.failure = new OperationalError("sink-unreachable", "not now", true);
    courier.offer([estimateOf("a"), estimateOf("b")]);
    await clock.advance(60_000);
    assert.ok(sink.attempts >= 5 && sink.attempts <= 8, `${sink.attempts}`);
    courier.offer([estimateOf("a", { strategy: "newer" })]);
    assert.equal(courier.status().waiting, 2);
    assert.equal(courier.status().problem, "not now");
    sink.failure = null;
    await clock.advance(300_000);
    assert.deepEqual(sink.got, [["b headroom", "a newer"]]);
    const { waiting, delivered, problem } = courier.status();
    assert.deepEqual([waiting, delivered, problem], [0, 2, null]);
    stop.abort();
    await running;
  });

  test("a refusal is told and not repeated; the next estimates are told again", async () => {
    const sink = new FlakySink();
    const { courier } = courierOf(sink);
    sink.failure = new OperationalError("sink-failed", "no such thing", false);
    courier.offer([estimateOf("a")]);
    assert.equal(await courier.flush(never), true);
    assert.deepEqual([courier.status().waiting, courier.status().problem], [0, "no such thing"]);
    sink.failure = null;
    courier.offer([estimateOf("a")]);
    await courier.flush(never);
    assert.deepEqual([courier.status().delivered, courier.status().problem], [1, null]);
  });

  test("what is offered while the sink is at work is not lost", async () => {
    let go = (): void => undefined;
    const got: string[] = [];
    const slow: EstimateSink = {
      name: "slow",
      deliver: async (estimates) => {
        await new Promise<void>((resolve) => {
          go = resolve;
        });
        got.push(...estimates.map(({ strategy }) => strategy));
      },
    };
    const { courier } = courierOf(slow);
    courier.offer([estimateOf("a", { strategy: "one" })]);
    const flushed = courier.flush(never);
    courier.offer([estimateOf("a", { strategy: "two" })]);
    go();
    await new Promise(setImmediate);
    go();
    await flushed;
    assert.deepEqual(got, ["one", "two"]);
  });
});

interface Told {
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

async function receiver(
  context: TestContext,
  answer: (response: ServerResponse, count: number) => void,
): Promise<{ readonly url: string; readonly told: readonly Told[] }> {
  const told: Told[] = [];
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += String(chunk);
    told.push({ headers: request.headers, body });
    answer(response, told.length);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  context.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`, told };
}

const SECRET = "a secret of some length";

describe("the webhook", () => {
  test("posts what is new, signed so that a receiver can check it", async (context) => {
    const { url, told } = await receiver(context, (response) => response.writeHead(204).end());
    const sink = webhookSink({ url, secret: SECRET, clock: realClock() });
    context.after(() => sink.close?.());
    await sink.deliver([estimateOf("a")], never);
    const [{ headers, body }] = told as [Told];
    const { kind, estimates } = JSON.parse(body) as { kind: string; estimates: readonly HostEstimate[] };
    assert.deepEqual([kind, estimates], ["estimates", [estimateOf("a")]]);
    const [, seconds, hex] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(String(headers["headroom-signature"])) ?? [];
    assert.equal(hex, createHmac("sha256", SECRET).update(`${seconds}.${body}`).digest("hex"));
    assert.ok(Math.abs(Number(seconds) - Date.now() / 1000) < 60);
  });

  test("an answer of 503 or 429, none in time, and a closed port may be repeated; 400 may not", async (context) => {
    const statuses = [503, 429, 400];
    const { url } = await receiver(context, (response, count) => {
      const status = statuses[count - 1];
      if (status !== undefined) response.writeHead(status).end("so it is");
    });
    const sink = webhookSink({ url, secret: null, clock: realClock(), deadlineMs: 300 });
    context.after(() => sink.close?.());
    const deliver = () => sink.deliver([estimateOf("a")], never);
    await assert.rejects(deliver(), failsWith("sink-unreachable"));
    await assert.rejects(deliver(), failsWith("sink-unreachable"));
    await assert.rejects(deliver(), failsWith("sink-failed"));
    await assert.rejects(deliver(), /does not answer: no answer within 0.3 s/);
    const nobody = webhookSink({ url: "http://127.0.0.1:1/", secret: null, clock: realClock() });
    context.after(() => nobody.close?.());
    await assert.rejects(nobody.deliver([estimateOf("a")], never), failsWith("sink-unreachable"));
  });
});

describe("the state file is the seed's form", () => {
  const withheld = estimateOf("b", { cpu: { ...estimateOf("b").cpu, need: null, instead: "no samples" } });

  test("tiers of CPU in tenths, of memory in whole MB; what is booked where an estimate is withheld", () => {
    const { a, b } = stateFileOf([estimateOf("a"), withheld], milliseconds(4_000_000));
    assert.deepEqual(a!.cpu, { tier0: 12.3, tier1: 0, tier2: 51.7 });
    assert.deepEqual(a!.mem, { tier0: 256, tier1: 0, tier2: 768 });
    assert.deepEqual(b!.cpu, { tier0: 40, tier1: 0, tier2: 24 });
    assert.deepEqual(b!.withheld, { cpu: "no samples", mem: null });
  });

  test("a stale estimate counts as none", () => {
    const { a } = stateFileOf([estimateOf("a")], milliseconds(8_100_000));
    assert.deepEqual([a!.cpu.tier0, a!.withheld], [40, { cpu: "stale", mem: "stale" }]);
  });

  test("metrics leave the need out where it is withheld or stale, and fall back on what is booked for what is free", () => {
    const status = {
      hosts: 1,
      lastWindowEnd: null,
      windows: 0,
      passSeconds: 0,
      failures: 0,
      unsaved: 0,
      problem: null,
    };
    const text = (now: number): string => estimatorMetrics(status, [estimateOf("a")], [], milliseconds(now));
    assert.match(text(4_000_000), /headroom_estimate_cpu_needed_pcpus\{host="a"\} 12.34\n/);
    assert.match(text(4_000_000), /headroom_estimate_cpu_free_pcpus\{host="a"\} 51.66\n/);
    assert.doesNotMatch(text(9_000_000), /needed_pcpus\{/);
    assert.match(text(9_000_000), /headroom_estimate_cpu_free_pcpus\{host="a"\} 24\n/);
  });
});
