/**
 * A process to be killed: writes samples to the embedded history in the folder given, numbered from the number given, ten
 * sources at a time, without end. Says `t NUMBER TIME` when the samples of a number were taken, and `f NUMBER` when all up to
 * it were said to be safe.
 */
import { setTimeout as pause } from "node:timers/promises";
import { milliseconds, seconds } from "../../src/core/units.js";
import { realClock } from "../../src/drivers/linux/real-clock.js";
import { openEmbeddedSamples } from "../../src/drivers/stores/samples/embedded/store.js";
import { quietLog } from "../support/quiet-log.js";

const [folder = "", first = "0"] = process.argv.slice(2);
const say = (line: string): void => void process.stdout.write(`${line}\n`);
/** So many numbers between two that wait until they are safe. */
const PER_FLUSH = 150;

const retention = { keptDays: 1_000_000, fineDays: 1_000_000, coarseSeconds: seconds(300) };
// Merges of logs and of segments come all the time.
const settings = { folder, retention, clock: realClock(), log: quietLog(), mergeSamples: 300 };
const store = await openEmbeddedSamples(settings);
for (let number = Number(first); ; number++) {
  const vms = Array.from({ length: 10 }, (_, i) => (i === 0 ? null : `vm-${i}`));
  const at = milliseconds(number * 1_000);
  await store.write(vms.map((vm) => ({ host: "h", vm, at, values: { cpu_usage: number, mem_usage: number + 0.5 } })));
  say(`t ${number} ${Date.now()}`);
  if (number % PER_FLUSH === 0) {
    await store.flush();
    say(`f ${number}`);
  }
  await pause(4);
}
