/**
 * A process to be killed or frozen: leads on the embedded store in the folder given, or on the etcd given by endpoint and
 * prefix, and commits pairs of records of equal value without end, several at once. Says `leads EPOCH`, then `N` for every
 * pair that was acknowledged, and what else comes back.
 */
import { realClock } from "../../src/drivers/linux/real-clock.js";
import { openEmbeddedStore } from "../../src/drivers/stores/embedded/store.js";
import { etcdStore } from "../../src/drivers/stores/etcd/store.js";
import type { Change, ClusterStore, Leadership } from "../../src/ports/cluster-store.js";
import { quietLog } from "../support/quiet-log.js";

const WRITERS = 4;

const say = (line: string): void => void process.stdout.write(`${line}\n`);

async function open(where: string, prefix: string | undefined): Promise<ClusterStore> {
  const [clock, log] = [realClock(), quietLog()];
  if (prefix !== undefined) return etcdStore({ endpoints: [where], prefix, leaderTtlSeconds: 2, clock, log });
  return openEmbeddedStore({ folder: where, clock, log, smallestRotationBytes: 20_000 });
}

/** Writes the pair of records of one writer, a number of its own each time: 0, 4, 8 ... for the first of four. */
async function write(store: ClusterStore, leader: Leadership, writer: number): Promise<void> {
  const keys = [`pairs/${writer}/left`, `pairs/${writer}/right`];
  const found = await Promise.all(keys.map((key) => store.get(key)));
  let number = found[0] ? Number(found[0].value.split(" ")[0]) + WRITERS : writer;
  let revision = found[0]?.revision ?? null;
  for (; ; number += WRITERS) {
    const value = `${number} ${"x".repeat(200)}`;
    const changes = keys.map(
      (key): Change => (revision === null ? { kind: "create", key, value } : { kind: "replace", key, value, revision }),
    );
    const outcome = await store.commit(changes, leader);
    if (outcome.kind !== "committed") return say(outcome.kind);
    revision = outcome.revision;
    say(String(number));
  }
}

const store = await open(process.argv[2]!, process.argv[3]);
const leader = await store.campaign("committer", new AbortController().signal);
say(`leads ${leader.epoch}`);
leader.lost.addEventListener("abort", () => say("lost"));
const writers = Array.from({ length: WRITERS }, (_, writer) => write(store, leader, writer));
for (const ended of await Promise.allSettled(writers)) {
  if (ended.status === "rejected") say(`${ended.reason.code ?? ended.reason}`);
}
