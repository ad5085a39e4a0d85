/** What `--record` writes: a trace from which a replay decides what the agent decided. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { Recorder } from "../../src/agent/recorder.js";
import { runReplay } from "../../src/agent/replay/run.js";
import type { HostState } from "../../src/core/pool/model.js";
import { ratio } from "../../src/core/units.js";
import type { AppendFile } from "../../src/ports/append-file.js";
import { OperationalError } from "../../src/ports/errors.js";
import { readTrace } from "../../src/trace/reader.js";
import { Rig, type RigOptions, SMALL } from "./support.js";

class MemoryFile implements AppendFile {
  text = "";
  readonly startedEmpty = true;
  failure: Error | null = null;
  append(text: string): void {
    if (this.failure) throw this.failure;
    this.text += text;
  }
  flush = async (): Promise<void> => undefined;
  close = async (): Promise<void> => undefined;
}

type Pools = readonly { ratio: number; pcpus: readonly number[]; allocated: number; vms: readonly string[] }[];

const poolsOf = (host: HostState): Pools =>
  host.pools.map((pool) => ({
    ratio: pool.ratio,
    pcpus: pool.pcpus,
    allocated: pool.allocatedVcpus,
    vms: pool.members.map((member) => member.vm),
  }));

/** Each state that differs from the one before. */
const distinct = (states: readonly Pools[]): string[] =>
  states.map((pools) => JSON.stringify(pools)).filter((text, i, all) => text !== all[i - 1]);

async function inFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), "headroom-record-"));
  try {
    return await work(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** A life of arrivals, departures, a stop and a start; several changes in one second. */
async function live(options: RigOptions): Promise<{ file: MemoryFile; states: Pools[] }> {
  const file = new MemoryFile();
  const rig = await new Rig({ ...options, agent: { recorder: new Recorder(file) } }).start();
  const states: Pools[] = [];
  const note = () => states.push(poolsOf(rig.agent.host()));
  note();
  await rig.tick();
  const arrivals = [2, 1, 3, 4, 2, 1, 2] as const;
  for (const [i, vcpus] of arrivals.entries()) {
    // Some policies have no room for some of them: a refusal is no change.
    await rig.tryDeploy(`vm${i}`, vcpus, [1, 2, 3][i % 3]!);
    note();
  }
  await rig.tick();
  for (const name of ["vm1", "vm4"]) {
    await rig.agent.remove(name);
    note();
  }
  await rig.tryDeploy("vm7", 3, 2);
  note();
  rig.world.stopFromInside("vm2");
  await rig.tick();
  note();
  rig.world.start("vm2");
  await rig.tick();
  note();
  await rig.tick();
  await rig.agent.stop();
  return { file, states };
}

for (const policy of ["slackvm", "vmstack", "headroom", "sweetspotvm"] as const) {
  test(`a recorded run of ${policy} replays to the same pools after every change`, async () => {
    const template = policy === "sweetspotvm" ? [1, 2, 3] : null;
    const { file, states } = await live({ policy, ...(template ? { template } : {}) });
    await inFolder(async (folder) => {
      const tracePath = join(folder, "trace.csv");
      writeFileSync(tracePath, file.text);
      const summary = await runReplay({
        topology: SMALL,
        tracePath,
        policy,
        template: template?.map(ratio) ?? null,
        criticalSize: 0,
        hostPcpus: [],
        memoryUnit: "MB",
        strict: true,
        outDir: folder,
        monitoringPath: null,
        poolText: "compact",
        candidates: null,
      });
      assert.ok(summary !== null);
      const lines = readFileSync(join(folder, "decisions.jsonl"), "utf8").trim().split("\n");
      const replayed = lines.map((line) => (JSON.parse(line) as { pools: Pools }).pools);
      assert.deepEqual(distinct([[], ...replayed]), distinct(states));
    });
  });
}

test("every record has the values of the latest usage, and a first one has none", async () => {
  const { file } = await live({ policy: "slackvm" });
  await inFolder(async (folder) => {
    const path = join(folder, "trace.csv");
    writeFileSync(path, file.text);
    const seen = new Map<string, (number | null)[]>();
    let last = Number.NEGATIVE_INFINITY;
    for await (const record of readTrace(path, true)) {
      assert.ok(record.timestamp >= last, "time does not go back");
      last = record.timestamp;
      if (record.vmName === "vm0" && record.resource === "cpu") {
        seen.set("vm0", [...(seen.get("vm0") ?? []), record.value]);
        assert.equal(record.config, 2);
        assert.equal(record.ratio, 1);
      }
    }
    const values = seen.get("vm0")!;
    assert.equal(values[0], null);
    assert.ok(values.at(-1)! >= 0 && values.at(-1)! <= 1);
  });
});

test("a recording that cannot be written costs neither a deploy nor a tick", async () => {
  const file = new MemoryFile();
  const rig = await new Rig({ agent: { recorder: new Recorder(file) } }).start();
  file.failure = new OperationalError("state-not-written", "no space left on device", false);
  await rig.deploy("web");
  assert.equal((await rig.tick()).failure, null);
  rig.check();
});
