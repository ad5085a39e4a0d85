/** What tests of the stores share. */
import assert from "node:assert/strict";
import { mkdtemp, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import type {
  Change,
  ClusterStore,
  CommitOutcome,
  Leadership,
  LeaseUpdate,
  Revision,
  StoreUpdate,
} from "../../src/ports/cluster-store.js";
import { OperationalError } from "../../src/ports/errors.js";

export const never = (): AbortSignal => new AbortController().signal;

export const create = (key: string, value: string): Change => ({ kind: "create", key, value });

/** Commits what must succeed. */
export async function mustCommit(
  store: ClusterStore,
  fence: Leadership,
  ...changes: readonly Change[]
): Promise<Revision> {
  const outcome: CommitOutcome = await store.commit(changes, fence);
  assert.equal(outcome.kind, "committed", JSON.stringify(outcome));
  return outcome.kind === "committed" ? outcome.revision : 0;
}

export const failsWith = (code: string) => (error: unknown) => {
  assert.ok(error instanceof OperationalError, `${error}`);
  assert.equal(error.code, code, error.message);
  return true;
};

const cleanups = new WeakMap<TestContext, (() => Promise<unknown>)[]>();

/** Like `context.after`, but the last one first: clients are closed before their servers. */
export function afterwards(context: TestContext, clean: () => Promise<unknown>): void {
  const stack = cleanups.get(context);
  if (stack) {
    stack.push(clean);
    return;
  }
  const fresh = [clean];
  cleanups.set(context, fresh);
  context.after(async () => {
    for (let last = fresh.pop(); last; last = fresh.pop()) await last();
  });
}

/** A folder for one test, removed after everything that uses it has ended. */
export async function storeFolder(context: TestContext): Promise<string> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), "headroom-store-")));
  afterwards(context, () => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** Resolves when `condition` holds; throws after ten seconds, or as many as are given. */
export async function eventually(
  condition: () => boolean | Promise<boolean>,
  what: string,
  patienceSeconds = 10,
): Promise<void> {
  const until = performance.now() + patienceSeconds * 1000;
  while (!(await condition())) {
    assert.ok(performance.now() < until, `${what}: not within ${patienceSeconds} seconds`);
    await pause(10);
  }
}

/** Reads a watch in the background. */
export class Follower<Update extends StoreUpdate | LeaseUpdate> {
  readonly updates: Update[] = [];
  private readonly ended = new AbortController();
  readonly done: Promise<void>;

  constructor(begin: (signal: AbortSignal) => AsyncIterable<Update>) {
    this.done = this.read(begin(this.ended.signal));
  }

  private async read(updates: AsyncIterable<Update>): Promise<void> {
    for await (const update of updates) this.updates.push(update);
  }

  async stop(): Promise<void> {
    this.ended.abort();
    await this.done;
  }
}

/** The updates of a watch as lines: `=a b` for a snapshot, `+a:value`, `-a` for changes. */
export const spoken = (updates: readonly StoreUpdate[]): readonly string[] =>
  updates.flatMap((update) =>
    update.kind === "snapshot"
      ? [`=${update.records.map(({ key, value }) => `${key}:${value}`).join(" ")}`]
      : update.changes.map((change) =>
          change.kind === "put" ? `+${change.record.key}:${change.record.value}` : `-${change.key}`,
        ),
  );

export const spokenLeases = (updates: readonly LeaseUpdate[]): readonly string[] =>
  updates.map((update) =>
    update.kind === "snapshot"
      ? `=${[...update.hosts].sort().join(" ")}`
      : `${update.kind === "opened" ? "+" : "-"}${update.host}`,
  );
