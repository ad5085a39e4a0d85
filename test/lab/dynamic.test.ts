/** Pools that follow their usage, on a real libvirtd with real QEMU guests: pCPUs for guests that wait, measured and pinned for real. */
import assert from "node:assert/strict";
import { cpus } from "node:os";
import { after, before, describe, test } from "node:test";
import { AgentProcess, eventually } from "./agent-process.js";
import { openLab } from "./lab.js";
import type { LabHost } from "./lab-host.js";
import { assertHostInOrder, deploy, eventuallyPinnedAsPlanned } from "./witness.js";

const lab = await openLab();
const tooSmall = cpus().length < 2 ? "two pCPUs are needed" : false;
const NAMES = ["a", "b"];

describe("an agent whose pools follow their usage, with real guests", { skip: lab.skip || tooSmall }, () => {
  let host: LabHost;
  let agent: AgentProcess;
  before(async () => {
    if (lab.skip !== false) throw new Error(lab.skip);
    host = await lab.startLibvirtd();
    agent = await AgentProcess.start(host, "--dynamic", "yes", "--elastic", "lend", "--dynamic-boot-seconds", "5");
  });
  after(() => host?.stop());

  test("guests that share a pCPU and wait for it get another one until it is sold, and virsh says so", async () => {
    for (const name of NAMES) await deploy(agent, { name, ratio: 3 });
    for (const name of NAMES) assert.equal(await host.guestCommand(name, "burn 90"), "ok");
    const pool = await eventually("the pool grows", async () => {
      const [one] = await agent.client.pools();
      return one?.pcpuCount === 2 && one;
    });
    assert.equal(pool.dynamics?.effectiveRatio, 1);
    await eventuallyPinnedAsPlanned(agent, host);
    await assertHostInOrder(agent, host);
    if (cpus().length === 2) {
      await deploy(agent, { name: "late", ratio: 1 });
      assert.deepEqual(
        (await agent.client.pools()).map((one) => one.pcpuCount),
        [1, 1],
        "the busy pool yields what it held beyond what was sold",
      );
      await eventuallyPinnedAsPlanned(agent, host);
    }
    for (const name of NAMES) await host.guestCommand(name, "burn 0");
  });
});
