/**
 * The cluster does not lose a VM: three etcd servers, three schedulers and twenty hosts as real processes. Under a stream of deploys
 * and removals the leader is killed, frozen, cut off from etcd, and an etcd server is killed; then what callers were told is
 * held against what exists (checker.ts). HEADROOM_CHAOS_RUNS repeats the whole with other seeds.
 */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { realClock } from "../../src/drivers/linux/real-clock.js";
import { etcdStore } from "../../src/drivers/stores/etcd/store.js";
import { type EtcdCluster, Line, skipWithoutEtcd, startEtcd } from "../stores/etcd-lab.js";
import { afterwards } from "../stores/support.js";
import { quietLog } from "../support/quiet-log.js";
import { findings } from "./checker.js";
import { buildProgram, Hosts, leaderAmong, recordsIn, SchedulerProcess } from "./rig.js";
import { Stream } from "./stream.js";

const RUNS = Number(process.env.HEADROOM_CHAOS_RUNS ?? 1);
const REQUESTS = 500;
const HOSTS = 20;
/** Of the leader's lease: how long the others wait at most for one that is gone without a word. */
const LEADER_SECONDS = Number(process.env.HEADROOM_LEADER_SECONDS ?? 2);

interface Lab {
  readonly etcd: EtcdCluster;
  readonly hosts: Hosts;
  readonly schedulers: readonly SchedulerProcess[];
  /** From each scheduler to each etcd server. */
  readonly lines: ReadonlyMap<SchedulerProcess, readonly Line[]>;
  readonly stream: Stream;
}

async function start(context: TestContext, seed: number): Promise<Lab> {
  const folder = mkdtempSync(join(tmpdir(), "headroom-chaos-"));
  afterwards(context, async () => rmSync(folder, { recursive: true, force: true }));
  const etcd = await startEtcd({ nodes: 3 });
  afterwards(context, () => etcd.stop());
  const hosts = new Hosts(HOSTS, folder);
  afterwards(context, () => hosts.end());
  const lines = new Map<SchedulerProcess, readonly Line[]>();
  for (const name of ["one", "two", "three"]) {
    const own = await Promise.all(etcd.nodes.map(({ port }) => Line.to(port)));
    const endpoints = own.map(({ endpoint }) => endpoint).join(",");
    const flags = ["--etcd-endpoints", endpoints, "--leader-seconds", String(LEADER_SECONDS)];
    lines.set(new SchedulerProcess(name, folder, flags), own);
  }
  const schedulers = [...lines.keys()];
  for (const own of lines.values()) for (const line of own) afterwards(context, () => line.close());
  for (const one of schedulers) afterwards(context, () => one.kill());
  await Promise.all([hosts.start(), ...schedulers.map((one) => one.start())]);
  const urls = schedulers.map(({ url }) => url);
  const stream = new Stream({ schedulers: urls, clients: 16, names: 100, seed });
  afterwards(context, () => stream.close());
  await hosts.join(urls);
  return { etcd, hosts, schedulers, lines, stream };
}

/** Something happens to the leader; tells how long it takes until another one leads, and until a change is acknowledged. */
async function takeOver(context: TestContext, lab: Lab, what: string, harm: (leader: SchedulerProcess) => unknown) {
  const { leader, epoch } = await leaderAmong(lab.schedulers);
  const began = performance.now();
  await harm(leader);
  const others = lab.schedulers.filter((one) => one !== leader && one.isRunning);
  const next = await leaderAmong(others);
  assert.ok(next.epoch > epoch, `epoch ${next.epoch} after ${epoch}`);
  const elected = performance.now() - began;
  while ((lab.stream.acknowledged.at(-1) ?? 0) < began + elected) await pause(5);
  const acknowledged = lab.stream.acknowledged.find((at) => at >= began + elected)! - began;
  const seconds = (ms: number): string => `${(ms / 1000).toFixed(2)} s`;
  context.diagnostic(`${what}: another one leads after ${seconds(elected)}, a change after ${seconds(acknowledged)}`);
  return { former: leader, leader: next.leader };
}

async function harass(context: TestContext, lab: Lab): Promise<void> {
  const { stream, lines, etcd } = lab;
  await stream.reached(60);
  const killed = await takeOver(context, lab, "killed", (leader) => leader.kill());
  await killed.former.start();

  await stream.reached(160);
  const frozen = await takeOver(context, lab, "frozen", (leader) => leader.freeze());
  frozen.former.thaw();

  await stream.reached(260);
  const cut = (state: "cut" | "open") => (leader: SchedulerProcess) => {
    for (const line of lines.get(leader)!) line.set(state);
  };
  const severed = await takeOver(context, lab, "cut off from etcd", cut("cut"));
  cut("open")(severed.former);

  await stream.reached(340);
  await etcd.nodes[0]!.kill();
  await stream.reached(390);
  etcd.nodes[0]!.start();

  // The leader freezes while its questions to hosts are on their way, which arrive when another one leads.
  await stream.reached(420);
  const held = lab.hosts.lines.slice(0, HOSTS / 2);
  for (const line of held) line.set("held");
  await pause(50);
  const late = await takeOver(context, lab, "frozen, its questions late", (leader) => leader.freeze());
  for (const line of held) line.set("open");
  late.former.thaw();
}

for (let seed = 1; seed <= RUNS; seed++) {
  test(`${REQUESTS} deploys and removals while leaders are killed, frozen and cut off: no VM is lost or doubled (seed ${seed})`, {
    skip: skipWithoutEtcd,
  }, async (context) => {
    buildProgram();
    const lab = await start(context, seed);
    const { hosts, schedulers, stream, etcd } = lab;
    const { leader } = await leaderAmong(schedulers);
    await leader.says((status) => status.hosts.up === HOSTS);
    const store = etcdStore({ endpoints: etcd.endpoints, prefix: "/headroom/", clock: realClock(), log: quietLog() });
    afterwards(context, () => store.close());
    const running = stream.run(REQUESTS);
    await Promise.all([running, harass(context, lab)]);
    await (await leaderAmong(schedulers)).leader.settled();
    const records = await recordsIn(store);
    const { hosts: found, doubles } = await hosts.report();
    const { requests } = stream;
    const count = (outcome: string): number => requests.filter((one) => one.outcome === outcome).length;
    context.diagnostic(
      `${requests.length} requests: ${count("ok")} done, ${count("refused")} refused, ` +
        `${count("unknown-vm") + count("gone")} found no VM, ${count("unknown")} unanswered; ${records.length} VMs at the end`,
    );
    assert.deepEqual(findings(requests, { hosts: found, records }), []);
    assert.deepEqual(doubles, [], "VMs that were on two hosts at some moment");
    assert.equal(requests.length, REQUESTS);
    assert.ok(count("ok") > REQUESTS / 2, `${count("ok")} changes were acknowledged`);
  });
}
