/** The embedded history survives the death of its writer at any moment. HEADROOM_KILLS: how often it dies (50 when it counts). */
import assert from "node:assert/strict";
import { open, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { milliseconds, seconds } from "../../src/core/units.js";
import { realClock } from "../../src/drivers/linux/real-clock.js";
import { listFolder } from "../../src/drivers/stores/samples/embedded/names.js";
import { openEmbeddedReader } from "../../src/drivers/stores/samples/embedded/reader.js";
import { type EmbeddedSamples, openEmbeddedSamples } from "../../src/drivers/stores/samples/embedded/store.js";
import type { SampleStore } from "../../src/ports/sample-store.js";
import { eventually, failsWith, storeFolder } from "../stores/support.js";
import { quietLog, rememberingLog } from "../support/quiet-log.js";
import { TalkingProcess } from "../support/talking-process.js";
import { collect, read, sample } from "./support.js";

const KILLS = Number(process.env.HEADROOM_KILLS ?? 4);
/** A process takes one to start, and many on a busy machine. */
const START_SECONDS = 60;
/** What a crash may lose. */
const UNFLUSHED_MS = 1_000;
const PROCESS = fileURLToPath(new URL("./writer-process.ts", import.meta.url));

const retention = { keptDays: 1_000_000, fineDays: 1_000_000, coarseSeconds: seconds(300) };
const openWriter = (folder: string, log = quietLog()): Promise<EmbeddedSamples> =>
  openEmbeddedSamples({ folder, retention, clock: realClock(), log });

/** Numbers that are there, each with all its sources; half a number is none. */
async function numbersIn(store: SampleStore, from: number): Promise<readonly number[]> {
  const range = { from: milliseconds(from * 1_000), to: milliseconds(1e12) };
  const host = await collect(store.read({ host: "h", of: "host", metrics: [], ...range }));
  const vms = await collect(store.read({ host: "h", of: "vms", metrics: ["mem_usage"], ...range }));
  const numbers = host.map(({ at, values }) => {
    assert.deepEqual(values, { cpu_usage: at / 1_000, mem_usage: at / 1_000 + 0.5 });
    return at / 1_000;
  });
  const perTime = new Map<number, number>();
  for (const { at } of vms) perTime.set(at / 1_000, (perTime.get(at / 1_000) ?? 0) + 1);
  for (const number of numbers) assert.equal(perTime.get(number), 9, `samples of ${number}`);
  assert.equal(perTime.size, numbers.length);
  return numbers;
}

interface Said {
  /** The last number taken at least a second before `killed`, and the last that was said to be safe; 0: none. */
  readonly due: number;
  readonly last: number;
}

function whatWasSaid(lines: readonly string[], killed: number): Said {
  let [due, last] = [0, 0];
  for (const line of lines) {
    const [word, number = "", at = ""] = line.split(" ");
    assert.ok(word === "t" || word === "f", `the writer said: ${line}`);
    if (word === "t") last = Number(number);
    if (word === "f" || Number(at) < killed - UNFLUSHED_MS) due = Math.max(due, Number(number));
  }
  return { due, last };
}

test(`killed ${KILLS} times, it opens again and has lost at most the last second`, async (context) => {
  const folder = await storeFolder(context);
  let first = 1;
  let [written, lost] = [0, 0];
  for (let kill = 0; kill < KILLS; kill++) {
    const writer = new TalkingProcess(context, PROCESS, folder, String(first));
    await eventually(() => writer.lines.length > 0, "the writer writes", START_SECONDS);
    await pause(300 + ((kill * 377) % 1_900));
    const killed = Date.now();
    await writer.kill();
    const { due, last } = whatWasSaid(writer.lines, killed);
    // Beside a dead writer a reader sees what the next writer finds; then the next writer does.
    const reader = await openEmbeddedReader(folder);
    const seen = await numbersIn(reader, first);
    await reader.close();
    const store = await openWriter(folder);
    const found = await numbersIn(store, first);
    assert.deepEqual(seen, found);
    if (kill % 2 === 0) await store.tidy();
    await store.close();
    assert.deepEqual(
      found,
      Array.from({ length: found.length }, (_, i) => first + i),
      "no number is missing between",
    );
    assert.ok(
      first + found.length - 1 >= due,
      `kill ${kill}: ${due} of ${last} were due, up to ${found.at(-1)} are there`,
    );
    lost = Math.max(lost, last - (first + found.length - 1));
    first = last + 1;
    written += found.length;
  }
  context.diagnostic(`of ${first - 1} numbers, a kill lost ${lost} at most`);
  const store = await openWriter(folder);
  const all = await numbersIn(store, 0);
  await store.close();
  assert.equal(all.length, written, "and nothing of earlier lives was lost later");
  const { logs, unfinished } = await listFolder(folder);
  assert.deepEqual({ logs, unfinished }, { logs: [], unfinished: [] });
});

test("what a crash tore off the log is cut off with a warning; damage before whole lines is corrupt", async (context) => {
  const folder = await storeFolder(context);
  const first = await openWriter(folder);
  for (const at of [1, 2]) {
    await first.write([sample(0, at, "a", { cpu: at })]);
    await first.flush();
  }
  const name = (await readdir(folder)).find((one) => one.startsWith("log-"))!;
  const bytes = await readFile(join(folder, name));
  await first.close();
  await writeFile(join(folder, name), Buffer.concat([bytes, Buffer.from('deadbeef {"shapes":[["cpu')]));
  const log = rememberingLog();
  const second = await openWriter(folder, log);
  assert.equal((await read(second, 0)).length, 2);
  await second.close();
  assert.ok(log.lines.some(({ level, fields }) => level === "warn" && "tornBytes" in fields));

  const again = join(folder, "log-00000099-000001");
  const damaged = Buffer.from(bytes);
  damaged[20]! ^= 1;
  await writeFile(again, damaged);
  await assert.rejects(openWriter(folder), failsWith("state-corrupt"));
  const reader = await openEmbeddedReader(folder);
  await assert.rejects(reader.sources({ from: milliseconds(0), to: milliseconds(1e12) }), failsWith("state-corrupt"));
  await reader.close();
  assert.deepEqual(await readFile(again), damaged);
});

test("a damaged segment is told by name, and the others can still be read", async (context) => {
  const folder = await storeFolder(context);
  const store = await openWriter(folder);
  const day = 86_400;
  await store.write([sample(0, 10, "a", { cpu: 1 }), sample(0, day + 10, "a", { cpu: 2 })]);
  await store.close();
  const [first = ""] = (await readdir(folder)).filter((name) => name.startsWith("1970-01-01"));
  const file = await open(join(folder, first), "r+");
  await file.truncate(100);
  await file.close();
  const again = await openWriter(folder);
  const damaged = (error: unknown) => failsWith("state-corrupt")(error) && (error as Error).message.includes(first);
  await assert.rejects(read(again, 0), damaged);
  assert.deepEqual(await read(again, day * 1_000), [sample(day * 1_000, 10, "a", { cpu: 2 })]);
  await again.close();
});
