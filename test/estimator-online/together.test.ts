/** Several hosts by one question: the same estimates as of each alone. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { OperationalError } from "../../src/ports/errors.js";
import {
  HOUR_MS,
  hostHistory,
  liveEstimates,
  MemoryStates,
  MemoryStore,
  openWatch,
  START,
  settingsFor,
} from "./histories.js";

test("hosts whose windows are read together are estimated as if each had been read alone, also where that question fails", async () => {
  const names = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"];
  const samples = names.flatMap((host, i) => hostHistory(host, 6, i));
  const together = new MemoryStore(samples);
  const alone = new MemoryStore(samples);
  const failing = new MemoryStore(samples);
  Object.assign(alone, { readHosts: undefined });
  Object.assign(failing, {
    readHosts: () => {
      throw new OperationalError("store-failed", "too much at once", false);
    },
  });
  const settings = settingsFor("maxpeak");
  const [expected, ...others] = await Promise.all(
    [alone, together, failing].map(async (store) => {
      const told = await liveEstimates(store, settings, 6);
      return told.toSorted((a, b) => a.at - b.at || (a.host < b.host ? -1 : 1));
    }),
  );
  assert.equal(expected!.length, 60);
  for (const other of others) assert.deepEqual(other, expected);
  assert.ok(together.together >= 6 * 2 && together.together < 6 * names.length, `${together.together} questions`);
});

test("the past of hosts that are seen first is read together, from each one's own first window on", async () => {
  const names = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"];
  const hours = 12;
  const samples = names.flatMap((host, i) =>
    hostHistory(host, hours, i).filter(({ at }) => at >= (START + i) * HOUR_MS),
  );
  const settings = settingsFor("greedy");
  const expected = await liveEstimates(new MemoryStore(samples), settings, hours);
  const store = new MemoryStore(samples);
  const { watch } = await openWatch(store, new MemoryStates(), settings, hours);
  await watch.pass(new AbortController().signal);
  assert.equal(store.together, 2, "eight hosts by one question");
  const end = (START + hours) * HOUR_MS;
  assert.deepEqual(
    watch.estimates(),
    expected.filter(({ at }) => at === end).toSorted((a, b) => (a.host < b.host ? -1 : 1)),
  );
});
