/**
 * A leader that is killed, or frozen and woken up later, at each single call that it makes during a deploy, a resize and a
 * removal, before the call leaves and after it was done: the next leader finds out what is true, and callers who ask again
 * under the same id get a true answer.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { NotLeader } from "../../src/scheduler/service.js";
import { accepted, refused } from "./answers.js";
import { Cluster, deployRequest } from "./cluster.js";

const FATES = ["kill", "freeze"] as const;
const TIMES = ["before", "after"] as const;
/** More calls than any of the requests makes: the last ones find the leader at its ordinary rounds. */
const MOST_CALLS = 6;

const REQUESTS = {
  deploy: (cluster: Cluster) => cluster.scheduler.deploy(deployRequest("new", { requestId: "k" })),
  resize: (cluster: Cluster) => cluster.scheduler.resize({ name: "web", vcpus: 4, restart: true }),
  remove: (cluster: Cluster) => cluster.scheduler.remove("web"),
} as const;

async function interrupted(
  kind: keyof typeof REQUESTS,
  fate: (typeof FATES)[number],
  nth: number,
  when: (typeof TIMES)[number],
): Promise<void> {
  const cluster = await new Cluster({ hosts: 2 }).start(2);
  accepted(await cluster.deploy("web"));
  const old = cluster.leader()!;
  old.process.at(nth, fate, when, () => (fate === "kill" ? cluster.kill(old) : cluster.freeze(old)));
  const heard = { ok: false };
  REQUESTS[kind](cluster).then(
    ({ ok }) => {
      heard.ok = ok;
    },
    (error: unknown) => assert.ok(error instanceof NotLeader, String(error)),
  );
  await cluster.settle();
  assert.notEqual(cluster.leader()?.name, old.name, "another one leads");
  if (kind === "deploy" || !heard.ok) {
    const again = await cluster.run(REQUESTS[kind](cluster));
    // A removal that nobody heard of may have been finished by the next leader.
    if (again.ok || kind !== "remove") accepted(again);
    else assert.equal(refused(again).code, "unknown-vm");
  }
  await cluster.thaw();
  await cluster.settle();
  cluster.checkSettled();
  const { scheduler } = cluster;
  if (kind === "deploy") assert.equal(scheduler.vm("new")?.state, "running");
  else assert.equal(scheduler.vm("web")?.vcpus, kind === "resize" ? 4 : undefined);
}

for (const kind of ["deploy", "resize", "remove"] as const)
  for (const fate of FATES)
    test(`a leader's ${fate === "kill" ? "death" : "sleep"} at any call of a ${kind} loses and doubles nothing`, async () => {
      for (let nth = 1; nth <= MOST_CALLS; nth++) for (const when of TIMES) await interrupted(kind, fate, nth, when);
    });
